// SPDX-License-Identifier: Apache-2.0
//
// quickstart [DIRECTORY]: opens a database, writes rows, reads them back, closes it.
#include <kyro/db.h>
#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>

namespace {

int Fail(const kyro::Status& status) {
  std::cerr << status.ToString() << '\n';
  return EXIT_FAILURE;
}

int Wrong(const char* what) {
  std::cerr << "wrong: " << what << '\n';
  return EXIT_FAILURE;
}

// Reads go through a view: one sequence, no lock, values in place.
int Read(const kyro::Keyspace<kyro::U64>& cells) {
  kyro::Result<kyro::View<kyro::U64>> view = cells.view();
  if (!view.ok()) return Fail(view.status());

  const kyro::Lookup hit = view->Get(42);  // present, absent or failed: no operator bool
  if (!hit.present()) return Fail(hit.status());
  std::cout << "42: " << hit.value() << '\n';
  if (hit.value() != "answer") return Wrong("the value of 42");
  if (!view->Get(43).absent()) return Wrong("43 was deleted");

  std::uint64_t rows = 0;
  kyro::Scan<kyro::U64> scan = view->scan({.lo = 40, .hi = 50});  // hi is exclusive
  for (const auto [key, value] : scan) {
    std::cout << "row " << key << ": " << value << '\n';
    ++rows;
  }
  if (!scan.status().ok()) return Fail(scan.status());  // a scan that failed ends early
  return rows == 2 ? EXIT_SUCCESS : Wrong("rows from 40 to 50");
}

int Run(const std::filesystem::path& directory) {
  kyro::Result<kyro::Db> db = kyro::Db::Open(directory);  // made if it is not there
  if (!db.ok()) return Fail(db.status());
  kyro::Result<kyro::Keyspace<kyro::U64>> cells = db->OpenKeyspace<kyro::U64>();
  if (!cells.ok()) return Fail(cells.status());

  for (const auto& [key, value] : {std::pair{41u, "before"}, {42u, "answer"}, {43u, "after"}}) {
    if (kyro::Status status = cells->Put(key, value); !status.ok()) return Fail(status);
  }
  if (kyro::Status status = cells->Delete(43); !status.ok()) return Fail(status);

  // A copy of the newest value, for when there is no view at hand.
  const kyro::Result<std::string> value = cells->Get(41);
  if (!value.ok()) return Fail(value.status());
  std::cout << "41: " << *value << '\n';
  const kyro::Result<std::string> none = cells->Get(43);
  if (none.status().code() != kyro::StatusCode::kNotFound) return Wrong("43 was deleted");
  std::cout << "43: " << none.status().ToString() << '\n';

  if (const int code = Read(*cells); code != EXIT_SUCCESS) return code;
  if (kyro::Status status = db->Close(); !status.ok()) return Fail(status);
  return EXIT_SUCCESS;
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
