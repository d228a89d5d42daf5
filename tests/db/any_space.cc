// SPDX-License-Identifier: Apache-2.0
#include "db/any_space.h"

#include "base/status_util.h"

namespace kyro::db {

std::string U64Key(std::uint64_t key) {
  std::string bytes(8, '\0');
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(key >> (56 - 8 * i));
  return bytes;
}

std::uint64_t U64Of(std::string_view key) {
  std::uint64_t value = 0;
  for (const char byte : key) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

namespace {

std::uint64_t In(U64, const std::string& key) {
  return U64Of(key);
}
std::string_view In(Bytes, const std::string& key) {
  return key;
}
std::string Out(std::uint64_t key) {
  return U64Key(key);
}
std::string Out(std::string_view key) {
  return std::string(key);
}

template <class K>
class IteratorOf final : public AnyIterator {
 public:
  explicit IteratorOf(Iterator<K> iterator) : it_(std::move(iterator)) {}
  bool Valid() const override { return it_.Valid(); }
  void Seek(const std::string& key) override { it_.Seek(In(K{}, key)); }
  void SeekForPrev(const std::string& key) override { it_.SeekForPrev(In(K{}, key)); }
  void SeekToFirst() override { it_.SeekToFirst(); }
  void SeekToLast() override { it_.SeekToLast(); }
  void Next() override { it_.Next(); }
  void Prev() override { it_.Prev(); }
  std::string key() const override { return Out(it_.key()); }
  std::string value() const override { return std::string(it_.value()); }
  Status status() const override { return it_.status(); }

 private:
  Iterator<K> it_;
};

template <class K>
class ViewOf final : public AnyView {
 public:
  explicit ViewOf(View<K> view) : view_(std::move(view)) {}
  Lookup Get(const std::string& key) const override { return view_.Get(In(K{}, key)); }
  Status MultiGet(const std::vector<std::string>& keys,
                  std::vector<Lookup>* lookups) const override {
    std::vector<typename K::Key> in;
    for (const std::string& key : keys) in.push_back(In(K{}, key));
    lookups->assign(keys.size(), Lookup());
    return view_.MultiGet(in, *lookups);
  }
  Status Scan(const std::optional<std::string>& lo, const std::optional<std::string>& hi,
              Rows* rows) const override {
    kyro::Scan<K> scan = view_.scan(RangeOf(lo, hi));
    for (auto [key, value] : scan) rows->emplace_back(Out(key), std::string(value));
    return scan.status();
  }
  Status ScanBatches(const std::optional<std::string>& lo, const std::optional<std::string>& hi,
                     Rows* rows) const override {
    kyro::Scan<K> scan = view_.scan(RangeOf(lo, hi));
    ColumnBatch<K> batch;
    while (scan.NextBatch(&batch)) {
      for (std::size_t i = 0; i < batch.size(); ++i) {
        rows->emplace_back(Out(batch.keys[i]), std::string(batch.values[i]));
      }
    }
    return scan.status();
  }
  std::unique_ptr<AnyIterator> NewIterator() const override {
    return std::make_unique<IteratorOf<K>>(view_.NewIterator());
  }
  Sequence sequence() const override { return view_.sequence(); }

 private:
  // Its Bytes ends live as long as `lo` and `hi`.
  static Range<K> RangeOf(const std::optional<std::string>& lo,
                          const std::optional<std::string>& hi) {
    Range<K> range;
    if (lo) range.lo = In(K{}, *lo);
    if (hi) range.hi = In(K{}, *hi);
    return range;
  }

  View<K> view_;
};

template <class K>
class LoaderOf final : public AnyLoader {
 public:
  explicit LoaderOf(BulkLoader<K> loader) : loader_(std::move(loader)) {}
  Status Add(const std::string& key, std::string_view value) override {
    return loader_.Add(In(K{}, key), value);
  }
  Result<Sequence> Finish() override { return loader_.Finish(); }

 private:
  BulkLoader<K> loader_;
};

template <class K>
class SpaceOf final : public AnySpace {
 public:
  explicit SpaceOf(Keyspace<K> space) : space_(std::move(space)) {}
  Status Put(const std::string& key, std::string_view value, const WriteOptions& options) override {
    return space_.Put(In(K{}, key), value, options);
  }
  Status Delete(const std::string& key, const WriteOptions& options) override {
    return space_.Delete(In(K{}, key), options);
  }
  Status Get(const std::string& key, std::string* value) const override {
    return space_.Get(In(K{}, key), value);
  }
  void BatchPut(WriteBatch* batch, const std::string& key, std::string_view value) override {
    batch->Put(space_, In(K{}, key), value);
  }
  void BatchDelete(WriteBatch* batch, const std::string& key) override {
    batch->Delete(space_, In(K{}, key));
  }
  Result<std::shared_ptr<AnyView>> view() const override { return Wrap(space_.view()); }
  Result<std::shared_ptr<AnyView>> view(const ReadPoint& point) const override {
    return Wrap(space_.view(point));
  }
  Result<std::unique_ptr<AnyLoader>> NewLoader() override {
    KYRO_ASSIGN_OR_RETURN(BulkLoader<K> loader, space_.NewBulkLoader());
    return std::unique_ptr<AnyLoader>(std::make_unique<LoaderOf<K>>(std::move(loader)));
  }
  std::uint32_t id() const override { return space_.id(); }

 private:
  static Result<std::shared_ptr<AnyView>> Wrap(Result<View<K>> view) {
    if (!view.ok()) return std::move(view).status();
    return std::shared_ptr<AnyView>(std::make_shared<ViewOf<K>>(*std::move(view)));
  }
  Keyspace<K> space_;
};

template <class K>
Result<std::unique_ptr<AnySpace>> Open(Db* db, std::string_view name) {
  KYRO_ASSIGN_OR_RETURN(Keyspace<K> space, db->OpenKeyspace<K>(name));
  return std::unique_ptr<AnySpace>(std::make_unique<SpaceOf<K>>(std::move(space)));
}

}  // namespace

Result<std::unique_ptr<AnySpace>> OpenSpace(Db* db, std::string_view name, KeyKind kind) {
  return kind == KeyKind::kU64 ? Open<U64>(db, name) : Open<Bytes>(db, name);
}

}  // namespace kyro::db
