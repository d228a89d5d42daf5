// SPDX-License-Identifier: Apache-2.0
//
// SQLite: the key is the rowid, statements are prepared, a read transaction is held.
#include <sqlite3.h>

#include <limits>
#include <string>
#include <utility>

#include "bench/peers/engine_of.h"
#include "bench/peers/settings.h"

namespace kyro::bench {
namespace {

// A rowid is signed: the numbers' order becomes that of the rowids.
sqlite3_int64 RowidOf(std::uint64_t key) {
  return static_cast<sqlite3_int64>(key ^ (std::uint64_t{1} << 63));
}
std::uint64_t KeyOf(sqlite3_int64 rowid) {
  return static_cast<std::uint64_t>(rowid) ^ (std::uint64_t{1} << 63);
}

class Statement {
 public:
  Statement(sqlite3* db, const char* text) : db_(db) {
    if (sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr) !=
        SQLITE_OK) {
      Fail();
    }
  }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(statement_); }

  void Start(std::uint64_t key) {
    sqlite3_reset(statement_);
    sqlite3_bind_int64(statement_, 1, RowidOf(key));
  }
  void BindValue(std::string_view value) {
    sqlite3_bind_blob64(statement_, 2, value.data(), value.size(), SQLITE_STATIC);
  }
  void Reset() { sqlite3_reset(statement_); }
  // Whether there is a row.
  bool Step() {
    const int error = sqlite3_step(statement_);
    if (error != SQLITE_ROW && error != SQLITE_DONE) Fail();
    return error == SQLITE_ROW;
  }
  std::uint64_t Key() { return KeyOf(sqlite3_column_int64(statement_, 0)); }
  std::string_view Value() {
    const void* const data = sqlite3_column_blob(statement_, 1);
    return {static_cast<const char*>(data),
            static_cast<std::size_t>(sqlite3_column_bytes(statement_, 1))};
  }

 private:
  [[noreturn]] void Fail() { Give(std::string("sqlite: ") + sqlite3_errmsg(db_)); }
  sqlite3* db_;
  sqlite3_stmt* statement_ = nullptr;
};

class Connection {
 public:
  explicit Connection(const StoreOptions& options) {
    const std::string file = options.directory + "/rows.sqlite";
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(file.c_str(), &db_, flags, nullptr) != SQLITE_OK) {
      Give("sqlite: " + file + " cannot be opened");
    }
    Do(fmt::format(
        "PRAGMA page_size={}; PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
        "PRAGMA mmap_size={}; PRAGMA cache_size=-{};",
        settings::kSqlitePageBytes, settings::kSqliteMap ? 2 * settings::CacheBytes(options) : 0,
        settings::CacheBytes(options) / 1024));
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { sqlite3_close_v2(db_); }

  void Do(const std::string& text) {
    char* what = nullptr;
    if (sqlite3_exec(db_, text.c_str(), nullptr, nullptr, &what) == SQLITE_OK) return;
    const std::string message = what == nullptr ? "error" : what;
    sqlite3_free(what);
    Give("sqlite: " + message);
  }
  sqlite3* raw() const { return db_; }

 private:
  sqlite3* db_ = nullptr;
};

constexpr const char* kPut = "INSERT OR REPLACE INTO rows VALUES (?1, ?2)";

class SqliteStore {
 public:
  static constexpr bool kOnDisk = true;

  explicit SqliteStore(const StoreOptions& options) : options_(options) {}

  void Load(const Rows& rows) {
    Connection db(options_);
    db.Do("CREATE TABLE rows (key INTEGER PRIMARY KEY, value BLOB)");
    db.Do("PRAGMA journal_mode=OFF; BEGIN");
    {
      Statement put(db.raw(), kPut);
      rows.ForEach([&](std::uint64_t key, std::string_view value) {
        put.Start(key);
        put.BindValue(value);
        put.Step();
      });
    }
    db.Do("COMMIT");
  }
  void Open() {
    if (!held_) held_ = std::make_unique<Connection>(options_);
  }
  void Close() { held_.reset(); }

  class Reader {
   public:
    explicit Reader(const SqliteStore& store) : Reader(store, true) {}

    std::string_view Get(std::uint64_t key) {
      get_.Start(key);
      return get_.Step() ? get_.Value() : std::string_view();
    }
    template <class F>
    void Walk(std::uint64_t from, std::size_t rows, F&& row) {
      get_.Reset();  // or the walk would not see what is newest
      walk_.Start(from);
      for (; rows > 0 && walk_.Step(); --rows) row(walk_.Key(), walk_.Value());
      walk_.Reset();
    }
    template <class F>
    void WalkAll(F&& row) {
      Walk(0, ~std::size_t{0}, row);
    }

   protected:
    Reader(const SqliteStore& store, bool hold)
        : db_(store.options_),
          get_(db_.raw(), "SELECT key, value FROM rows WHERE key = ?1"),
          walk_(db_.raw(), "SELECT key, value FROM rows WHERE key >= ?1 ORDER BY key") {
      if (hold) db_.Do("BEGIN");
    }
    Connection db_;
    Statement get_, walk_;
  };

  class Session : public Reader {
   public:
    explicit Session(const SqliteStore& store) : Reader(store, false), put_(db_.raw(), kPut) {}
    void Put(std::uint64_t key, std::string_view value) {
      this->get_.Reset();
      put_.Start(key);
      put_.BindValue(value);
      put_.Step();
      put_.Reset();
    }

   private:
    Statement put_;
  };

 private:
  StoreOptions options_;
  std::unique_ptr<Connection> held_;  // what an open store has: schema and file
};

}  // namespace

std::unique_ptr<Engine> MakeSqlite(const StoreOptions& options) {
  return std::make_unique<EngineOf<SqliteStore>>(options);
}

}  // namespace kyro::bench
