// SPDX-License-Identifier: Apache-2.0
//
// What a program would hold in memory instead: hash map, B-tree map, sorted array. Values of 8
// bytes stand inline; longer ones behind an offset.
#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bench/peers/engine_of.h"
#include "bench/peers/settings.h"
#include "bench/peers/values_in_memory.h"

namespace kyro::bench {
namespace {

class InMemory {
 public:
  static constexpr bool kOnDisk = false;
  void Open() {}
  void Close() {}

 protected:
  explicit InMemory(const StoreOptions& options) : values_(options) {}
  ValuesInMemory values_;
};

template <bool kPrefetch>
class FlatHashMapStore : public InMemory {
 public:
  explicit FlatHashMapStore(const StoreOptions& options) : InMemory(options) {}

  void Load(const Rows& rows) {
    map_.clear();
    map_.reserve(rows.size());
    rows.ForEach(
        [&](std::uint64_t key, std::string_view value) { map_.emplace(key, values_.Keep(value)); });
  }

  class Plain {
   public:
    explicit Plain(FlatHashMapStore& store) : store_(&store) {}
    std::string_view Get(std::uint64_t key) {
      const auto at = store_->map_.find(key);
      if (at == store_->map_.end()) return {};
      return store_->values_.Of(at->second);
    }

   protected:
    FlatHashMapStore* store_;
  };
  class Prefetching : public Plain {
   public:
    using Plain::Plain;
    template <class F>
    void MultiGet(KeySpan keys, F&& each) {
      for (const std::uint64_t key : keys) this->store_->map_.prefetch(key);
      for (std::size_t i = 0; i < keys.size(); ++i) each(i, this->Get(keys[i]));
    }
  };
  using Reader = std::conditional_t<kPrefetch, Prefetching, Plain>;

  class Session : public Plain {
   public:
    using Plain::Plain;
    void Put(std::uint64_t key, std::string_view value) {
      this->store_->map_.insert_or_assign(key, this->store_->values_.Keep(value));
    }
  };

 private:
  absl::flat_hash_map<std::uint64_t, std::uint64_t> map_;
};

class PrefetchStore : public FlatHashMapStore<true> {
 public:
  using FlatHashMapStore::FlatHashMapStore;
  static constexpr const char* kOnlyBatches = "as flat_hash_map";
};

class BtreeMapStore : public InMemory {
 public:
  explicit BtreeMapStore(const StoreOptions& options) : InMemory(options) {}

  void Load(const Rows& rows) {
    map_.clear();
    rows.ForEach([&](std::uint64_t key, std::string_view value) {
      map_.emplace_hint(map_.end(), key, values_.Keep(value));
    });
  }

  class Session {
   public:
    explicit Session(BtreeMapStore& store) : store_(&store) {}
    std::string_view Get(std::uint64_t key) {
      const auto at = store_->map_.find(key);
      if (at == store_->map_.end()) return {};
      return store_->values_.Of(at->second);
    }
    void Put(std::uint64_t key, std::string_view value) {
      store_->map_.insert_or_assign(key, store_->values_.Keep(value));
    }
    template <class F>
    void Walk(std::uint64_t from, std::size_t rows, F&& row) {
      for (auto at = store_->map_.lower_bound(from); rows > 0 && at != store_->map_.end();
           --rows, ++at) {
        row(at->first, store_->values_.Of(at->second));
      }
    }
    template <class F>
    void WalkAll(F&& row) {
      Walk(0, ~std::size_t{0}, row);
    }

   private:
    BtreeMapStore* store_;
  };
  using Reader = Session;

 private:
  absl::btree_map<std::uint64_t, std::uint64_t> map_;
};

class SortedArrayStore : public InMemory {
 public:
  explicit SortedArrayStore(const StoreOptions& options) : InMemory(options) {}

  void Load(const Rows& rows) {
    keys_.assign(rows.keys().begin(), rows.keys().end());
    words_.clear();
    words_.reserve(rows.size());
    rows.ForEach(
        [&](std::uint64_t, std::string_view value) { words_.push_back(values_.Keep(value)); });
  }

  class Reader {
   public:
    explicit Reader(const SortedArrayStore& store) : store_(&store) {}
    std::string_view Get(std::uint64_t key) {
      const std::size_t at = LowerBound(key);
      if (at == store_->keys_.size() || store_->keys_[at] != key) return {};
      return store_->values_.Of(store_->words_[at]);
    }
    template <class F>
    void Walk(std::uint64_t from, std::size_t rows, F&& row) {
      const std::size_t first = LowerBound(from);
      const std::size_t last = first + std::min(rows, store_->keys_.size() - first);
      for (std::size_t i = first; i < last; ++i) {
        row(store_->keys_[i], store_->values_.Of(store_->words_[i]));
      }
    }
    template <class F>
    void WalkAll(F&& row) {
      Walk(0, ~std::size_t{0}, row);
    }
    void WalkColumns(RowChecker& rows) {
      if (!store_->values_.side_by_side()) return WalkAll(rows);
      rows.Columns(store_->keys_, reinterpret_cast<const char*>(store_->words_.data()));
    }

   private:
    std::size_t LowerBound(std::uint64_t key) const {
      const std::uint64_t* const keys = store_->keys_.data();
      if constexpr (settings::kSortedArrayBranches) {
        return static_cast<std::size_t>(std::lower_bound(keys, keys + store_->keys_.size(), key) -
                                        keys);
      }
      const std::uint64_t* base = keys;
      for (std::size_t count = store_->keys_.size(); count > 0;) {
        const std::size_t half = count / 2;
        __builtin_prefetch(base + half / 2);
        __builtin_prefetch(base + half + half / 2);
        base += base[half] < key ? count - half : 0;
        count = half;
      }
      return static_cast<std::size_t>(base - keys);
    }
    const SortedArrayStore* store_;
  };

 private:
  std::vector<std::uint64_t> keys_;
  std::vector<std::uint64_t> words_;
};

}  // namespace

std::unique_ptr<Engine> MakeFlatHashMap(const StoreOptions& options) {
  return std::make_unique<EngineOf<FlatHashMapStore<false>>>(options);
}
std::unique_ptr<Engine> MakeFlatHashMapPrefetch(const StoreOptions& options) {
  return std::make_unique<EngineOf<PrefetchStore>>(options);
}
std::unique_ptr<Engine> MakeBtreeMap(const StoreOptions& options) {
  return std::make_unique<EngineOf<BtreeMapStore>>(options);
}
std::unique_ptr<Engine> MakeSortedArray(const StoreOptions& options) {
  return std::make_unique<EngineOf<SortedArrayStore>>(options);
}

}  // namespace kyro::bench
