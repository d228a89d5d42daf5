// SPDX-License-Identifier: Apache-2.0
//
// checkpoint_restore [DIRECTORY]: a backup of a database that is in use, an accident, the restore.
#include <kyro/db.h>
#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kRows = 1000;

int Fail(const kyro::Status& status) {
  std::cerr << status.ToString() << '\n';
  return EXIT_FAILURE;
}

int Wrong(const char* what) {
  std::cerr << "wrong: " << what << '\n';
  return EXIT_FAILURE;
}

// Takes the checkpoint, then destroys what it holds in the original.
int BackUpThenBreak(const fs::path& live, const fs::path& backup) {
  kyro::Result<kyro::Db> db = kyro::Db::Open(live, {.error_if_exists = true});
  if (!db.ok()) return Fail(db.status());
  auto orders = db->OpenKeyspace<kyro::U64>("orders");
  if (!orders.ok()) return Fail(orders.status());
  kyro::WriteBatch batch;
  for (std::uint64_t order = 0; order < kRows; ++order) {
    batch.Put(*orders, order, "order " + std::to_string(order));
  }
  if (const auto sequence = db->Write(batch); !sequence.ok()) return Fail(sequence.status());

  // Holds every commit up to the sequence that it returns, and no other. Segments are shared by
  // hard links where both directories are on one file system; writes go on meanwhile.
  const kyro::Result<kyro::Sequence> sequence = db->Checkpoint(backup);
  if (!sequence.ok()) return Fail(sequence.status());
  std::cout << "checkpoint at sequence " << *sequence << '\n';

  if (kyro::Status status = orders->Put(kRows, "too late"); !status.ok()) return Fail(status);
  if (kyro::Status status = db->DropKeyspace("orders"); !status.ok()) return Fail(status);
  const kyro::Status gone = orders->Get(1).status();
  std::cout << "after the accident: " << gone.ToString() << '\n';
  if (gone.code() != kyro::StatusCode::kClosed) return Wrong("the keyspace is still there");
  kyro::Status closed = db->Close();
  return closed.ok() ? EXIT_SUCCESS : Fail(closed);
}

// A checkpoint is a database of its own, and so is a copy of one that nobody has open. The backup
// stays as it is: what is opened is the copy.
int Restore(const fs::path& backup, const fs::path& restored) {
  fs::copy(backup, restored, fs::copy_options::recursive);
  kyro::Result<kyro::Db> db = kyro::Db::Open(restored, {.create_if_missing = false});
  if (!db.ok()) return Fail(db.status());
  if (kyro::Status status = db->Verify(); !status.ok()) return Fail(status);
  auto orders = db->OpenKeyspace<kyro::U64>("orders");
  if (!orders.ok()) return Fail(orders.status());
  const kyro::Result<kyro::View<kyro::U64>> view = orders->view();
  if (!view.ok()) return Fail(view.status());

  std::uint64_t rows = 0;
  kyro::Scan<kyro::U64> scan = view->scan();
  for (const auto [order, value] : scan) {
    if (order != rows || value != "order " + std::to_string(order)) return Wrong("a row");
    ++rows;
  }
  if (!scan.status().ok()) return Fail(scan.status());
  if (rows != kRows) return Wrong("rows are missing");
  std::cout << "restored " << rows << " rows\n";

  if (kyro::Status status = orders->Put(kRows, "goes on"); !status.ok()) return Fail(status);
  kyro::Status closed = db->Close();
  return closed.ok() ? EXIT_SUCCESS : Fail(closed);
}

int Run(const fs::path& directory) {
  fs::create_directories(directory);
  const int code = BackUpThenBreak(directory / "live", directory / "backup");
  return code != EXIT_SUCCESS ? code : Restore(directory / "backup", directory / "restored");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) return Run(argv[1]);
  std::string temporary = fs::temp_directory_path() / "kyro-XXXXXX";
  if (mkdtemp(temporary.data()) == nullptr) return Wrong("no temporary directory");
  const int code = Run(temporary + "/db");
  fs::remove_all(temporary);
  return code;
}
