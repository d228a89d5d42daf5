// SPDX-License-Identifier: Apache-2.0
//
// What the segments of both key kinds share: their files, entries by position, checks and facts.
#ifndef KYRO_SEGMENT_SEGMENT_BASE_H_
#define KYRO_SEGMENT_SEGMENT_BASE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/status_util.h"
#include "filter/split_block.h"
#include "segment/block_file.h"
#include "segment/layout.h"
#include "segment/model_file.h"
#include "segment/segment.h"
#include "segment/values.h"
#include "segment/verify.h"

namespace kyro::segment {

// Bytes of values, and of keys, that a chunk of rows may take.
inline constexpr std::uint64_t kChunkBytes = std::uint64_t{256} << 10;

// How the files of a segment are held.
struct SegmentAccess {
  Access keys = Access::kMap;  // and the model
  Access data = Access::kMap;
};

// Open and checked files. The BlockFiles count their unverified blocks in *unverified.
struct SegmentFiles {
  SegmentFiles() = default;
  [[gnu::cold]] SegmentFiles(SegmentFiles&&) = default;
  [[gnu::cold]] ~SegmentFiles() = default;

  const io::Directory* directory = nullptr;
  SegmentAccess access;
  std::shared_ptr<const void> lease;  // shared by all who have opened these files
  SegmentRef ref;
  Counters* counters = nullptr;
  std::unique_ptr<std::atomic<std::uint64_t>> unverified;
  std::unique_ptr<BlockFile> keys;
  std::unique_ptr<BlockFile> data;
  std::optional<ModelFile> model;
  bool model_damaged = false;
  Layout layout;
};

// AnySegment::Copy of the segment that has `files`.
Result<std::shared_ptr<const AnySegment>> CopySegment(KeyKind kind, const SegmentFiles& files,
                                                      bool values);

// What is told of a segment, whatever its keys are (facts.cc): of its files, and where `found` is.
Facts FactsOf(const SegmentFiles& files);
Explanation ExplainFiles(const SegmentFiles& files);
void ExplainFound(const Lookup& found, const Values& values, Explanation* told);

template <class K>
class SegmentBase : public Segment<K> {
 public:
  using Key = typename K::Key;

  [[gnu::cold]] explicit SegmentBase(SegmentFiles&& files)
      : files_(std::move(files)),
        values_(files_.keys.get(), files_.data.get(), files_.layout),
        entries_(files_.layout.entries),
        counters_(files_.counters) {
    this->has_model_ = files_.model.has_value();
    this->model_damaged_ = files_.model_damaged;
    if (const Column* filter = files_.layout.filter; filter != nullptr) {
      filter_ = std::string_view(files_.keys->at(filter->offset), filter->bytes);
    }
  }

  // Null and the lower bound.
  virtual const Status* Bound(Key key, std::uint64_t* position) const noexcept = 0;

  Result<std::uint64_t> LowerBound(Key key) const noexcept override {
    std::uint64_t position = 0;
    if (const Status* error = Bound(key, &position); error != nullptr) return *error;
    return position;
  }
  const Status* ChunkAt(std::uint64_t position, std::uint64_t rows,
                        Chunk* chunk) const noexcept override {
    const std::uint64_t left = entries_ - position;
    const Status* error = Rows(position, position + (rows < left ? rows : left), chunk);
    // Damage must not hide the rows before it.
    if (error != nullptr && rows > 1) error = Rows(position, position + 1, chunk);
    return error;
  }

  bool all_verified() const noexcept override {
    return files_.unverified->load(std::memory_order_acquire) == 0;
  }
  Result<std::shared_ptr<const AnySegment>> Copy(bool values) const override {
    return CopySegment(kKindOf<K>, files_, values);
  }
  bool copied(bool values) const noexcept override {
    return files_.access.keys == Access::kCopy && (!values || files_.access.data == Access::kCopy);
  }
  std::weak_ptr<const void> lease() const noexcept override { return files_.lease; }
  std::string_view filter() const noexcept override { return filter_; }
  const SegmentRef& ref() const noexcept override { return files_.ref; }
  std::uint64_t mapped_bytes() const noexcept override {
    return files_.keys->bytes().size() + files_.data->bytes().size() +
           (files_.model ? files_.model->file->bytes().size() : 0);
  }
  Facts facts() const override { return FactsOf(files_); }
  [[gnu::cold]] Explanation Explain(Key key) const override;
  Status VerifyMapped(const Tick& tick, bool values) const override {
    Status keys = files_.keys->VerifyAll(tick);
    if (!values || keys.code() == StatusCode::kCancelled) return keys;
    Status data = files_.data->VerifyAll(tick);
    return keys.ok() || data.code() == StatusCode::kCancelled ? data : keys;
  }

 protected:
  // Keys of rows [begin, *end), as Values::Rows.
  virtual const Status* KeyRows(std::uint64_t begin, std::uint64_t* end,
                                Chunk* chunk) const noexcept = 0;

  bool FilterExcludes(std::uint64_t hash) const noexcept {
    if (filter_.empty() || filter::MayContain(filter_, hash)) return false;
    CountFilterSkip();
    return true;
  }

  // False: Get answers without a look at filter or keys.
  virtual bool InKeyRange(Key key) const noexcept = 0;
  // How the keys were searched for `key`, after a Get that did so.
  virtual void ExplainSearch(Key key, Explanation* told) const = 0;

  const SegmentFiles files_;
  const Values values_;
  const std::uint64_t entries_;
  std::string_view filter_;  // verified whole; empty: none
  Counters* const counters_;

 private:
  const Status* Rows(std::uint64_t begin, std::uint64_t end, Chunk* chunk) const noexcept {
    if (const Status* error = KeyRows(begin, &end, chunk); error != nullptr) return error;
    return values_.Rows(begin, &end, kChunkBytes, chunk);
  }
  // Threads add in steps, so that they do not fight for the counter.
  void CountFilterSkip() const noexcept {
    constexpr std::uint32_t kStep = 64;
    thread_local std::uint32_t skips = 0;
    if (++skips % kStep == 0) {
      counters_->filter_skips.fetch_add(kStep, std::memory_order_relaxed);
    }
  }
};

template <class K>
Explanation SegmentBase<K>::Explain(Key key) const {
  Explanation told = ExplainFiles(files_);
  told.in_key_range = InKeyRange(key);
  told.filter_excludes =
      told.in_key_range && told.has_filter && !filter::MayContain(filter_, filter::HashKey(key));
  told.searched = told.in_key_range && !told.filter_excludes;
  const std::uint64_t verified = counters_->blocks_verified.load(std::memory_order_relaxed);
  const Lookup found = this->Get(key);
  told.blocks_verified = counters_->blocks_verified.load(std::memory_order_relaxed) - verified;
  if (told.searched) ExplainSearch(key, &told);
  ExplainFound(found, values_, &told);
  return told;
}

// Made by segment_u64.cc and segment_bytes.cc.
std::shared_ptr<const Segment<U64>> MakeSegment(SegmentFiles&& files, const U64* kind);
std::shared_ptr<const Segment<Bytes>> MakeSegment(SegmentFiles&& files, const Bytes* kind);

}  // namespace kyro::segment

#endif  // KYRO_SEGMENT_SEGMENT_BASE_H_
