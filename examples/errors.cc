// SPDX-License-Identifier: Apache-2.0
//
// errors [DIRECTORY]: which errors a program tells apart, and what it does about each.
#include <kyro/db.h>
#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>

namespace {

namespace fs = std::filesystem;

int Fail(const kyro::Status& status) {
  std::cerr << status.ToString() << '\n';
  return EXIT_FAILURE;
}

int Wrong(const char* what) {
  std::cerr << "wrong: " << what << '\n';
  return EXIT_FAILURE;
}

// OK: the row is durable. Any error: it is not there, and will not be.
kyro::Status PutSurely(kyro::Db* db, kyro::Keyspace<kyro::U64>* cells, std::uint64_t key,
                       std::string_view value) {
  kyro::Status status = cells->Put(key, value);
  if (status.code() != kyro::StatusCode::kUnknownOutcome &&
      status.code() != kyro::StatusCode::kReadOnly) {
    return status;  // done, or definitely not applied
  }
  // A sync of the log failed, for this write or for one before it. Nobody knows what a crash would
  // leave of it, and syncing again proves nothing. Resume settles it: everything visible is made
  // durable elsewhere, and what was unknown is not applied, for ever. So it may be written again.
  std::cout << "not known to be durable: resuming\n";
  status = db->Resume();
  return status.ok() ? cells->Put(key, value) : status;
}

// One directory, one writer: in this process and in all others.
int Locked(const fs::path& directory) {
  const kyro::Result<kyro::Db> second = kyro::Db::Open(directory);
  if (second.status().code() != kyro::StatusCode::kLocked) return Wrong("it was opened twice");
  std::cout << "opened twice: kLocked\n";
  return EXIT_SUCCESS;
}

// kBusy: not applied, try again later. From a load of the same keyspace, as here, or from a write
// that waited for room longer than Options::write_stall_max.
int Busy(kyro::Keyspace<kyro::U64>* cells) {
  {
    kyro::Result<kyro::BulkLoader<kyro::U64>> loader = cells->NewBulkLoader();
    if (!loader.ok()) return Fail(loader.status());
    const kyro::Status status = cells->Put(2, "two");
    if (status.code() != kyro::StatusCode::kBusy) return Wrong("a write went past a load");
    std::cout << "during a bulk load: " << status.ToString() << '\n';
  }  // discards the load
  const kyro::Status status = cells->Put(2, "two");
  return status.ok() ? EXIT_SUCCESS : Fail(status);
}

// kDataLoss names the file and, where one is to blame, the byte. Nothing is guessed: restore the
// file, or the database, from a copy.
int Damaged(const fs::path& sound, const fs::path& copy) {
  fs::copy(sound, copy, fs::copy_options::recursive);
  {
    std::fstream manifest(copy / "MANIFEST", std::ios::in | std::ios::out | std::ios::binary);
    manifest.seekg(200);
    const int byte = manifest.get();
    manifest.seekp(200);
    manifest.put(static_cast<char>(byte ^ 0x40));
  }
  const kyro::Result<kyro::Db> db = kyro::Db::Open(copy);
  if (db.ok() || db.status().code() != kyro::StatusCode::kDataLoss) {
    return Wrong("damage was not seen");
  }
  std::cout << "damaged: " << db.status().file() << " at offset " << db.status().offset() << '\n';
  return db.status().file() == "MANIFEST" ? EXIT_SUCCESS : Wrong("the file to blame");
}

int Run(const fs::path& directory) {
  fs::create_directories(directory);
  kyro::Result<kyro::Db> db = kyro::Db::Open(directory / "db");
  if (!db.ok()) return Fail(db.status());
  auto cells = db->OpenKeyspace<kyro::U64>();
  if (!cells.ok()) return Fail(cells.status());

  if (kyro::Status status = PutSurely(&*db, &*cells, 1, "one"); !status.ok()) return Fail(status);
  const kyro::Result<std::string> one = cells->Get(1);
  if (!one.ok() || *one != "one") return Wrong("the value of 1");
  // Absence is no failure: kNotFound carries no message and allocates nothing.
  if (cells->Get(3).status().code() != kyro::StatusCode::kNotFound) return Wrong("3 is there");

  if (const int code = Locked(directory / "db"); code != EXIT_SUCCESS) return code;
  if (const int code = Busy(&*cells); code != EXIT_SUCCESS) return code;
  // Close tells of background errors that no call has returned. Destroying the Db would drop them.
  if (kyro::Status status = db->Close(); !status.ok()) return Fail(status);
  std::cout << "closed: " << cells->Put(4, "four").ToString() << '\n';
  return Damaged(directory / "db", directory / "copy");
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
