// SPDX-License-Identifier: Apache-2.0
//
// LevelDB: fully compacted, a held snapshot.
#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>

#include <string>

#include "bench/peers/engine_of.h"
#include "bench/peers/ordered_key.h"
#include "bench/peers/settings.h"

namespace kyro::bench {
namespace {

void Must(const leveldb::Status& status) {
  if (!status.ok()) Give("leveldb: " + status.ToString());
}
leveldb::Slice SliceOf(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}

class LeveldbStore {
 public:
  static constexpr bool kOnDisk = true;

  explicit LeveldbStore(const StoreOptions& options)
      : store_options_(options),
        cache_(leveldb::NewLRUCache(settings::CacheBytes(options))),
        filter_(leveldb::NewBloomFilterPolicy(settings::kBloomBitsPerKey)) {
    options_.create_if_missing = true;
    options_.compression = leveldb::kNoCompression;
    options_.block_cache = cache_.get();
    options_.filter_policy = filter_.get();
    options_.write_buffer_size = settings::kLeveldbWriteBufferBytes;
    options_.max_file_size = settings::kLeveldbFileBytes;
  }

  void Load(const Rows& rows) {
    constexpr int kBatchRows = 1000;
    Open();
    leveldb::WriteBatch batch;
    int count = 0;
    rows.ForEach([&](std::uint64_t key, std::string_view value) {
      batch.Put(SliceOf(OrderedKey(key).bytes()), SliceOf(value));
      if (++count < kBatchRows) return;
      Must(db_->Write({}, &batch));
      batch.Clear();
      count = 0;
    });
    Must(db_->Write({}, &batch));
    db_->CompactRange(nullptr, nullptr);
    Close();
  }
  void Open() {
    if (db_) return;
    leveldb::DB* db = nullptr;
    Must(leveldb::DB::Open(options_, store_options_.directory, &db));
    db_.reset(db);
  }
  void Close() { db_.reset(); }

  class Reader {
   public:
    explicit Reader(const LeveldbStore& store) : db_(store.db_.get()) {
      options_.snapshot = db_->GetSnapshot();
    }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    ~Reader() { LetGo(); }

    std::string_view Get(std::uint64_t key) {
      const leveldb::Status status = db_->Get(options_, SliceOf(OrderedKey(key).bytes()), &value_);
      if (status.ok()) return value_;
      if (!status.IsNotFound()) Must(status);
      return {};
    }
    template <class F>
    void Walk(std::uint64_t from, std::size_t rows, F&& row) {
      if (!iterator_) iterator_.reset(db_->NewIterator(options_));
      iterator_->Seek(SliceOf(OrderedKey(from).bytes()));
      while (rows > 0 && iterator_->Valid()) {
        const leveldb::Slice value = iterator_->value();
        row(OrderedKey::Number(iterator_->key().data()),
            std::string_view(value.data(), value.size()));
        if (--rows > 0) iterator_->Next();
      }
      Must(iterator_->status());
    }
    template <class F>
    void WalkAll(F&& row) {
      Walk(0, ~std::size_t{0}, row);
    }

   protected:
    // From now on the newest.
    void LetGo() {
      iterator_.reset();
      if (options_.snapshot == nullptr) return;
      db_->ReleaseSnapshot(options_.snapshot);
      options_.snapshot = nullptr;
    }
    leveldb::DB* db_;

   private:
    leveldb::ReadOptions options_;
    std::unique_ptr<leveldb::Iterator> iterator_;
    std::string value_;
  };

  class Session : public Reader {
   public:
    explicit Session(LeveldbStore& store) : Reader(store) { this->LetGo(); }
    void Put(std::uint64_t key, std::string_view value) {
      Must(this->db_->Put({}, SliceOf(OrderedKey(key).bytes()), SliceOf(value)));
    }
    template <class F>
    void Walk(std::uint64_t from, std::size_t rows, F&& row) {
      this->LetGo();
      Reader::Walk(from, rows, row);
    }
  };

 private:
  StoreOptions store_options_;
  std::unique_ptr<leveldb::Cache> cache_;
  std::unique_ptr<const leveldb::FilterPolicy> filter_;
  leveldb::Options options_;
  std::unique_ptr<leveldb::DB> db_;
};

}  // namespace

std::unique_ptr<Engine> MakeLeveldb(const StoreOptions& options) {
  return std::make_unique<EngineOf<LeveldbStore>>(options);
}

}  // namespace kyro::bench
