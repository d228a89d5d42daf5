// SPDX-License-Identifier: Apache-2.0
//
// The keys column and the value heap stream straight into their files; offsets, fingerprints and
// tombstone bits wait in a spill file, and the filter is made at Finish from the keys as they were
// written, when their number is known. Memory: two write buffers, one spill buffer per secondary
// column, the checksum tables (4 bytes per 16 KiB), and at Finish the filter (1.25 bytes per key,
// at most kFilterBytesMax) and what training needs.
#include "segment/builder.h"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "base/planted.h"
#include "base/status_util.h"
#include "filter/split_block.h"
#include "segment/block_file.h"
#include "segment/block_writer.h"
#include "segment/key_columns.h"
#include "segment/layout.h"
#include "segment/model_file.h"
#include "segment/spill.h"
#include "segment/value_shape.h"
#include "segment/verify.h"

namespace kyro::segment {

namespace {

constexpr std::uint32_t kFilterBitsPerKey = 10;
// A filter of more keys than fit has fewer bits for each: less use, never wrong.
constexpr std::uint64_t kFilterBytesMax = std::uint64_t{256} << 20;
constexpr std::uint64_t kStopRows = 65536;  // rows between two polls of the stop flag

Status Stopped(const BuildContext& context) {
  if (context.stop && context.stop())
    return Status(StatusCode::kCancelled, "the build was stopped");
  return Status::Ok();
}

// The files of a build that is not finished, in the order of their publication.
struct Writers {
  std::unique_ptr<BlockWriter> data;
  std::unique_ptr<BlockWriter> model;  // may be null
  std::unique_ptr<BlockWriter> keys;
};

// Gives all of them their names, or none.
Status PublishAll(const Writers& writers) {
  for (BlockWriter* writer : {writers.data.get(), writers.model.get(), writers.keys.get()}) {
    if (writer == nullptr) continue;
    const Status status = writer->Publish();
    if (status.ok()) continue;
    for (BlockWriter* done : {writers.data.get(), writers.model.get(), writers.keys.get()}) {
      if (done != nullptr) done->Withdraw();
    }
    return status;
  }
  return Status::Ok();
}

Result<std::unique_ptr<io::Mapping>> MapTemporary(const BuildContext& context,
                                                  const BlockWriter& writer, std::uint64_t bytes) {
  KYRO_ASSIGN_OR_RETURN(const auto file, context.directory->Open(writer.temporary_name()));
  KYRO_ASSIGN_OR_RETURN(auto mapping, file->Map(Access::kMap));
  if (mapping->bytes().size() < bytes) {
    return FileError(StatusCode::kDataLoss, writer.temporary_name(), mapping->bytes().size(),
                     "ends at byte {}, want {}", mapping->bytes().size(), bytes);
  }
  KYRO_RETURN_IF_ERROR(mapping->Populate(0, bytes));
  return mapping;
}

template <class K>
class SegmentBuilder final : public Builder<K> {
 public:
  using Key = typename K::Key;

  SegmentBuilder(const BuildContext& context, const BuildOptions& options, Writers writers)
      : context_(context),
        options_(options),
        spill_(context.directory, &context_.next_number),
        writers_(std::move(writers)),
        keys_(writers_.keys.get(), &spill_),
        values_(writers_.data.get(), &spill_, options.heap_bytes_max),
        tombstones_(&spill_) {}
  [[gnu::cold]] ~SegmentBuilder() override;

  [[gnu::cold]] Status Begin() {
    KYRO_RETURN_IF_ERROR(writers_.data->BeginColumn(ColumnId::kValues, ColumnType::kBytes,
                                                    ColumnEncoding::kPlain, true));
    return keys_.Begin();
  }

  bool Full(Key key, std::uint64_t value_bytes) const override {
    if (entries_ == 0) return false;
    if (entries_ >= options_.entries_max) return true;
    if (values_.heap_bytes() + value_bytes > options_.heap_bytes_max) return true;
    return keys_.HeapFull(KeyBytes(key), options_.heap_bytes_max);
  }

  Status Add(Key key, std::string_view value) override {
    return Kept(Guarded([&] { return AddEntry(key, value, /*tombstone=*/false); }));
  }
  Status AddTombstone(Key key) override {
    return Kept(Guarded([&] { return AddEntry(key, {}, /*tombstone=*/true); }));
  }
  Status AddBlock(const RowBlock<K>& rows) override {
    if constexpr (kKindOf<K> == KeyKind::kBytes) return AddBlockOfBytes(rows);
    return Kept(Guarded([&] { return AddRows(rows); }));
  }
  bool Holds(const RowBlock<K>& rows) const override {
    if (entries_ + rows.rows() > options_.entries_max) return false;
    if (values_.heap_bytes() + rows.values.size() > options_.heap_bytes_max) return false;
    std::uint64_t key_bytes = 0;
    for (const Key key : rows.keys) key_bytes += KeyBytes(key);
    return !keys_.HeapFull(key_bytes, options_.heap_bytes_max);
  }
  std::uint64_t entries() const override { return entries_; }

  Result<SegmentRef> Finish() override {
    return Guarded([&]() -> Result<SegmentRef> {
      KYRO_RETURN_IF_ERROR(lost_);
      if (entries_ == 0) return Error(StatusCode::kInvalidArgument, "a segment of no entries");
      auto ref = FinishFiles();
      lost_ =
          ref.ok() ? Error(StatusCode::kInvalidArgument, "a build finished before") : ref.status();
      return ref;
    });
  }

 private:
  static std::uint64_t KeyBytes(std::uint64_t) noexcept { return sizeof(std::uint64_t); }
  static std::uint64_t KeyBytes(std::string_view key) noexcept { return key.size(); }

  // Cold: bulk loads hand over byte-string keys one by one.
  [[gnu::cold, gnu::noinline]] Status AddBlockOfBytes(const RowBlock<K>& rows) {
    return Kept(Guarded([&] {
      KYRO_RETURN_IF_ERROR(Check(rows));
      for (std::size_t i = 0; i < rows.rows(); ++i) {
        KYRO_RETURN_IF_ERROR(AddEntry(rows.keys[i], rows.value(i), /*tombstone=*/false));
      }
      return Status::Ok();
    }));
  }

  // A row that ran out of memory may be half there: the build is lost.
  Status Kept(Status status) noexcept {
    if (lost_.ok() && status.code() == StatusCode::kResourceExhausted) lost_ = status;
    return status;
  }

  // Not inlined: there would be two of it.
  [[gnu::noinline]] Status AddEntry(Key key, std::string_view value, bool tombstone) {
    KYRO_RETURN_IF_ERROR(lost_);
    if (entries_ > 0 && !KeyTraits<K>::Less(last_, key)) {
      return Error(StatusCode::kInvalidArgument, "a key that does not follow the one before it");
    }
    if (!KeyColumns<K>::Valid(key) || value.size() > kValueBytesMax) {
      return Error(StatusCode::kInvalidArgument, "a key or value that is too large");
    }
    if (Full(key, value.size())) {
      return Error(StatusCode::kInvalidArgument, "a segment over its split threshold");
    }
    lost_ = Write(key, value, tombstone);
    KYRO_RETURN_IF_ERROR(lost_);
    if (entries_++ == 0) first_ = key;
    last_ = key;
    return Status::Ok();
  }

  static bool Valid(const RowBlock<K>& rows) noexcept {
    bool valid = rows.one_width ? rows.width() <= kValueBytesMax : true;
    for (std::size_t i = 0; i < rows.rows() && !rows.one_width; ++i) {
      valid &= rows.value(i).size() <= kValueBytesMax;
    }
    for (const Key key : rows.keys) valid &= KeyColumns<K>::Valid(key);
    return valid;
  }

  Status Check(const RowBlock<K>& rows) const {
    KYRO_RETURN_IF_ERROR(lost_);
    if (rows.rows() == 0) return Status::Ok();
    bool ascend = entries_ == 0 || KeyTraits<K>::Less(last_, rows.keys.front());
    for (std::size_t i = 1; i < rows.rows(); ++i) {
      ascend &= KeyTraits<K>::Less(rows.keys[i - 1], rows.keys[i]);
    }
    if (!ascend) {
      return Error(StatusCode::kInvalidArgument, "a key that does not follow the one before it");
    }
    if (!Holds(rows) || !Valid(rows)) {
      return Error(StatusCode::kInvalidArgument, "rows that are too large");
    }
    return Status::Ok();
  }

  Status AddRows(const RowBlock<K>& rows) {
    KYRO_RETURN_IF_ERROR(Check(rows));
    if (rows.rows() == 0) return Status::Ok();
    lost_ = WriteRows(rows);
    KYRO_RETURN_IF_ERROR(lost_);
    if (entries_ == rows.rows()) first_ = rows.keys.front();
    last_ = rows.keys.back();
    return Status::Ok();
  }

  Status WriteRows(const RowBlock<K>& rows) {
    if (rows.one_width && values_.HasWidth(rows.width()) && tombstones_.count() == 0) {
      KYRO_RETURN_IF_ERROR(Stopped(context_));
      KYRO_RETURN_IF_ERROR(keys_.AddAll(rows.keys));
      KYRO_RETURN_IF_ERROR(values_.AddAll(rows.values, rows.rows()));
      entries_ += rows.rows();
      return Status::Ok();
    }
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      KYRO_RETURN_IF_ERROR(Write(rows.keys[i], rows.value(i), /*tombstone=*/false));
      ++entries_;
    }
    return Status::Ok();
  }

  Status Write(Key key, std::string_view value, bool tombstone) {
    if (entries_ % kStopRows == 0) KYRO_RETURN_IF_ERROR(Stopped(context_));
    KYRO_RETURN_IF_ERROR(keys_.Add(key));
    KYRO_RETURN_IF_ERROR(tombstone ? values_.AddTombstone() : values_.Add(value));
    return tombstones_.Add(entries_, tombstone);
  }

  // Cold, with all that it calls but the filter's loop over the keys: once per segment.
  [[gnu::cold, gnu::noinline]] Result<SegmentRef> FinishFiles() {
    KYRO_RETURN_IF_ERROR(FinishData());
    KYRO_RETURN_IF_ERROR(FinishKeys());
    SegmentRef ref;
    ref.data = writers_.data->ref();
    ref.keys = writers_.keys->ref();
    ref.entries = entries_;
    ref.tombstones = tombstones_.count();
    ref.min_sequence = options_.min_sequence;
    ref.max_sequence = options_.max_sequence;
    KeyTraits<K>::Append(&ref.first_key, first_);
    KeyTraits<K>::Append(&ref.last_key, last_);
    KYRO_RETURN_IF_ERROR(TrainAndSync(&ref));
    KYRO_RETURN_IF_ERROR(Stopped(context_));
    KYRO_RETURN_IF_ERROR(PublishAll(writers_));
    return ref;
  }

  // The fields of `writer`'s header that are known only now.
  void FillHeader(BlockWriter* writer, const Uuid& companion) const {
    Header* const header = writer->header();
    header->entries = entries_;
    header->tombstones = tombstones_.count();
    header->min_sequence = options_.min_sequence;
    header->max_sequence = options_.max_sequence;
    header->companion = companion;
  }

  Status FinishData() {
    BlockWriter* const data = writers_.data.get();
    const bool offsets = values_.offsets() != nullptr;
    data->EndColumn(offsets ? ColumnEncoding::kOffsets : ColumnEncoding::kPlain, entries_,
                    offsets ? 0 : values_.width());
    FillHeader(data, writers_.keys->header()->file.file);
    return data->Finish();
  }

  Status FinishKeys() {
    BlockWriter* const keys = writers_.keys.get();
    const std::function<Status()> tick = [this] { return Stopped(context_); };
    KYRO_RETURN_IF_ERROR(keys_.Finish(entries_, tick));
    if (SpillColumn* const offsets = values_.offsets(); offsets != nullptr) {
      KYRO_RETURN_IF_ERROR(keys->BeginColumn(ColumnId::kValueOffsets, ColumnType::kU32,
                                             ColumnEncoding::kPlain, true));
      KYRO_RETURN_IF_ERROR(offsets->MoveTo(keys, tick));
      keys->EndColumn(ColumnEncoding::kPlain, entries_ + 1, sizeof(std::uint32_t));
    }
    if (tombstones_.count() > 0) {
      KYRO_ASSIGN_OR_RETURN(SpillColumn* const bits, tombstones_.Finish(entries_));
      KYRO_RETURN_IF_ERROR(
          keys->BeginColumn(ColumnId::kTombstones, ColumnType::kBit, ColumnEncoding::kPlain, true));
      KYRO_RETURN_IF_ERROR(bits->MoveTo(keys, tick));
      keys->EndColumn(ColumnEncoding::kPlain, entries_, 0);
    }
    if (options_.with_filter) KYRO_RETURN_IF_ERROR(AppendFilter());
    FillHeader(keys, writers_.data->header()->file.file);
    return keys->Finish();
  }

  [[gnu::noinline]] Status AppendFilter() {
    BlockWriter* const keys = writers_.keys.get();
    KYRO_RETURN_IF_ERROR(keys->Flush());
    KYRO_ASSIGN_OR_RETURN(const auto mapping, MapTemporary(context_, *keys, keys_.end(entries_)));
    const std::uint64_t bytes =
        std::min<std::uint64_t>(filter::FilterBytes(entries_, kFilterBitsPerKey), kFilterBytesMax);
    const std::unique_ptr<char[]> filter(new (std::nothrow) char[bytes]());
    if (filter == nullptr) return Status(StatusCode::kResourceExhausted, "no memory for a filter");
    const Status added = keys_.ForEachHash(mapping->bytes(), entries_,
                                           [&](std::uint64_t row, std::uint64_t hash) -> Status {
                                             if (row % kStopRows == 0)
                                               KYRO_RETURN_IF_ERROR(Stopped(context_));
                                             filter::Add({filter.get(), bytes}, hash);
                                             return Status::Ok();
                                           });
    KYRO_RETURN_IF_ERROR(added);
    KYRO_RETURN_IF_ERROR(
        keys->BeginColumn(ColumnId::kFilter, ColumnType::kBytes, ColumnEncoding::kPlain, true));
    KYRO_RETURN_IF_ERROR(keys->Append({filter.get(), bytes}));
    keys->EndColumn(ColumnEncoding::kPlain, bytes, 1);
    return Status::Ok();
  }

  // Trains on the keys as they stand in the file, while the kernel writes both files back; then
  // makes everything durable and reads it again.
  Status TrainAndSync(SegmentRef* ref) {
    std::unique_ptr<io::Mapping> mapping;
    index::ModelBytes trained;
    if constexpr (kKindOf<K> == KeyKind::kU64) {
      const std::uint64_t end = kHeaderAreaBytes + entries_ * sizeof(std::uint64_t);
      KYRO_ASSIGN_OR_RETURN(mapping, MapTemporary(context_, *writers_.keys, end));
      const auto* const column =
          reinterpret_cast<const std::uint64_t*>(mapping->bytes().data() + kHeaderAreaBytes);
      KYRO_ASSIGN_OR_RETURN(writers_.model, WriteModel(context_, ref->keys, options_.block_bits,
                                                       {column, entries_}, &trained));
      if (writers_.model != nullptr) ref->model = writers_.model->ref();
    }
    if (!KYRO_PLANTED(kSkipDataSync)) KYRO_RETURN_IF_ERROR(writers_.data->Sync());
    if (!KYRO_PLANTED(kSkipKeysSync)) KYRO_RETURN_IF_ERROR(writers_.keys->Sync());
    if (writers_.model != nullptr && !KYRO_PLANTED(kSkipModelSync)) {
      KYRO_RETURN_IF_ERROR(writers_.model->Sync());
    }

    const Tick tick = [this](std::uint64_t) { return !context_.stop || !context_.stop(); };
    const VerifySource source{
        .directory = context_.directory, .device = false, .temporary = true, .tick = &tick};
    KYRO_RETURN_IF_ERROR(VerifyKeysAndData(source, kKindOf<K>, *ref));
    if (writers_.model == nullptr) return Status::Ok();
    return VerifyModelBytes(source, *ref, trained.bytes());
  }

  const BuildContext context_;
  const BuildOptions options_;
  SpillFile spill_;
  Writers writers_;
  KeyColumns<K> keys_;
  ValueShape values_;
  TombstoneBits tombstones_;
  std::uint64_t entries_ = 0;
  typename KeyTraits<K>::Owned first_{};
  typename KeyTraits<K>::Owned last_{};
  Status lost_;  // why nothing more can be added
};

template <class K>
SegmentBuilder<K>::~SegmentBuilder() = default;

Result<std::unique_ptr<BlockWriter>> NewWriter(const BuildContext& context,
                                               const BuildOptions& options, FileKind kind,
                                               KeyKind key_kind) {
  Header header;
  header.file.kind = kind;
  header.file.database = context.database;
  header.file.number = context.next_number();
  KYRO_ASSIGN_OR_RETURN(header.file.file, context.random->NewUuid());
  header.key_kind = key_kind;
  header.block_bits = options.block_bits;
  return BlockWriter::Create(context.directory, header);
}

template <class K>
[[gnu::cold, gnu::noinline]] Result<std::unique_ptr<Builder<K>>> NewBuilder(
    const BuildContext& context, BuildOptions options) {
  options.entries_max = std::min(options.entries_max, kSegmentEntriesMax);
  options.heap_bytes_max = std::min(options.heap_bytes_max, kSegmentHeapBytesMax);
  if (options.block_bits < kBlockBitsMin || options.block_bits > kBlockBitsMax) {
    return Error(StatusCode::kInvalidArgument, "blocks of 2^{} bytes", options.block_bits);
  }
  Writers writers;
  KYRO_ASSIGN_OR_RETURN(writers.keys, NewWriter(context, options, FileKind::kKeys, kKindOf<K>));
  KYRO_ASSIGN_OR_RETURN(writers.data, NewWriter(context, options, FileKind::kData, kKindOf<K>));
  auto builder = std::make_unique<SegmentBuilder<K>>(context, options, std::move(writers));
  KYRO_RETURN_IF_ERROR(builder->Begin());
  return std::unique_ptr<Builder<K>>(std::move(builder));
}

}  // namespace

template <class K>
Result<std::unique_ptr<Builder<K>>> Builder<K>::Create(const BuildContext& context,
                                                       const BuildOptions& options) {
  return Guarded([&] { return NewBuilder<K>(context, options); });
}

template class Builder<U64>;
template class Builder<Bytes>;

}  // namespace kyro::segment
