// SPDX-License-Identifier: Apache-2.0
//
// LMDB: MDB_INTEGERKEY, a held read transaction.
#include <lmdb.h>

#include <utility>

#include "bench/peers/engine_of.h"
#include "bench/peers/settings.h"

namespace kyro::bench {
namespace {

void Must(int error, const char* what) {
  if (error != MDB_SUCCESS) Give(fmt::format("lmdb: {}: {}", what, mdb_strerror(error)));
}

class LmdbStore {
 public:
  static constexpr bool kOnDisk = true;
  static constexpr unsigned kFlags = MDB_NORDAHEAD | MDB_NOSYNC | MDB_NOTLS;

  explicit LmdbStore(const StoreOptions& options) : options_(options) {}
  LmdbStore(const LmdbStore&) = delete;
  LmdbStore& operator=(const LmdbStore&) = delete;
  ~LmdbStore() { Close(); }

  void Load(const Rows& rows) {
    OpenWith(settings::kLmdbLoadWriteMap ? kFlags | MDB_WRITEMAP : kFlags);
    MDB_txn* txn = nullptr;
    Must(mdb_txn_begin(env_, nullptr, 0, &txn), "mdb_txn_begin");
    rows.ForEach([&](std::uint64_t key, std::string_view value) {
      MDB_val k{sizeof(key), &key}, v{value.size(), const_cast<char*>(value.data())};
      Must(mdb_put(txn, dbi_, &k, &v, MDB_APPEND), "mdb_put");
    });
    Must(mdb_txn_commit(txn), "mdb_txn_commit");
    Close();
  }
  void Open() {
    if (env_ == nullptr) OpenWith(kFlags);
  }
  void Close() {
    if (env_ != nullptr) mdb_env_close(std::exchange(env_, nullptr));
  }

  class Reader {
   public:
    explicit Reader(const LmdbStore& store) : dbi_(store.dbi_) {
      Must(mdb_txn_begin(store.env_, nullptr, MDB_RDONLY, &txn_), "mdb_txn_begin");
      Must(mdb_cursor_open(txn_, dbi_, &cursor_), "mdb_cursor_open");
    }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    ~Reader() {
      mdb_cursor_close(cursor_);
      mdb_txn_abort(txn_);
    }

    std::string_view Get(std::uint64_t key) {
      MDB_val k{sizeof(key), &key}, v{};
      const int error = settings::kLmdbGetByCursor ? mdb_cursor_get(cursor_, &k, &v, MDB_SET_KEY)
                                                   : mdb_get(txn_, dbi_, &k, &v);
      return Found(error, v);
    }
    template <class F>
    void Walk(std::uint64_t from, std::size_t rows, F&& row) {
      MDB_val k{sizeof(from), &from}, v{};
      int error = mdb_cursor_get(cursor_, &k, &v, MDB_SET_RANGE);
      for (; error == MDB_SUCCESS && rows > 0; --rows) {
        row(LoadLE<std::uint64_t>(static_cast<const char*>(k.mv_data)), Found(MDB_SUCCESS, v));
        if (rows > 1) error = mdb_cursor_get(cursor_, &k, &v, MDB_NEXT);
      }
      Found(error, v);
    }
    template <class F>
    void WalkAll(F&& row) {
      Walk(0, ~std::size_t{0}, row);
    }

   protected:
    // What is read on is the newest: a transaction is cheap to renew.
    void Renew() {
      mdb_txn_reset(txn_);
      Must(mdb_txn_renew(txn_), "mdb_txn_renew");
      Must(mdb_cursor_renew(txn_, cursor_), "mdb_cursor_renew");
    }

   private:
    static std::string_view Found(int error, const MDB_val& v) {
      if (error == MDB_SUCCESS) return {static_cast<const char*>(v.mv_data), v.mv_size};
      if (error != MDB_NOTFOUND) Must(error, "reading");
      return {};
    }

    MDB_dbi dbi_;
    MDB_txn* txn_ = nullptr;
    MDB_cursor* cursor_ = nullptr;
  };

  class Session : public Reader {
   public:
    explicit Session(LmdbStore& store) : Reader(store), store_(&store) {}
    void Put(std::uint64_t key, std::string_view value) {
      MDB_txn* txn = nullptr;
      Must(mdb_txn_begin(store_->env_, nullptr, 0, &txn), "mdb_txn_begin");
      MDB_val k{sizeof(key), &key}, v{value.size(), const_cast<char*>(value.data())};
      Must(mdb_put(txn, store_->dbi_, &k, &v, 0), "mdb_put");
      Must(mdb_txn_commit(txn), "mdb_txn_commit");
      this->Renew();
    }

   private:
    LmdbStore* store_;
  };

 private:
  void OpenWith(unsigned flags) {
    Must(mdb_env_create(&env_), "mdb_env_create");
    Must(mdb_env_set_mapsize(env_, 2 * settings::CacheBytes(options_) + (std::size_t{1} << 30)),
         "mdb_env_set_mapsize");
    Must(mdb_env_open(env_, options_.directory.c_str(), flags, 0600), "mdb_env_open");
    MDB_txn* txn = nullptr;
    Must(mdb_txn_begin(env_, nullptr, 0, &txn), "mdb_txn_begin");
    Must(mdb_dbi_open(txn, nullptr, MDB_INTEGERKEY, &dbi_), "mdb_dbi_open");
    Must(mdb_txn_commit(txn), "mdb_txn_commit");
  }

  StoreOptions options_;
  MDB_env* env_ = nullptr;
  MDB_dbi dbi_ = 0;
};

}  // namespace

std::unique_ptr<Engine> MakeLmdb(const StoreOptions& options) {
  return std::make_unique<EngineOf<LmdbStore>>(options);
}

}  // namespace kyro::bench
