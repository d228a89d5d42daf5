// SPDX-License-Identifier: Apache-2.0
//
// byte_strings [DIRECTORY]: keys of any bytes, in memcmp order; prefixes, both directions.
#include <kyro/db.h>
#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace std::string_view_literals;

int Fail(const kyro::Status& status) {
  std::cerr << status.ToString() << '\n';
  return EXIT_FAILURE;
}

int Wrong(const char* what) {
  std::cerr << "wrong: " << what << '\n';
  return EXIT_FAILURE;
}

// The first key behind all that begin with `prefix`; none if these reach to the end.
std::optional<std::string> EndOfPrefix(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (end.empty()) return std::nullopt;
  ++end.back();
  return end;
}

int PrintPrefix(const kyro::View<kyro::Bytes>& view, std::string_view prefix) {
  const std::optional<std::string> end = EndOfPrefix(prefix);
  kyro::Range<kyro::Bytes> range{.lo = prefix};
  if (end) range.hi = *end;
  int rows = 0;
  kyro::Scan<kyro::Bytes> scan = view.scan(range);
  for (const auto [key, value] : scan) {
    std::cout << key << " = " << value << '\n';
    ++rows;
  }
  if (!scan.status().ok()) return Fail(scan.status());
  return rows == 3 ? EXIT_SUCCESS : Wrong("rows of the prefix");
}

// An iterator goes both ways. Its key and value live until it moves.
int PrintBackwards(const kyro::View<kyro::Bytes>& view) {
  std::string seen;
  kyro::Iterator<kyro::Bytes> it = view.NewIterator();
  for (it.SeekForPrev("page/2"); it.Valid(); it.Prev()) {
    std::cout << "backwards: " << (it.key().empty() ? "(the empty key)"sv : it.key()) << '\n';
    seen.append(it.key()).append(";");
  }
  if (!it.status().ok()) return Fail(it.status());
  return seen == "page/10;page/1;about;;" ? EXIT_SUCCESS : Wrong("the order of keys");
}

int Run(const std::filesystem::path& directory) {
  kyro::Result<kyro::Db> db = kyro::Db::Open(directory, {.error_if_exists = true});
  if (!db.ok()) return Fail(db.status());
  auto pages = db->OpenKeyspace<kyro::Bytes>("pages");
  if (!pages.ok()) return Fail(pages.status());

  // One batch is one sync. Zero bytes and the empty key are keys like others.
  kyro::WriteBatch batch;
  batch.Put(*pages, "page/1", "one");
  batch.Put(*pages, "page/3", "three");
  batch.Put(*pages, "page/10", "ten");  // before page/3: bytes are compared, not numbers
  batch.Put(*pages, "about", "a page");
  batch.Put(*pages, "zero\0zero"sv, "a key of nine bytes");
  batch.Put(*pages, "", "the empty key");
  if (const auto sequence = db->Write(batch); !sequence.ok()) return Fail(sequence.status());

  const kyro::Result<kyro::View<kyro::Bytes>> view = pages->view();
  if (!view.ok()) return Fail(view.status());
  const kyro::Lookup zero = view->Get("zero\0zero"sv);
  if (zero.failed()) return Fail(zero.status());
  std::cout << "zero: " << zero.value() << '\n';
  if (zero.value() != "a key of nine bytes") return Wrong("the key with a zero byte");
  if (!view->Get("zero").absent()) return Wrong("a prefix is no key");
  if (const int code = PrintPrefix(*view, "page/"); code != EXIT_SUCCESS) return code;
  if (const int code = PrintBackwards(*view); code != EXIT_SUCCESS) return code;

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
