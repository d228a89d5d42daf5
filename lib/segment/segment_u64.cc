// SPDX-License-Identifier: Apache-2.0
//
// Segments with u64 keys: the learned index over the mapped keys column.
//
// While some blocks are unverified a lookup asks the model where it would look, verifies those
// blocks first and accepts the answer only if the two keys that prove it are among them (S1, S3).
// Once all are good it is the model's lookup and one comparison.
#include <algorithm>
#include <array>

#include "base/planted.h"
#include "segment/segment_base.h"

namespace kyro::segment {

namespace {

// Keys on either side of a model's window that its probe may look at: one for the bracket, and the
// widest error that a model records (index::kErrorBuckets).
constexpr std::uint64_t kWindowMargin = index::kErrorBuckets + 2;
// Lookups of MultiGet that go through the index together.
constexpr std::size_t kGroup = 32;

class U64Segment final : public SegmentBase<U64> {
 public:
  // Not inlined: where it would be, in make_shared's, it would be compiled for speed.
  [[gnu::cold, gnu::noinline]] explicit U64Segment(SegmentFiles&& files)
      : SegmentBase<U64>(std::move(files)),
        keys_file_(files_.keys.get()),
        keys_at_(files_.layout.keys->offset),
        keys_(reinterpret_cast<const std::uint64_t*>(keys_file_->at(keys_at_))),
        first_key_(KeyTraits<U64>::Decode(files_.ref.first_key)),
        key_span_(KeyTraits<U64>::Decode(files_.ref.last_key) - first_key_),
        unverified_(files_.unverified.get()),
        model_(files_.model ? files_.model->model
                            : index::Model::None(static_cast<std::uint32_t>(entries_))) {
    columns_.keys = keys_;
    columns_.values = values_.prefetch_stride() == 0 ? nullptr : values_.prefetch_base();
    columns_.value_stride = values_.prefetch_stride();
    columns_.counters = &counters_->model;
  }

  Lookup Get(std::uint64_t key) const noexcept override {
    return Get(key, filter_.empty() ? 0 : filter::HashKey(key));
  }
  Lookup Get(std::uint64_t key, std::uint64_t hash) const noexcept override {
    if (Excludes(key, hash)) return Lookup::Absent();
    if (AllGood()) [[likely]] {
      return AtPosition(model_.LowerBound(columns_, key), key);
    }
    return GetTested(key);
  }
  void Prefetch(std::uint64_t key) const noexcept override {
    if (files_.model && AllGood()) index::PrefetchAnswers(columns_, model_.Predict(key));
  }

  void MultiGet(std::span<const std::uint64_t> keys, std::span<Lookup> out) const noexcept override;

  DirectWay<U64> MakeDirect(Direct<U64>* direct) const noexcept override {
    if (!files_.model || !filter_.empty() || !values_.plain()) return {};
    direct->first_key = first_key_;
    direct->key_span = key_span_;
    direct->core = model_.core();
    direct->columns = columns_;
    // Only a damaged model has slots for another range than that of the keys.
    const index::NodeRecord& root = direct->core.root;
    const bool slots = direct->core.structure == index::Structure::kSlots ||
                       direct->core.structure == index::Structure::kMixed;
    if (slots && (root.min != first_key_ || root.span != key_span_)) return {};
    return ChooseDirect(direct->core, direct->columns);
  }

  const Status* Bound(std::uint64_t key, std::uint64_t* position) const noexcept override {
    if (AllGood()) [[likely]] {
      *position = model_.LowerBound(columns_, key);
      return nullptr;
    }
    return BoundTested(key, position);
  }

  [[gnu::cold]] Status VerifyFiles(const Tick& tick, std::uint64_t* bytes) const override;
  [[gnu::cold]] index::Route RouteOf(std::uint64_t key) const noexcept override {
    return model_.Trace(key);
  }

 protected:
  bool InKeyRange(std::uint64_t key) const noexcept override {
    return key - first_key_ <= key_span_;
  }
  [[gnu::cold]] void ExplainSearch(std::uint64_t key, Explanation* told) const override;
  const Status* KeyRows(std::uint64_t begin, std::uint64_t* end,
                        Chunk* chunk) const noexcept override {
    chunk->keys = keys_;
    return VerifyKeys(begin, *end);
  }

 private:
  bool AllGood() const noexcept { return unverified_->load(std::memory_order_relaxed) == 0; }
  bool Excludes(std::uint64_t key, std::uint64_t hash) const noexcept {
    return !InKeyRange(key) || ExcludedByFilter(key, hash);
  }
  bool ExcludedByFilter(std::uint64_t key, std::uint64_t hash) const noexcept {
    if (KYRO_PLANTED(kFilterForgets) && !filter_.empty() && key % 16 == 0) return true;
    return FilterExcludes(hash);
  }
  Lookup AtPosition(std::uint64_t position, std::uint64_t key) const noexcept {
    if (position >= entries_ || keys_[position] != key) return Lookup::Absent();
    return values_.At<false>(position);
  }

  const Status* VerifyKeys(std::uint64_t begin, std::uint64_t end) const noexcept {
    return keys_file_->Verify(keys_at_ + begin * 8, (end - begin) * 8);
  }
  // The keys that a lookup of `key` may have to read, if the model is right.
  struct Range {
    std::uint64_t begin, end;
  };
  Range RangeOf(std::uint64_t key) const noexcept {
    const index::Window window = model_.Predict(key);
    const std::uint64_t start = std::min<std::uint64_t>(window.start, entries_);
    const std::uint64_t end =
        start + window.count + kWindowMargin + std::uint64_t{model_.behind_tree_window()};
    return {start - std::min(start, kWindowMargin), std::min(end, entries_)};
  }
  // True if the verified keys of `range` prove that `position` is the lower bound of `key`.
  bool Proves(const Range& range, std::uint64_t position, std::uint64_t key) const noexcept {
    if (position < range.begin || position > range.end) return false;
    if (position > 0 && (position == range.begin || keys_[position - 1] >= key)) return false;
    return position == entries_ || (position < range.end && keys_[position] >= key);
  }

  [[gnu::noinline]] Lookup GetTested(std::uint64_t key) const noexcept;
  const Status* BoundTested(std::uint64_t key, std::uint64_t* position) const noexcept;
  const Status* BoundBySearch(std::uint64_t key, std::uint64_t* position) const noexcept;
  std::size_t PassFilter(std::span<const std::uint64_t> keys,
                         std::span<std::uint32_t> which) const noexcept;
  // Not inlined: there would be two of it.
  [[gnu::noinline]] void MultiGetGroup(std::span<const std::uint64_t> keys,
                                       std::span<std::uint32_t> which,
                                       std::span<Lookup> out) const noexcept;

  const BlockFile* const keys_file_;
  const std::uint64_t keys_at_;  // file offset
  const std::uint64_t* const keys_;
  const std::uint64_t first_key_;
  const std::uint64_t key_span_;  // last - first
  const std::atomic<std::uint64_t>* const unverified_;
  const index::Model model_;
  index::Columns columns_;
};

Lookup U64Segment::GetTested(std::uint64_t key) const noexcept {
  std::uint64_t position = 0;
  if (const Status* error = BoundTested(key, &position); error != nullptr) {
    return Lookup::Failed(error);
  }
  // The key at the lower bound was verified to find it.
  if (position >= entries_ || keys_[position] != key) return Lookup::Absent();
  return values_.At<true>(position);
}

const Status* U64Segment::BoundTested(std::uint64_t key, std::uint64_t* position) const noexcept {
  if (!files_.model) return BoundBySearch(key, position);
  const Range range = RangeOf(key);
  if (const Status* error = VerifyKeys(range.begin, range.end); error != nullptr) return error;
  *position = model_.LowerBound(columns_, key);
  if (Proves(range, *position, key)) [[likely]]
    return nullptr;
  counters_->model_fallbacks.fetch_add(1, std::memory_order_relaxed);
  return BoundBySearch(key, position);
}

// Verifies the block of each key before it decides.
const Status* U64Segment::BoundBySearch(std::uint64_t key, std::uint64_t* position) const noexcept {
  std::uint64_t begin = 0;
  std::uint64_t end = entries_;
  while (begin < end) {
    const std::uint64_t middle = begin + (end - begin) / 2;
    if (const Status* error = VerifyKeys(middle, middle + 1); error != nullptr) return error;
    if (keys_[middle] < key) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  *position = begin;
  return nullptr;
}

void U64Segment::MultiGet(std::span<const std::uint64_t> keys,
                          std::span<Lookup> out) const noexcept {
  std::array<std::uint32_t, kGroup> group;
  std::size_t count = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!out[i].undecided() || !InKeyRange(keys[i])) continue;
    group[count++] = static_cast<std::uint32_t>(i);
    if (count < kGroup) continue;
    MultiGetGroup(keys, group, out);
    count = 0;
  }
  MultiGetGroup(keys, std::span(group).first(count), out);
}

// Keeps those of `which` that the filter does not exclude, in order; returns how many. All blocks
// of the filter are asked for before the first is looked at.
std::size_t U64Segment::PassFilter(std::span<const std::uint64_t> keys,
                                   std::span<std::uint32_t> which) const noexcept {
  if (filter_.empty()) return which.size();
  std::array<std::uint64_t, kGroup> hashes;
  for (std::size_t j = 0; j < which.size(); ++j) {
    hashes[j] = filter::HashKey(keys[which[j]]);
    __builtin_prefetch(filter_.data() +
                       filter::BlockOffset(hashes[j], filter_.size() / filter::kBlockBytes));
  }
  std::size_t kept = 0;
  for (std::size_t j = 0; j < which.size(); ++j) {
    const std::uint32_t i = which[j];
    which[kept] = i;
    kept += ExcludedByFilter(keys[i], hashes[j]) ? 0 : 1;
  }
  return kept;
}

void U64Segment::MultiGetGroup(std::span<const std::uint64_t> keys, std::span<std::uint32_t> which,
                               std::span<Lookup> out) const noexcept {
  std::array<std::uint64_t, kGroup> queries;
  std::array<std::uint32_t, kGroup> positions;
  which = which.first(PassFilter(keys, which));
  if (which.empty()) return;
  if (!AllGood()) {
    for (const std::uint32_t i : which) out[i] = GetTested(keys[i]);
    return;
  }
  for (std::size_t j = 0; j < which.size(); ++j) queries[j] = keys[which[j]];
  model_.LowerBoundBatch(columns_, std::span(queries).first(which.size()),
                         std::span(positions).first(which.size()));
  for (std::size_t j = 0; j < which.size(); ++j) {
    const std::size_t lane = KYRO_PLANTED(kMultiGetWrongLane) ? which.size() - 1 - j : j;
    out[which[lane]] = AtPosition(positions[j], queries[j]);
  }
}

Status U64Segment::VerifyFiles(const Tick& tick, std::uint64_t* bytes) const {
  return Guarded([&]() -> Status {
    const VerifySource source{.directory = files_.directory, .tick = &tick, .bytes = bytes};
    KYRO_RETURN_IF_ERROR(VerifyKeysAndData(source, KeyKind::kU64, files_.ref));
    if (!files_.ref.model.id.exists()) return Status::Ok();
    // The bound is a property of the keys, which are the same in the mapping once it is verified.
    KYRO_RETURN_IF_ERROR(files_.keys->VerifyAll(tick));
    return VerifyModelFile(source, files_.ref, {keys_, entries_});
  });
}

void U64Segment::ExplainSearch(std::uint64_t key, Explanation* told) const {
  std::uint64_t lower_bound = 0;
  if (Bound(key, &lower_bound) != nullptr) return;  // what Get found says it
  told->lower_bound = lower_bound;
  told->route = model_.Trace(key);
  if (!told->has_model) return;
  const index::Window& window = told->route.window;
  told->window = {window.start, std::uint64_t{window.start} + window.count};
  const auto first = reinterpret_cast<std::uintptr_t>(keys_ + told->window.begin);
  const auto last = reinterpret_cast<std::uintptr_t>(keys_ + told->window.end) - 1;
  told->window_lines = last / 64 - first / 64 + 1;
  if (window.in_tree) {
    told->bound_first = told->window.begin;
    told->bound_last = std::min(told->window.end + model_.behind_tree_window(), entries_);
  } else {
    const std::uint64_t error = model_.facts().max_error;
    told->bound_first = window.position - std::min<std::uint64_t>(window.position, error);
    told->bound_last = std::min(window.position + error + 1, entries_);
  }
  // As index/lookup-inl.h has it: a key below and a key not below were both read, or the key
  // itself.
  const bool inside = lower_bound > told->window.begin && lower_bound < told->window.end;
  told->probe_proves = inside || (lower_bound == told->window.begin && keys_[lower_bound] == key);
}

}  // namespace

std::shared_ptr<const Segment<U64>> MakeSegment(SegmentFiles&& files, const U64*) {
  return std::make_shared<U64Segment>(std::move(files));
}

}  // namespace kyro::segment
