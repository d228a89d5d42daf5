// SPDX-License-Identifier: Apache-2.0
//
// A static search tree in memory: 16 keys a node, 17 children, compared with SIMD (Highway). The
// lowest level is the sorted array; above it, node by node, the first key of each right sibling.
// A lookup is one call through a pointer to the best target of the machine, as in kyro.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/peers/simd_tree.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "bench/peers/simd_tree.h"

HWY_BEFORE_NAMESPACE();
namespace kyro::bench::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// How many of the 16 keys are below `key`.
HWY_INLINE std::size_t RankIn(const std::uint64_t* node, std::uint64_t key) {
  const hn::CappedTag<std::uint64_t, 8> d;
  const auto wanted = hn::Set(d, key);
  std::size_t rank = 0;
  for (std::size_t i = 0; i < kNodeKeys; i += hn::Lanes(d)) {
    rank += hn::CountTrue(d, hn::Lt(hn::Load(d, node + i), wanted));
  }
  return rank;
}

std::size_t TreeLowerBound(const TreeLevels& levels, std::uint64_t key) {
  std::size_t node = 0;
  for (std::size_t i = levels.count; i-- > 1;) {
    node = node * (kNodeKeys + 1) + RankIn(levels.keys[i] + node * kNodeKeys, key);
  }
  return node * kNodeKeys + RankIn(levels.keys[0] + node * kNodeKeys, key);
}

// All queries go down one level before any goes down the next, so that their misses overlap.
void TreeLowerBounds(const TreeLevels& levels, const std::uint64_t* queries, std::size_t count,
                     std::size_t* positions) {
  for (std::size_t q = 0; q < count; ++q) positions[q] = 0;
  for (std::size_t i = levels.count; i-- > 1;) {
    for (std::size_t q = 0; q < count; ++q) {
      const std::size_t node = positions[q];
      const std::size_t child =
          node * (kNodeKeys + 1) + RankIn(levels.keys[i] + node * kNodeKeys, queries[q]);
      positions[q] = child;
      __builtin_prefetch(levels.keys[i - 1] + child * kNodeKeys);
      __builtin_prefetch(levels.keys[i - 1] + child * kNodeKeys + 8);
    }
  }
  for (std::size_t q = 0; q < count; ++q) {
    const std::size_t node = positions[q];
    positions[q] = node * kNodeKeys + RankIn(levels.keys[0] + node * kNodeKeys, queries[q]);
    __builtin_prefetch(levels.words + positions[q]);
  }
}

TreeKernels TreeKernelsHere() {
  return {TreeLowerBound, TreeLowerBounds};
}

}  // namespace kyro::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <hwy/aligned_allocator.h>

#include <algorithm>
#include <array>
#include <vector>

#include "bench/peers/engine_of.h"
#include "bench/peers/values_in_memory.h"

namespace kyro::bench {

HWY_EXPORT(TreeKernelsHere);

namespace {

class SimdTreeStore {
 public:
  static constexpr bool kOnDisk = false;

  explicit SimdTreeStore(const StoreOptions& options)
      : values_(options), kernels_(ChooseKernels()) {}
  void Open() {}
  void Close() {}

  void Load(const Rows& rows) {
    size_ = rows.size();
    words_.clear();
    words_.reserve(size_ + 1);
    rows.ForEach(
        [&](std::uint64_t, std::string_view value) { words_.push_back(values_.Keep(value)); });
    Build(rows.keys());
  }

  class Reader {
   public:
    explicit Reader(const SimdTreeStore& store) : store_(&store) {}
    std::string_view Get(std::uint64_t key) {
      return At(store_->kernels_.lower_bound(store_->levels_, key), key);
    }
    template <class F>
    void MultiGet(KeySpan keys, F&& each) {
      store_->kernels_.lower_bounds(store_->levels_, keys.data(), keys.size(), positions_.data());
      for (std::size_t i = 0; i < keys.size(); ++i) each(i, At(positions_[i], keys[i]));
    }
    template <class F>
    void Walk(std::uint64_t from, std::size_t rows, F&& row) {
      const std::size_t first = store_->kernels_.lower_bound(store_->levels_, from);
      if (first >= store_->size_) return;
      const std::size_t last = first + std::min(rows, store_->size_ - first);
      for (std::size_t i = first; i < last; ++i) {
        row(store_->levels_.keys[0][i], store_->values_.Of(store_->words_[i]));
      }
    }
    template <class F>
    void WalkAll(F&& row) {
      Walk(0, ~std::size_t{0}, row);
    }

   private:
    std::string_view At(std::size_t position, std::uint64_t key) const {
      if (position >= store_->size_ || store_->levels_.keys[0][position] != key) return {};
      return store_->values_.Of(store_->words_[position]);
    }
    const SimdTreeStore* store_;
    std::array<std::size_t, 128> positions_;
  };

 private:
  static TreeKernels ChooseKernels() {
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    return HWY_DYNAMIC_DISPATCH(TreeKernelsHere)();
  }

  void Build(KeySpan keys) {
    levels_.count = 0;
    // firsts[i]: the first key below the i-th node of the level that was made last.
    std::vector<std::uint64_t> level(keys.begin(), keys.end()), firsts;
    for (bool lowest = true;; lowest = false) {
      const std::size_t fan = kNodeKeys + (lowest ? 0 : 1);
      const std::size_t nodes = std::max<std::size_t>((level.size() + fan - 1) / fan, 1);
      const std::size_t depth = levels_.count++;
      memory_[depth] = hwy::AllocateAligned<std::uint64_t>(nodes * kNodeKeys);
      std::uint64_t* const made = memory_[depth].get();
      std::fill(made, made + nodes * kNodeKeys, ~std::uint64_t{0});
      firsts.clear();
      for (std::size_t i = 0; i < level.size(); ++i) {
        if (i % fan == 0) firsts.push_back(level[i]);
        if (lowest) made[i] = level[i];
        // The leftmost child needs no separator.
        if (!lowest && i % fan != 0) made[i / fan * kNodeKeys + i % fan - 1] = level[i];
      }
      levels_.keys[depth] = made;
      if (nodes == 1) break;
      level = firsts;
    }
    levels_.words = words_.data();
  }

  ValuesInMemory values_;
  std::size_t size_ = 0;
  std::vector<std::uint64_t> words_;
  std::array<hwy::AlignedFreeUniquePtr<std::uint64_t[]>, kTreeLevelsMax> memory_;
  TreeLevels levels_;
  TreeKernels kernels_;
};

}  // namespace

std::unique_ptr<Engine> MakeSimdTree(const StoreOptions& options) {
  return std::make_unique<EngineOf<SimdTreeStore>>(options);
}

}  // namespace kyro::bench
#endif  // HWY_ONCE
