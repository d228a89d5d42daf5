// SPDX-License-Identifier: Apache-2.0
//
// RocksDB: ingested tables, a held snapshot.
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>

#include <array>
#include <string>

#include "bench/peers/engine_of.h"
#include "bench/peers/ordered_key.h"
#include "bench/peers/settings.h"

namespace kyro::bench {
namespace {

void Must(const rocksdb::Status& status) {
  if (!status.ok()) Give("rocksdb: " + status.ToString());
}
rocksdb::Slice SliceOf(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}
std::string_view ViewOf(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

class RocksdbStore {
 public:
  static constexpr bool kOnDisk = true;

  explicit RocksdbStore(const StoreOptions& options) : store_options_(options) {
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = rocksdb::NewLRUCache(settings::CacheBytes(options));
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(settings::kBloomBitsPerKey, false));
    if (settings::kRocksdbHashIndex) {
      table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
    }
    options_.create_if_missing = true;
    options_.compression = rocksdb::kNoCompression;
    options_.max_open_files = -1;
    options_.allow_mmap_reads = settings::kRocksdbMmapReads;
    options_.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  }

  void Load(const Rows& rows) {
    Open();
    const std::string file = store_options_.directory + ".sst";
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), options_);
    Must(writer.Open(file));
    rows.ForEach([&](std::uint64_t key, std::string_view value) {
      Must(writer.Put(SliceOf(OrderedKey(key).bytes()), SliceOf(value)));
    });
    Must(writer.Finish());
    rocksdb::IngestExternalFileOptions ingest;
    ingest.move_files = true;
    Must(db_->IngestExternalFile({file}, ingest));
    Close();
  }
  void Open() {
    if (db_) return;
    rocksdb::DB* db = nullptr;
    Must(rocksdb::DB::Open(options_, store_options_.directory, &db));
    db_.reset(db);
  }
  void Close() { db_.reset(); }

  class Reader {
   public:
    explicit Reader(const RocksdbStore& store)
        : db_(store.db_.get()), family_(db_->DefaultColumnFamily()) {
      options_.snapshot = db_->GetSnapshot();
    }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    ~Reader() {
      iterator_.reset();
      if (options_.snapshot != nullptr) db_->ReleaseSnapshot(options_.snapshot);
    }

    std::string_view Get(std::uint64_t key) {
      values_[0].Reset();
      return Found(db_->Get(options_, family_, SliceOf(OrderedKey(key).bytes()), &values_[0]),
                   values_[0]);
    }
    template <class F>
    void MultiGet(KeySpan keys, F&& each) {
      for (std::size_t i = 0; i < keys.size(); ++i) {
        keys_[i] = OrderedKey(keys[i]);
        slices_[i] = SliceOf(keys_[i].bytes());
        values_[i].Reset();
      }
      db_->MultiGet(options_, family_, keys.size(), slices_.data(), values_.data(),
                    statuses_.data());
      for (std::size_t i = 0; i < keys.size(); ++i) each(i, Found(statuses_[i], values_[i]));
    }
    template <class F>
    void Walk(std::uint64_t from, std::size_t rows, F&& row) {
      if (!iterator_) iterator_.reset(db_->NewIterator(options_));
      iterator_->Seek(SliceOf(OrderedKey(from).bytes()));
      while (rows > 0 && iterator_->Valid()) {
        row(OrderedKey::Number(iterator_->key().data()), ViewOf(iterator_->value()));
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
    rocksdb::DB* db_;

   private:
    static std::string_view Found(const rocksdb::Status& status,
                                  const rocksdb::PinnableSlice& value) {
      if (status.ok()) return ViewOf(value);
      if (!status.IsNotFound()) Must(status);
      return {};
    }

    rocksdb::ColumnFamilyHandle* family_;
    rocksdb::ReadOptions options_;
    std::unique_ptr<rocksdb::Iterator> iterator_;
    std::array<OrderedKey, 128> keys_;
    std::array<rocksdb::Slice, 128> slices_;
    std::array<rocksdb::PinnableSlice, 128> values_;
    std::array<rocksdb::Status, 128> statuses_;
  };

  class Session : public Reader {
   public:
    explicit Session(RocksdbStore& store) : Reader(store) { this->LetGo(); }
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
  rocksdb::Options options_;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace

std::unique_ptr<Engine> MakeRocksdb(const StoreOptions& options) {
  return std::make_unique<EngineOf<RocksdbStore>>(options);
}

}  // namespace kyro::bench
