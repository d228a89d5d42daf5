// SPDX-License-Identifier: Apache-2.0
#include "segment/segment.h"

#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "base/status_util.h"
#include "segment/segment_base.h"

namespace kyro::segment {

namespace {

// A model that cannot be used is no error, but running out of memory or descriptors is.
Status OpenModel(Access access, SegmentFiles* files) {
  auto model = ModelFile::Open(*files->directory, files->ref, access, files->counters);
  if (model.ok()) {
    files->model.emplace(std::move(model).value());
    return Status::Ok();
  }
  if (model.status().code() == StatusCode::kResourceExhausted) return std::move(model).status();
  files->model_damaged = true;
  files->counters->models_damaged.fetch_add(1, std::memory_order_relaxed);
  return Status::Ok();
}

Result<SegmentFiles> OpenFiles(const io::Directory& directory, KeyKind kind, const SegmentRef& ref,
                               SegmentAccess access, Counters* counters) {
  SegmentFiles files;
  files.directory = &directory;
  files.access = access;
  files.ref = ref;
  files.counters = counters;
  files.unverified = std::make_unique<std::atomic<std::uint64_t>>(0);
  KYRO_ASSIGN_OR_RETURN(files.keys, BlockFile::Open(directory, FileKind::kKeys, ref.keys,
                                                    access.keys, counters, files.unverified.get()));
  KYRO_ASSIGN_OR_RETURN(files.data, BlockFile::Open(directory, FileKind::kData, ref.data,
                                                    access.data, counters, files.unverified.get()));
  KYRO_ASSIGN_OR_RETURN(files.layout,
                        CheckLayout(files.keys->header(), files.keys->name(), files.data->header(),
                                    files.data->name(), kind, ref));
  if (files.layout.filter != nullptr && !KYRO_PLANTED(kSkipFilterChecksum)) {
    const Status* error =
        files.keys->Verify(files.layout.filter->offset, files.layout.filter->bytes);
    if (error != nullptr) return *error;
  }
  if (ref.model.id.exists()) {
    if (kind != KeyKind::kU64) {
      return Error(StatusCode::kDataLoss, "{}: a model for byte-string keys", files.keys->name());
    }
    KYRO_RETURN_IF_ERROR(OpenModel(access.keys, &files));
  }
  // A copy cannot change any more: check it once. What is bad stays bad and is reported by the
  // reads that need it.
  if (access.keys == Access::kCopy) (void)files.keys->VerifyAll(nullptr).ok();
  if (access.data == Access::kCopy) (void)files.data->VerifyAll(nullptr).ok();
  return files;
}

}  // namespace

template <class K>
Result<std::shared_ptr<const Segment<K>>> Segment<K>::Open(const io::Directory& directory,
                                                           const Uuid&, const SegmentRef& ref,
                                                           Access access, Counters* counters) {
  return Guarded([&]() -> Result<std::shared_ptr<const Segment<K>>> {
    KYRO_ASSIGN_OR_RETURN(
        SegmentFiles files,
        OpenFiles(directory, kKindOf<K>, ref, {.keys = access, .data = access}, counters));
    files.lease = std::make_shared<char>();
    return MakeSegment(std::move(files), static_cast<const K*>(nullptr));
  });
}

Result<std::shared_ptr<const AnySegment>> CopySegment(KeyKind kind, const SegmentFiles& files,
                                                      bool values) {
  return Guarded([&]() -> Result<std::shared_ptr<const AnySegment>> {
    const Access data = values ? Access::kCopy : files.access.data;
    KYRO_ASSIGN_OR_RETURN(SegmentFiles copy,
                          OpenFiles(*files.directory, kind, files.ref,
                                    {.keys = Access::kCopy, .data = data}, files.counters));
    // A copy that came out wrong must not take the place of what is right.
    KYRO_RETURN_IF_ERROR(copy.keys->VerifyAll(nullptr));
    if (values) KYRO_RETURN_IF_ERROR(copy.data->VerifyAll(nullptr));
    copy.lease = KYRO_PLANTED(kCopyForgetsViews) ? std::make_shared<char>() : files.lease;
    std::shared_ptr<const AnySegment> made;
    if (kind == KeyKind::kU64) {
      made = MakeSegment(std::move(copy), static_cast<const U64*>(nullptr));
    } else {
      made = MakeSegment(std::move(copy), static_cast<const Bytes*>(nullptr));
    }
    return made;
  });
}

template <class K>
void Segment<K>::Cursor::Fail(Status status) noexcept {
  status_ = std::move(status);
  valid_ = false;
  chunk_ = Chunk();
}

template <class K>
void Segment<K>::Cursor::Restart() noexcept {
  status_ = Status::Ok();
  rows_ = kRowsFirst;
  chunk_ = Chunk();
}

// Shows `position`, which lies in the rows [begin, begin + rows).
template <class K>
void Segment<K>::Cursor::Load(std::uint64_t begin, std::uint64_t rows,
                              std::uint64_t position) noexcept {
  const Status* error = segment_->ChunkAt(begin, rows, &chunk_);
  if (error != nullptr || position >= chunk_.end) {
    // Rows before `position` are large or damaged: it stands alone.
    rows_ = 1;
    error = segment_->ChunkAt(position, 1, &chunk_);
  }
  if (error != nullptr) return Fail(*error);
  rows_ = std::min(rows_ * 2, kRowsMax);
  position_ = position;
  valid_ = true;
  Show();
}

template <class K>
void Segment<K>::Cursor::LoadForward() noexcept {
  if (position_ >= segment_->ref().entries) {
    valid_ = false;
    return;
  }
  Load(position_, rows_, position_);
}

template <class K>
void Segment<K>::Cursor::LoadBackward() noexcept {
  if (position_ == 0) {
    valid_ = false;
    return;
  }
  const std::uint64_t position = position_ - 1;
  const std::uint64_t begin = position - std::min(position, rows_ - 1);
  Load(begin, position - begin + 1, position);
}

template <class K>
void Segment<K>::Cursor::SeekToFirst() noexcept {
  Restart();
  position_ = 0;
  LoadForward();
}

template <class K>
void Segment<K>::Cursor::SeekToLast() noexcept {
  Restart();
  position_ = segment_->ref().entries;
  LoadBackward();
}

template <class K>
void Segment<K>::Cursor::Seek(Key key) noexcept {
  Restart();
  const Result<std::uint64_t> position = segment_->LowerBound(key);
  if (!position.ok()) return Fail(position.status());
  position_ = position.value();
  LoadForward();
}

template <class K>
void Segment<K>::Cursor::SeekForPrev(Key key) noexcept {
  Seek(key);
  if (valid_ && KeyTraits<K>::Equal(key_, key)) return;
  if (!status_.ok()) return;
  chunk_ = Chunk();
  LoadBackward();
}

template class Segment<U64>;
template class Segment<Bytes>;

}  // namespace kyro::segment
