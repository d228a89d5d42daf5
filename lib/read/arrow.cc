// SPDX-License-Identifier: Apache-2.0
//
// The stream behind kyro/arrow.h: whole segments in place where the view is one run without
// tombstones, copies of what a scan finds otherwise.
#include "kyro/arrow.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "base/status_util.h"
#include "read/arrow_array.h"
#include "read/scan_cursor.h"
#include "read/view_state.h"

namespace kyro::read {

namespace {

// Of a batch that is copied; a scan's last batch may go beyond them.
constexpr std::size_t kCopiedRows = 65536;
constexpr std::size_t kCopiedBytes = std::size_t{16} << 20;
// Rows that are verified at once.
constexpr std::uint64_t kVerifiedRows = 65536;
constexpr std::uint64_t kOffsetMax = std::numeric_limits<std::int32_t>::max();

template <class K>
constexpr const char* kKeyFormat = kKindOf<K> == KeyKind::kU64 ? "L" : "z";

int ErrnoOf(StatusCode code) noexcept {
  return code == StatusCode::kResourceExhausted ? ENOMEM : EIO;
}

// Byte strings that were copied side by side, as an Arrow column.
struct CopiedStrings {
  void Append(std::string_view bytes) {
    heap.append(bytes);
    offsets.push_back(static_cast<std::int32_t>(heap.size()));
  }
  std::vector<std::int32_t> offsets{0};
  std::string heap;
};

template <class K>
struct CopiedKeys {
  void Append(std::uint64_t key) { keys.push_back(key); }
  std::size_t bytes() const { return keys.size() * sizeof(std::uint64_t); }
  std::vector<std::uint64_t> keys;
};
template <>
struct CopiedKeys<Bytes> {
  void Append(std::string_view key) { keys.Append(key); }
  std::size_t bytes() const { return keys.heap.size(); }
  CopiedStrings keys;
};

ArrowColumn ColumnOf(const std::vector<std::uint64_t>& keys, std::shared_ptr<const void> keep) {
  return {{nullptr, keys.data()}, 2, std::move(keep)};
}
ArrowColumn ColumnOf(const CopiedStrings& strings, std::shared_ptr<const void> keep) {
  return {{nullptr, strings.offsets.data(), strings.heap.data()}, 3, std::move(keep)};
}

template <class K>
class Stream {
 public:
  // May throw bad_alloc.
  explicit Stream(std::shared_ptr<const ViewState<K>> view) : view_(std::move(view)) {
    in_place_ = Plan();
    if (!in_place_) scan_ = std::make_unique<ScanCursor<K>>(view_, Range<K>{});
  }

  void Schema(ArrowSchema* out) const {
    MakeArrowSchema(kKeyFormat<K>, width_ > 0 ? "w:" + std::to_string(width_) : "z", out);
  }
  // Leaves `out` as it is behind the last row.
  Status Next(ArrowArray* out) {
    KYRO_RETURN_IF_ERROR(error_);
    return in_place_ ? NextSegment(out) : NextCopy(out);
  }
  int Fail(Status status) noexcept {
    error_ = std::move(status);
    return ErrnoOf(error_.code());
  }
  const char* message() {
    if (error_.ok()) return nullptr;
    message_ = error_.ToString();
    return message_.c_str();
  }

 private:
  using Segments = std::vector<std::shared_ptr<const segment::Segment<K>>>;

  // True, and segments_ and width_ are set, if segments can be handed out as they are.
  bool Plan() {
    const Sources<K>& sources = view_->sources();
    if (sources.delta_count > 0) return false;
    if (sources.runs == nullptr) return true;  // no rows
    if (sources.runs->runs.size() > 1) return false;
    const Segments& segments = sources.runs->runs[0].segments;
    bool one_width = true;
    std::uint64_t keys = 0, values = 0;  // the most of a segment
    for (const auto& segment : segments) {
      const segment::Facts facts = segment->facts();
      if (facts.tombstones > 0) return false;
      if (segment == segments[0]) width_ = facts.value_bytes_fixed;
      one_width &= facts.fixed_width && facts.value_bytes_fixed == width_;
      keys = std::max(keys, facts.key_column_bytes);
      values = std::max(values, facts.value_column_bytes);
    }
    if (!one_width) width_ = 0;
    // Only columns with offsets are limited by what these can say.
    if (kKindOf<K> == KeyKind::kBytes && keys > kOffsetMax) return false;
    if (width_ == 0 && values > kOffsetMax) return false;
    segments_ = &segments;
    return true;
  }

  Status NextSegment(ArrowArray* out) {
    if (segments_ == nullptr || next_ == segments_->size()) return Status::Ok();
    const segment::Segment<K>& segment = *(*segments_)[next_];
    const std::uint64_t rows = segment.ref().entries;
    segment::Chunk chunk;
    // A chunk points to whole columns: the last one has them all, and all are verified.
    for (std::uint64_t at = 0; at < rows; at = chunk.end) {
      const Status* error = segment.ChunkAt(at, kVerifiedRows, &chunk);
      if (error != nullptr) return *error;
    }
    ArrowColumn keys{{nullptr, chunk.keys}, 2, view_};
    if constexpr (kKindOf<K> == KeyKind::kBytes) {
      keys = {{nullptr, chunk.key_offsets, chunk.key_heap}, 3, view_};
    }
    MakeArrowArray(static_cast<std::int64_t>(rows), std::move(keys), Values(chunk, rows), out);
    ++next_;
    return Status::Ok();
  }

  ArrowColumn Values(const segment::Chunk& chunk, std::uint64_t rows) const {
    if (chunk.value_offsets != nullptr) {
      return {{nullptr, chunk.value_offsets, chunk.values}, 3, view_};
    }
    if (width_ > 0) return {{nullptr, chunk.values}, 2, view_};
    // Other segments have values of other widths: only the offsets are made here.
    struct Offsets {
      std::shared_ptr<const void> view;
      std::vector<std::int32_t> offsets;
    };
    auto made = std::make_shared<Offsets>();
    made->view = view_;
    made->offsets.resize(rows + 1);
    for (std::uint64_t i = 0; i <= rows; ++i) {
      made->offsets[i] = static_cast<std::int32_t>(i * chunk.value_stride);
    }
    const std::int32_t* const offsets = made->offsets.data();
    return {{nullptr, offsets, chunk.values}, 3, std::move(made)};
  }

  Status NextCopy(ArrowArray* out) {
    struct Copy {
      CopiedKeys<K> keys;
      CopiedStrings values;
    };
    auto copy = std::make_shared<Copy>();
    std::size_t rows = 0;
    while (rows < kCopiedRows && copy->keys.bytes() + copy->values.heap.size() < kCopiedBytes) {
      const ColumnBatch<K> batch = scan_->NextBatch();
      if (batch.empty()) break;
      for (std::size_t i = 0; i < batch.size(); ++i) {
        copy->keys.Append(batch.keys[i]);
        copy->values.Append(batch.values[i]);
      }
      rows += batch.size();
    }
    KYRO_RETURN_IF_ERROR(scan_->status());
    if (rows == 0) return Status::Ok();
    MakeArrowArray(static_cast<std::int64_t>(rows), ColumnOf(copy->keys.keys, copy),
                   ColumnOf(copy->values, copy), out);
    return Status::Ok();
  }

  const std::shared_ptr<const ViewState<K>> view_;
  bool in_place_ = false;
  const Segments* segments_ = nullptr;  // null: no rows
  std::size_t next_ = 0;
  std::uint32_t width_ = 0;  // of all values; 0: binary
  std::unique_ptr<ScanCursor<K>> scan_;
  Status error_;
  std::string message_;
};

// The stream's callbacks. No exception leaves them.
template <class K>
struct Calls {
  static Stream<K>* Of(ArrowArrayStream* stream) {
    return static_cast<Stream<K>*>(stream->private_data);
  }
  static int GetSchema(ArrowArrayStream* stream, ArrowSchema* out) {
    try {
      Of(stream)->Schema(out);
      return 0;
    } catch (const std::bad_alloc&) {
      return Of(stream)->Fail(Status(StatusCode::kResourceExhausted, "no memory for a schema"));
    }
  }
  static int GetNext(ArrowArrayStream* stream, ArrowArray* out) {
    *out = ArrowArray{};
    try {
      Status status = Of(stream)->Next(out);
      return status.ok() ? 0 : Of(stream)->Fail(std::move(status));
    } catch (const std::bad_alloc&) {
      return Of(stream)->Fail(Status(StatusCode::kResourceExhausted, "no memory for a batch"));
    }
  }
  static const char* GetLastError(ArrowArrayStream* stream) {
    try {
      return Of(stream)->message();
    } catch (const std::bad_alloc&) {
      return "out of memory";
    }
  }
  static void Release(ArrowArrayStream* stream) {
    delete Of(stream);
    stream->release = nullptr;
    stream->private_data = nullptr;
  }
};

}  // namespace

// A View's friend.
struct ArrowAccess {
  template <class K>
  static Status Export(const View<K>& view, ArrowArrayStream* out) {
    if (out == nullptr) return Status(StatusCode::kInvalidArgument, "out is null");
    *out = ArrowArrayStream{};
    return Guarded([&] {
      auto stream = std::make_unique<Stream<K>>(view.state_);
      *out = {&Calls<K>::GetSchema, &Calls<K>::GetNext, &Calls<K>::GetLastError, &Calls<K>::Release,
              stream.release()};
      return Status::Ok();
    });
  }
};

}  // namespace kyro::read

namespace kyro {

Status ExportArrow(const View<U64>& view, ::ArrowArrayStream* out) {
  return read::ArrowAccess::Export(view, out);
}
Status ExportArrow(const View<Bytes>& view, ::ArrowArrayStream* out) {
  return read::ArrowAccess::Export(view, out);
}

}  // namespace kyro
