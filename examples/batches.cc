// SPDX-License-Identifier: Apache-2.0
//
// batches [DIRECTORY]: two keyspaces that must agree. Every transfer changes two accounts and adds
// a row to the journal in one batch; a reader beside it takes read points and never sees half of a
// transfer.
#include <kyro/db.h>
#include <stdlib.h>

#include <atomic>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>
#include <thread>

namespace {

constexpr int kTransfers = 200;
constexpr std::int64_t kStart = 1000;  // in each of the two accounts

int Fail(const kyro::Status& status) {
  std::cerr << status.ToString() << '\n';
  return EXIT_FAILURE;
}

int Wrong(const char* what) {
  std::cerr << "wrong: " << what << '\n';
  return EXIT_FAILURE;
}

struct Bank {
  kyro::Keyspace<kyro::Bytes> accounts;
  kyro::Keyspace<kyro::U64> journal;
};

std::int64_t Number(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// Moves 1 from anna to bert, kTransfers times.
kyro::Status Transfer(kyro::Db* db, const Bank& bank) {
  kyro::WriteBatch batch;
  for (int i = 1; i <= kTransfers; ++i) {
    batch.Clear();
    batch.Put(bank.accounts, "anna", std::to_string(kStart - i));
    batch.Put(bank.accounts, "bert", std::to_string(kStart + i));
    batch.Put(bank.journal, static_cast<std::uint64_t>(i), "anna to bert: 1");
    const kyro::Result<kyro::Sequence> sequence = db->Write(batch);
    if (!sequence.ok()) return sequence.status();
  }
  return kyro::Status::Ok();
}

// What both keyspaces held at one moment: the sum of the accounts, and whether the journal explains
// how it is distributed.
kyro::Status Check(const kyro::Db& db, const Bank& bank, std::int64_t* moved) {
  const kyro::Result<kyro::ReadPoint> point = db.read_point();
  if (!point.ok()) return point.status();
  const kyro::Result<kyro::View<kyro::Bytes>> accounts = bank.accounts.view(*point);
  if (!accounts.ok()) return accounts.status();
  const kyro::Result<kyro::View<kyro::U64>> journal = bank.journal.view(*point);
  if (!journal.ok()) return journal.status();

  const kyro::Lookup anna = accounts->Get("anna");
  const kyro::Lookup bert = accounts->Get("bert");
  if (!anna.present()) return anna.status();
  if (!bert.present()) return bert.status();
  std::int64_t rows = 0;
  kyro::Scan<kyro::U64> scan = journal->scan();
  for ([[maybe_unused]] const auto& row : scan) ++rows;
  if (!scan.status().ok()) return scan.status();

  *moved = rows;
  if (Number(anna.value()) == kStart - rows && Number(bert.value()) == kStart + rows) {
    return kyro::Status::Ok();
  }
  return kyro::Status(kyro::StatusCode::kInternal, "half of a transfer was seen");
}

int Run(const std::filesystem::path& directory) {
  kyro::Result<kyro::Db> db = kyro::Db::Open(directory, {.error_if_exists = true});
  if (!db.ok()) return Fail(db.status());
  const auto accounts = db->OpenKeyspace<kyro::Bytes>("accounts");
  if (!accounts.ok()) return Fail(accounts.status());
  const auto journal = db->OpenKeyspace<kyro::U64>("journal");
  if (!journal.ok()) return Fail(journal.status());
  const Bank bank{*accounts, *journal};

  kyro::WriteBatch batch;
  batch.Put(bank.accounts, "anna", std::to_string(kStart));
  batch.Put(bank.accounts, "bert", std::to_string(kStart));
  if (const auto sequence = db->Write(batch); !sequence.ok()) return Fail(sequence.status());

  kyro::Status written, read;
  std::atomic<bool> done{false};
  std::thread writer([&] {
    written = Transfer(&*db, bank);
    done = true;
  });
  std::int64_t moved = 0;
  while (read.ok() && !done) read = Check(*db, bank, &moved);
  writer.join();
  if (read.ok()) read = Check(*db, bank, &moved);
  if (!written.ok()) return Fail(written);
  if (!read.ok()) return Fail(read);
  if (moved != kTransfers) return Wrong("transfers are missing");
  std::cout << moved << " transfers, and no half of one was seen\n";

  kyro::Status closed = db->Close();
  return closed.ok() ? EXIT_SUCCESS : Fail(closed);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) return Run(argv[1]);
  std::string temporary = std::filesystem::temp_directory_path() / "kyro-XXXXXX";
  if (mkdtemp(temporary.data()) == nullptr) return Wrong("no temporary directory");
  const int code = Run(temporary + "/db");
  std::filesystem::remove_all(temporary);
  return code;
}
