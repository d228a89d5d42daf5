// SPDX-License-Identifier: Apache-2.0
//
// bulk_load [DIRECTORY]: sorted rows straight into segments, then many lookups at once.
#include <kyro/db.h>
#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

namespace {

constexpr std::uint64_t kRows = 100000;

int Fail(const kyro::Status& status) {
  std::cerr << status.ToString() << '\n';
  return EXIT_FAILURE;
}

int Wrong(const char* what) {
  std::cerr << "wrong: " << what << '\n';
  return EXIT_FAILURE;
}

// Squares: sorted, and no two are equally far apart.
std::uint64_t KeyOf(std::uint64_t row) {
  return row * row;
}

kyro::Status Load(kyro::Keyspace<kyro::U64>* squares) {
  kyro::Result<kyro::BulkLoader<kyro::U64>> loader = squares->NewBulkLoader();
  if (!loader.ok()) return loader.status();
  for (std::uint64_t row = 0; row < kRows; ++row) {
    kyro::Status status = loader->Add(KeyOf(row), std::to_string(row));
    if (!status.ok()) return status;  // the loader goes, and everything it loaded with it
  }
  // A key that does not ascend is refused, and the load goes on.
  const kyro::Status refused = loader->Add(0, "again");
  std::cout << "out of order: " << refused.ToString() << '\n';
  // No other writes to the keyspace meanwhile.
  const kyro::Status busy = squares->Put(1, "one");
  std::cout << "meanwhile: " << busy.ToString() << '\n';

  // All rows become durable, then visible, at once.
  const kyro::Result<kyro::Sequence> sequence = loader->Finish();
  if (!sequence.ok()) return sequence.status();
  std::cout << "loaded " << loader->count() << " rows in one commit\n";
  return kyro::Status::Ok();
}

// MultiGet overlaps the cache misses of its lookups.
int Check(const kyro::View<kyro::U64>& view) {
  std::vector<std::uint64_t> keys(1024);
  std::vector<kyro::Lookup> lookups(keys.size());
  std::uint64_t hits = 0, misses = 0;
  for (std::uint64_t row = 0; row < kRows; row += keys.size() / 2) {
    for (std::uint64_t i = 0; i < keys.size() / 2; ++i) {
      keys[2 * i] = KeyOf(row + i);
      keys[2 * i + 1] = KeyOf(row + i) + 2;  // no two squares are 2 apart
    }
    if (kyro::Status status = view.MultiGet(keys, lookups); !status.ok()) return Fail(status);
    for (std::uint64_t i = 0; i < keys.size() / 2 && row + i < kRows; ++i) {
      if (lookups[2 * i].value() != std::to_string(row + i)) return Wrong("a value");
      if (!lookups[2 * i + 1].absent()) return Wrong("a key that was not loaded");
      ++hits;
      ++misses;
    }
  }
  std::cout << hits << " hits, " << misses << " misses\n";
  return EXIT_SUCCESS;
}

int Run(const std::filesystem::path& directory) {
  kyro::Result<kyro::Db> db = kyro::Db::Open(directory, {.error_if_exists = true});
  if (!db.ok()) return Fail(db.status());
  auto squares = db->OpenKeyspace<kyro::U64>("squares");
  if (!squares.ok()) return Fail(squares.status());
  if (kyro::Status status = Load(&*squares); !status.ok()) return Fail(status);

  // Everything into memory, every checksum looked at: no later lookup waits for a disk.
  if (kyro::Status status = db->Warm(); !status.ok()) return Fail(status);
  const kyro::Result<kyro::View<kyro::U64>> view = squares->view();
  if (!view.ok()) return Fail(view.status());
  if (const int code = Check(*view); code != EXIT_SUCCESS) return code;
  const kyro::Stats stats = db->stats();
  if (stats.model_fallbacks != 0) return Wrong("a lookup fell back to binary search");
  std::cout << "segments: " << stats.segments << ", with a model of " << stats.leaves
            << " leaves\n";

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
