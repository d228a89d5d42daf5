// SPDX-License-Identifier: Apache-2.0
//
// WiredTiger: a row store with numbers as keys, a held snapshot, one cursor a session.
#include <wiredtiger.h>

#include <string>
#include <utility>

#include "bench/peers/engine_of.h"
#include "bench/peers/settings.h"

namespace kyro::bench {
namespace {

constexpr const char* kTable = "table:rows";

void Must(int error, const char* what) {
  if (error != 0) Give(fmt::format("wiredtiger: {}: {}", what, wiredtiger_strerror(error)));
}

class WiredtigerStore {
 public:
  static constexpr bool kOnDisk = true;

  explicit WiredtigerStore(const StoreOptions& options) : options_(options) {}
  WiredtigerStore(const WiredtigerStore&) = delete;
  WiredtigerStore& operator=(const WiredtigerStore&) = delete;
  ~WiredtigerStore() {
    if (connection_ != nullptr) connection_->close(connection_, nullptr);
  }

  void Load(const Rows& rows) {
    Open();
    WT_SESSION* session = nullptr;
    Must(connection_->open_session(connection_, nullptr, nullptr, &session), "open_session");
    const std::string table =
        fmt::format("key_format=Q,value_format=u,leaf_page_max={}", settings::kWiredtigerLeafPage);
    Must(session->create(session, kTable, table.c_str()), "create");
    WT_CURSOR* cursor = nullptr;
    Must(session->open_cursor(session, kTable, nullptr, "bulk", &cursor), "open_cursor");
    rows.ForEach([&](std::uint64_t key, std::string_view value) {
      WT_ITEM item{};
      item.data = value.data();
      item.size = value.size();
      cursor->set_key(cursor, key);
      cursor->set_value(cursor, &item);
      Must(cursor->insert(cursor), "insert");
    });
    Must(cursor->close(cursor), "close");
    Close();
  }
  void Open() {
    if (connection_ != nullptr) return;
    const std::string config = fmt::format(
        "create,cache_size={},log=(enabled=true,prealloc=false),transaction_sync=(enabled=false)",
        settings::CacheBytes(options_) * 2);
    Must(wiredtiger_open(options_.directory.c_str(), nullptr, config.c_str(), &connection_),
         "wiredtiger_open");
  }
  void Close() {
    if (connection_ == nullptr) return;
    WT_CONNECTION* const connection = std::exchange(connection_, nullptr);
    Must(connection->close(connection, nullptr), "close");
  }

  class Reader {
   public:
    explicit Reader(const WiredtigerStore& store) : Reader(store, true) {}
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    ~Reader() { session_->close(session_, nullptr); }

    std::string_view Get(std::uint64_t key) {
      cursor_->set_key(cursor_, key);
      const int error = cursor_->search(cursor_);
      if (error == WT_NOTFOUND) return {};
      Must(error, "search");
      return Value();
    }
    template <class F>
    void Walk(std::uint64_t from, std::size_t rows, F&& row) {
      int exact = 0;
      cursor_->set_key(cursor_, from);
      int error = cursor_->search_near(cursor_, &exact);
      if (error == 0 && exact < 0) error = cursor_->next(cursor_);
      for (; error == 0 && rows > 0; --rows) {
        std::uint64_t key = 0;
        Must(cursor_->get_key(cursor_, &key), "get_key");
        row(key, Value());
        if (rows > 1) error = cursor_->next(cursor_);
      }
      if (error != WT_NOTFOUND) Must(error, "next");
    }
    template <class F>
    void WalkAll(F&& row) {
      Walk(0, ~std::size_t{0}, row);
    }

   protected:
    Reader(const WiredtigerStore& store, bool hold) {
      WT_CONNECTION* const connection = store.connection_;
      Must(connection->open_session(connection, nullptr, nullptr, &session_), "open_session");
      if (hold) {
        Must(session_->begin_transaction(session_, "isolation=snapshot"), "begin_transaction");
      }
      Must(session_->open_cursor(session_, kTable, nullptr, "overwrite=true", &cursor_),
           "open_cursor");
    }
    WT_CURSOR* cursor_ = nullptr;

   private:
    std::string_view Value() {
      WT_ITEM item{};
      Must(cursor_->get_value(cursor_, &item), "get_value");
      return {static_cast<const char*>(item.data), item.size};
    }
    WT_SESSION* session_ = nullptr;
  };

  class Session : public Reader {
   public:
    explicit Session(const WiredtigerStore& store) : Reader(store, false) {}
    void Put(std::uint64_t key, std::string_view value) {
      WT_ITEM item{};
      item.data = value.data();
      item.size = value.size();
      this->cursor_->set_key(this->cursor_, key);
      this->cursor_->set_value(this->cursor_, &item);
      Must(this->cursor_->insert(this->cursor_), "insert");
    }
  };

 private:
  StoreOptions options_;
  WT_CONNECTION* connection_ = nullptr;
};

}  // namespace

std::unique_ptr<Engine> MakeWiredtiger(const StoreOptions& options) {
  return std::make_unique<EngineOf<WiredtigerStore>>(options);
}

}  // namespace kyro::bench
