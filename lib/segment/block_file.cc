// SPDX-License-Identifier: Apache-2.0
#include "segment/block_file.h"

#include <new>
#include <utility>

#include "base/crc32c.h"
#include "base/planted.h"
#include "base/status_util.h"

namespace kyro::segment {

namespace {

// A planted bug: blocks of one kind of file are taken as they are.
bool SkipsBlock(FileKind kind) noexcept {
  return (kind == FileKind::kKeys && KYRO_PLANTED(kSkipKeysChecksum)) ||
         (kind == FileKind::kData && KYRO_PLANTED(kSkipValuesChecksum)) ||
         (kind == FileKind::kModel && KYRO_PLANTED(kSkipModelChecksum));
}

// A planted bug: checksum and digest both stand over header and table; without either of them the
// other finds what is wrong.
bool SkipsDigest() noexcept {
  return KYRO_PLANTED(kSkipSegmentHeaderChecksum) || KYRO_PLANTED(kSkipTableChecksum) ||
         KYRO_PLANTED(kSkipSegmentIdentity);
}

// Bytes between two calls of a Tick: 10 ms of a slow disk.
constexpr std::uint64_t kTickBytes = std::uint64_t{1} << 20;
}  // namespace

struct BlockFile::Error {
  ErrorKind kind;
  std::uint64_t place;  // a block, or the file offset of what is impossible
  Status status;
  Error* next;
};

Result<std::unique_ptr<BlockFile>> BlockFile::Open(const io::Directory& directory, FileKind kind,
                                                   const FileRef& ref, Access access,
                                                   Counters* counters,
                                                   std::atomic<std::uint64_t>* unverified) {
  const std::string name = FileName(kind, ref.id.number);
  auto opened = directory.Open(name);
  if (opened.status().code() == StatusCode::kNotFound) {
    return FileError(StatusCode::kDataLoss, name, 0, "is missing");
  }
  KYRO_ASSIGN_OR_RETURN(const auto random, std::move(opened));
  if (random->bytes() != ref.bytes || ref.bytes < kBlockFileBytesMin) {
    return FileError(StatusCode::kDataLoss, name, random->bytes(), "is {} bytes long, want {}",
                     random->bytes(), ref.bytes);
  }
  std::unique_ptr<BlockFile> file(new BlockFile(name, counters, unverified));
  KYRO_ASSIGN_OR_RETURN(file->mapping_, random->Map(access));
  KYRO_RETURN_IF_ERROR(file->Init(ref, kind));
  return file;
}

BlockFile::~BlockFile() {
  for (Error* error = errors_.load(std::memory_order_acquire); error != nullptr;) {
    delete std::exchange(error, error->next);
  }
}

Status BlockFile::Init(const FileRef& ref, FileKind kind) {
  const std::string_view all = mapping_->bytes();
  if (all.size() != ref.bytes) {
    return FileError(StatusCode::kDataLoss, name_, all.size(), "is {} bytes long, want {}",
                     all.size(), ref.bytes);
  }
  base_ = all.data();
  const std::uint64_t footer_at = all.size() - kFooterBytes;
  KYRO_RETURN_IF_ERROR(mapping_->Populate(0, kHeaderAreaBytes));
  KYRO_RETURN_IF_ERROR(mapping_->Populate(footer_at, kFooterBytes));
  const std::string_view area = all.substr(0, kHeaderAreaBytes);
  KYRO_ASSIGN_OR_RETURN(header_, DecodeHeader(area, kind, name_));
  if ((header_.file.number != ref.id.number || header_.file.file != ref.id.uuid) &&
      !KYRO_PLANTED(kSkipSegmentIdentity)) {
    return FileError(StatusCode::kDataLoss, name_, 32, "is file {} {}, want {} {}",
                     header_.file.number, header_.file.file.ToString(), ref.id.number,
                     ref.id.uuid.ToString());
  }
  KYRO_ASSIGN_OR_RETURN(const Footer footer,
                        DecodeFooter(all.substr(footer_at), all.size(), name_));
  KYRO_RETURN_IF_ERROR(mapping_->Populate(footer.table_offset, footer.table_bytes()));
  const std::string_view table = all.substr(footer.table_offset, footer.table_bytes());
  KYRO_RETURN_IF_ERROR(CheckParts(header_, area, footer, table, name_));
  if (const Digest digest = DigestOf(area, table); digest != ref.digest && !SkipsDigest()) {
    return FileError(StatusCode::kDataLoss, name_, 0, "digest {:016x}{:016x}, want {:016x}{:016x}",
                     digest.hi, digest.lo, ref.digest.hi, ref.digest.lo);
  }
  table_ = table.data();
  table_offset_ = footer.table_offset;
  block_count_ = footer.block_count;
  block_bits_ = header_.block_bits;
  uuid_seed_ = header_.file.file.CrcSeed();
  nameless_error_ = FileError(StatusCode::kDataLoss, name_, Status::kNoOffset,
                              "damaged; there was no room to say where");
  states_ = std::make_unique<std::atomic<std::uint8_t>[]>(block_count_);
  if (unverified_ != nullptr) unverified_->fetch_add(block_count_, std::memory_order_relaxed);
  return Status::Ok();
}

const Status* BlockFile::VerifyBlock(std::uint64_t block) const noexcept {
  std::uint8_t state = states_[block].load(std::memory_order_acquire);
  if (state == kGood) return nullptr;
  if (state == kBad) return FindError(ErrorKind::kChecksum, block);

  const std::uint64_t from = BlockOffset(block, block_bits_);
  const std::uint64_t block_end = (block + 1) << block_bits_;
  const std::uint64_t end = block_end < table_offset_ ? block_end : table_offset_;
  if (end > from) {
    const Status status = Guarded([&] { return mapping_->Populate(from, end - from); });
    if (!status.ok()) return KeepError(ErrorKind::kPopulate, block, [&] { return status; });
  }
  const std::string_view bytes =
      end > from ? std::string_view(base_ + from, end - from) : std::string_view();
  const std::uint32_t found = Crc32c(bytes, BlockSeed(uuid_seed_, block));
  const auto want = LoadLE<std::uint32_t>(table_ + block * 4);
  if (found != want && !SkipsBlock(header_.file.kind)) {
    const Status* error = KeepError(ErrorKind::kChecksum, block, [&] {
      return BlockError(name_, block, block_bits_, found, want);
    });
    if (states_[block].compare_exchange_strong(state, kBad, std::memory_order_release)) {
      counters_->blocks_bad.fetch_add(1, std::memory_order_relaxed);
    }
    return error;
  }
  if (states_[block].compare_exchange_strong(state, kGood, std::memory_order_release)) {
    counters_->blocks_verified.fetch_add(1, std::memory_order_relaxed);
    if (unverified_ != nullptr) unverified_->fetch_sub(1, std::memory_order_release);
  }
  return nullptr;
}

const Status* BlockFile::FindError(ErrorKind kind, std::uint64_t place) const noexcept {
  for (const Error* error = errors_.load(std::memory_order_acquire); error != nullptr;
       error = error->next) {
    if (error->kind == kind && error->place == place) return &error->status;
  }
  return &nameless_error_;
}

// Two threads may keep the same error twice; either is right.
template <class MakeStatus>
const Status* BlockFile::KeepError(ErrorKind kind, std::uint64_t place,
                                   MakeStatus make) const noexcept {
  const Status* known = FindError(kind, place);
  if (known != &nameless_error_) return known;
  if (error_count_.fetch_add(1, std::memory_order_relaxed) >= kFileErrorsMax) {
    error_count_.fetch_sub(1, std::memory_order_relaxed);
    return &nameless_error_;
  }
  const Result<Error*> made = Guarded([&]() -> Result<Error*> {
    return new Error{kind, place, make(), nullptr};
  });
  if (!made.ok()) {
    error_count_.fetch_sub(1, std::memory_order_relaxed);
    return &nameless_error_;
  }
  Error* const error = made.value();
  error->next = errors_.load(std::memory_order_relaxed);
  while (!errors_.compare_exchange_weak(error->next, error, std::memory_order_acq_rel)) {
  }
  return &error->status;
}

Status BlockFile::VerifyAll(const Tick& tick) const {
  Status first;
  std::uint64_t done = 0;
  for (std::uint64_t block = 0; block < block_count_; ++block) {
    if (states_[block].load(std::memory_order_relaxed) != kGood) {
      const Status* error = VerifyBlock(block);
      if (error != nullptr && first.ok()) first = *error;
    }
    done += std::uint64_t{1} << block_bits_;
    if (done < kTickBytes && block + 1 < block_count_) continue;
    if (tick && !tick(done)) return Status(StatusCode::kCancelled, "the check was cancelled");
    done = 0;
  }
  return first;
}

const Status* BlockFile::Impossible(std::uint64_t offset, std::string_view what) const noexcept {
  return KeepError(ErrorKind::kImpossible, offset, [&] {
    return FileError(StatusCode::kDataLoss, name_, offset, "{} at offset {}", what, offset);
  });
}

}  // namespace kyro::segment
