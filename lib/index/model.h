// SPDX-License-Identifier: Apache-2.0
//
// The learned index over one sorted column of u64 keys: Train builds a model, Model::Open makes
// its bytes usable, and a lookup asks it where a key is.
//
// A model is a hint (G8). Every answer is proved by the keys themselves, keys[p - 1] < key <=
// keys[p]; a model that fails the proof costs a binary search and counts a fallback. With the
// model that was trained for the column there are no fallbacks, for any key, present or absent.
//
// Thread safety: a Model and a Columns may be used by any number of threads at once.
#ifndef KYRO_INDEX_MODEL_H_
#define KYRO_INDEX_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>

#include "base/check.h"
#include "index/core.h"
#include "index/format.h"
#include "index/kernels.h"
#include "kyro/status.h"

namespace kyro::index {

// What training learned, and wrote into the model. Counts are keys unless they say otherwise.
struct ModelFacts {
  Structure structure = Structure::kSearch;
  Reason reason = Reason::kFewKeys;
  std::uint32_t key_count = 0;
  std::uint64_t model_bytes = 0;
  std::uint32_t nodes = 0;
  std::uint32_t slots = 0;
  std::uint32_t leaves = 0;  // slots that are leaves and hold keys
  std::uint32_t trees = 0;
  std::uint32_t depth = 0;        // nodes on the longest path
  std::uint32_t tree_levels = 0;  // of the root tree, groups and packed nodes included
  std::uint32_t tree_keys = 0;
  std::uint32_t deep_keys = 0;    // below child nodes
  std::uint32_t probe_lines = 0;  // cache lines of keys that a leaf's probe reads
  std::uint32_t max_error = 0;    // over all keys in leaves; in a packed tree, behind their line
  // The smallest centred window that brackets a key: 2 error + 2 in a leaf, a block in a tree, in a
  // packed one the blocks from the chosen one to the key's.
  std::uint32_t window_p50 = 0, window_p99 = 0, window_p999 = 0, window_max = 0;
  std::uint32_t slots_cost = 0;  // expected, tenths of a nanosecond; 0: not built
  std::uint32_t tree_cost = 0;

  double bytes_per_key() const noexcept {
    return key_count == 0 ? 0 : static_cast<double>(model_bytes) / key_count;
  }
};

// One or two sentences for `explain` and `inspect`: what was chosen, and why.
Result<std::string> Explain(const ModelFacts& facts) noexcept;

struct TrainOptions {
  std::uint32_t keys_per_slot = 64;  // 8 to 1024; fewer: larger models, shorter windows
  // Builds this structure if it can be built, whatever it costs; for tests and experiments.
  enum class Force : std::uint8_t { kNothing, kSlots, kTree, kPackedTree } force = Force::kNothing;
};

// The bytes of a model, 64-byte aligned.
class ModelBytes {
 public:
  ModelBytes() = default;
  static Result<ModelBytes> Allocate(std::uint64_t count) noexcept;  // zeroed

  std::span<std::byte> bytes() noexcept { return {data_.get(), count_}; }
  std::span<const std::byte> bytes() const noexcept { return {data_.get(), count_}; }

 private:
  struct Free {
    void operator()(std::byte* data) const noexcept {
      ::operator delete[](data, std::align_val_t{kSectionAlignment});
    }
  };
  std::unique_ptr<std::byte[], Free> data_;
  std::size_t count_ = 0;
};

// Trains a model for `keys`: ascending, duplicates allowed, at most kModelKeysMax of them; any
// number of keys gives a model. Every key is looked up before the model is returned. Errors:
// kInvalidArgument (order, count), kResourceExhausted (memory).
Result<ModelBytes> Train(std::span<const std::uint64_t> keys,
                         const TrainOptions& options = {}) noexcept;

// Whether a column may hold equal keys. Kyro's u64 columns do not, digests may.
enum class KeyOrder : std::uint8_t { kStrict, kDuplicates };

// A checked view of a model's bytes, which must outlive it. Copying is cheap.
class Model {
 public:
  // A model of nothing, by binary search. Works for any column of `key_count` keys.
  static Model None(std::uint32_t key_count = 0) noexcept;

  // `blob` is 8-byte aligned (64 is faster). Checks the header and what lookups rely on (C1-C3);
  // everything else is checked where it is used, so bytes may be damaged in any way, even later.
  // Errors: kDataLoss, kUnsupported (another version), kInvalidArgument (key count, alignment).
  static Result<Model> Open(std::span<const std::byte> blob, std::uint32_t key_count,
                            KeyOrder order = KeyOrder::kStrict) noexcept;

  // The first position in [0, key_count] whose key is not below `key`, or key_count.
  std::uint32_t LowerBound(const Columns& columns, std::uint64_t key) const noexcept {
    return lower_bound_(core_, columns, key);
  }
  std::uint32_t LowerBound(const std::uint64_t* keys, std::uint64_t key,
                           Counters* counters) const noexcept {
    return LowerBound(Columns{keys, nullptr, 0, counters}, key);
  }
  // The same for queries.size() queries in lockstep; `positions` is as long. The value of each
  // position, not of its window, is prefetched.
  void LowerBoundBatch(const Columns& columns, std::span<const std::uint64_t> queries,
                       std::span<std::uint32_t> positions) const noexcept {
    KYRO_DCHECK(positions.size() >= queries.size());
    kernels_->lower_bound_batch(core_, columns, queries.data(), positions.data(), queries.size());
  }
  // Where a lookup of `key` would begin to look.
  Window Predict(std::uint64_t key) const noexcept { return kernels_->predict(core_, key); }
  // The way there, its window included.
  Route Trace(std::uint64_t key) const noexcept { return TraceOf(core_, key); }

  // How many keys behind the window of a tree its key may be: those that a packed tree misses.
  std::uint32_t behind_tree_window() const noexcept {
    return core_.structure == Structure::kPackedTree ? core_.max_error : 0;
  }

  std::uint32_t key_count() const noexcept { return core_.key_count; }
  // For lookups that are compiled elsewhere, over index/lookup-inl.h.
  const Core& core() const noexcept { return core_; }
  const ModelFacts& facts() const noexcept { return facts_; }

 private:
  friend Status VerifyModel(const Model& model, std::span<const std::uint64_t> keys) noexcept;
  friend Result<Measured> MeasureModel(const Model&, std::span<const std::uint64_t>) noexcept;

  Model() = default;
  void ChooseKernels() noexcept;

  decltype(Kernels::lower_bound) lower_bound_ = nullptr;
  Core core_;
  const Kernels* kernels_ = nullptr;
  ModelFacts facts_;
};

// Looks every key up in `model` and checks that its lower bound lies inside the recorded bound,
// and that keys and facts agree. kDataLoss says that the model is not the one trained for `keys`.
Status VerifyModel(const Model& model, std::span<const std::uint64_t> keys) noexcept;

// The errors of every key, without judging them.
Result<Measured> MeasureModel(const Model& model, std::span<const std::uint64_t> keys) noexcept;

}  // namespace kyro::index

#endif  // KYRO_INDEX_MODEL_H_
