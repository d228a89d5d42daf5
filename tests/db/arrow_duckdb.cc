// SPDX-License-Identifier: Apache-2.0
//
// kyro's Arrow streams as DuckDB reads them, through its C API, out of a shared library that is
// loaded if it is there: KYRO_LIBDUCKDB names the file. DuckDB publishes it on its release page and
// inside the npm package @duckdb/node-bindings-linux-x64. Skipped (exit code 77) without it.
#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "kyro/arrow.h"
#include "kyro/db.h"

namespace kyro {
namespace {

// As DuckDB's stable C API has it.
struct DuckResult {
  std::uint64_t deprecated[3];
  void* deprecated_columns;
  char* deprecated_error;
  void* internal;
};

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "arrow_duckdb: %s\n", what.c_str());
  std::exit(1);
}
void Must(const Status& status) {
  if (!status.ok()) Die(status.ToString());
}
template <class T>
T Must(Result<T> result) {
  Must(result.status());
  return *std::move(result);
}

class DuckDb {
 public:
  explicit DuckDb(void* library) : library_(library) {
    const auto open = Function<int(const char*, void**)>("duckdb_open");
    const auto connect = Function<int(void*, void**)>("duckdb_connect");
    if (open(nullptr, &database_) != 0 || connect(database_, &connection_) != 0) Die("no DuckDB");
    std::printf("DuckDB %s\n", Function<const char*()>("duckdb_library_version")());
  }
  ~DuckDb() {
    Function<void(void**)>("duckdb_disconnect")(&connection_);
    Function<void(void**)>("duckdb_close")(&database_);
  }

  // The stream as the table `name`, which can be read once.
  void Scan(const char* name, ArrowArrayStream* stream) {
    const auto scan = Function<int(void*, const char*, void*)>("duckdb_arrow_scan");
    if (scan(connection_, name, stream) != 0) Die("duckdb_arrow_scan failed");
  }
  // The number in the first column of the first row.
  std::int64_t Query(const std::string& sql) {
    DuckResult result{};
    const int state = Function<int(void*, const char*, DuckResult*)>("duckdb_query")(
        connection_, sql.c_str(), &result);
    if (state != 0) {
      Die(sql + ": " + Function<const char*(DuckResult*)>("duckdb_result_error")(&result));
    }
    const std::int64_t number = Function<std::int64_t(DuckResult*, std::uint64_t, std::uint64_t)>(
        "duckdb_value_int64")(&result, 0, 0);
    Function<void(DuckResult*)>("duckdb_destroy_result")(&result);
    return number;
  }

 private:
  template <class F>
  F* Function(const char* name) {
    void* const found = dlsym(library_, name);
    if (found == nullptr) Die(std::string("no ") + name);
    return reinterpret_cast<F*>(found);
  }
  void* const library_;
  void* database_ = nullptr;
  void* connection_ = nullptr;
};

constexpr std::int64_t kRows = 200'000;

// Row n has the key 7 n, or its decimal digits with leading zeros, and n in decimal digits as its
// value: with leading zeros, so that all are of one width, or without.
std::string Digits(std::uint64_t n, std::size_t width) {
  std::string digits = std::to_string(n);
  if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
  return digits;
}
template <class K>
void Fill(Db* db, const Keyspace<K>& space, std::size_t value_width) {
  WriteBatch batch;
  for (std::int64_t n = 0; n < kRows; ++n) {
    const auto number = static_cast<std::uint64_t>(n);
    if constexpr (kKindOf<K> == KeyKind::kU64) {
      batch.Put(space, 7 * number, Digits(number, value_width));
    } else {
      batch.Put(space, Digits(7 * number, 12), Digits(number, value_width));
    }
    if (batch.count() < 10'000) continue;
    Must(db->Write(batch, {.durability = Durability::kOs}));
    batch.Clear();
  }
  Must(db->Write(batch, {.durability = Durability::kOs}));
}

template <class K>
void Check(DuckDb* duck, const Keyspace<K>& space, const std::string& what, std::int64_t rows) {
  ArrowArrayStream stream;
  Must(ExportArrow(Must(space.view()), &stream));
  duck->Query("drop table if exists copied");
  duck->Query("drop view if exists streamed");
  duck->Scan("streamed", &stream);
  duck->Query("create table copied as select * from streamed");
  if (stream.release != nullptr) stream.release(&stream);
  const std::string key = kKindOf<K> == KeyKind::kU64 ? "key" : "cast(decode(key) as ubigint)";
  const std::int64_t all = duck->Query("select count(*) from copied");
  const std::int64_t right = duck->Query("select count(*) from copied where " + key +
                                         " = 7 * cast(decode(value) as ubigint)");
  const std::int64_t keys = duck->Query("select count(distinct key) from copied");
  std::printf("%-34s %lld rows, %lld right\n", what.c_str(), static_cast<long long>(all),
              static_cast<long long>(right));
  if (all != rows || right != rows || keys != rows) Die(what + ": not the rows of the view");
}

template <class K>
void CheckKind(DuckDb* duck, Db* db, const std::string& kind) {
  auto fixed = Must(db->OpenKeyspace<K>("fixed " + kind));
  auto variable = Must(db->OpenKeyspace<K>("variable " + kind));
  Fill(db, fixed, 8);
  Fill(db, variable, 0);
  Check(duck, fixed, kind + " keys, from memory", kRows);
  Must(db->Fold());
  Check(duck, fixed, kind + " keys, 8-byte values", kRows);
  Check(duck, variable, kind + " keys, values of any length", kRows);
  if constexpr (kKindOf<K> == KeyKind::kU64) {
    Must(fixed.Delete(7));
    Check(duck, fixed, kind + " keys, a deletion in memory", kRows - 1);
  }
}

int Main() {
  const char* const path = std::getenv("KYRO_LIBDUCKDB");
  void* const library = path == nullptr ? nullptr : dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::printf("skipped: KYRO_LIBDUCKDB does not name DuckDB's library\n");
    return 77;
  }
  std::string directory = "/tmp/kyro-duckdb-XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) Die("no directory");
  {
    DuckDb duck(library);
    Db db = Must(Db::Open(directory + "/db"));
    CheckKind<U64>(&duck, &db, "u64");
    CheckKind<Bytes>(&duck, &db, "bytes");
    Must(db.Close());
  }
  std::filesystem::remove_all(directory);
  return 0;
}

}  // namespace
}  // namespace kyro

int main() {
  return kyro::Main();
}
