// SPDX-License-Identifier: Apache-2.0
//
// An open block file (format.h): its bytes in memory, and for each block whether they were verified
// since. A block's state is one byte; reading one that is good costs one relaxed load.
//
//   B1  A block is good only after it was populated and its CRC32C compared (S1).
//   B2  Bad is sticky. An error, once handed out, lives as long as the file.
//   B3  Nothing after Open throws, and nothing on the way of a good block allocates or locks.
#ifndef KYRO_SEGMENT_BLOCK_FILE_H_
#define KYRO_SEGMENT_BLOCK_FILE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/file_ref.h"
#include "io/file_system.h"
#include "kyro/status.h"
#include "segment/format.h"
#include "segment/segment.h"

namespace kyro::segment {

// Errors that one file keeps; further ones share one Status without a place.
inline constexpr std::uint32_t kFileErrorsMax = 4096;

// Any thread.
class BlockFile {
 public:
  // Checks length, header area, footer, checksum table and digest against `ref`. A file that is
  // not there is damage, not absence.
  // `unverified` counts the blocks that are not good yet, of this and other files; may be null.
  static Result<std::unique_ptr<BlockFile>> Open(const io::Directory& directory, FileKind kind,
                                                 const FileRef& ref, Access access,
                                                 Counters* counters,
                                                 std::atomic<std::uint64_t>* unverified);
  ~BlockFile();
  BlockFile(const BlockFile&) = delete;
  BlockFile& operator=(const BlockFile&) = delete;

  const Header& header() const noexcept { return header_; }
  const std::string& name() const noexcept { return name_; }
  std::string_view bytes() const noexcept { return mapping_->bytes(); }
  const char* at(std::uint64_t offset) const noexcept { return base_ + offset; }

  // Null once every byte of [offset, offset + bytes), which lies inside the columns, is verified;
  // otherwise what is wrong with the first block that is not.
  const Status* Verify(std::uint64_t offset, std::uint64_t bytes) const noexcept {
    if (bytes == 0) return nullptr;
    const std::uint64_t last = (offset + bytes - 1) >> block_bits_;
    KYRO_DCHECK(last < block_count_);
    for (std::uint64_t block = offset >> block_bits_; block <= last; ++block) {
      if (states_[block].load(std::memory_order_relaxed) != kGood) [[unlikely]] {
        if (const Status* error = VerifyBlock(block); error != nullptr) return error;
      }
    }
    return nullptr;
  }
  // True if Verify would have nothing to do.
  bool IsGood(std::uint64_t offset, std::uint64_t bytes) const noexcept {
    if (bytes == 0) return true;
    const std::uint64_t last = (offset + bytes - 1) >> block_bits_;
    for (std::uint64_t block = offset >> block_bits_; block <= last; ++block) {
      if (states_[block].load(std::memory_order_relaxed) != kGood) return false;
    }
    return true;
  }

  // Every block, going on behind bad ones; the first error.
  Status VerifyAll(const Tick& tick) const;

  // For bytes whose checksum is right and whose meaning is not: kDataLoss, kept by the file.
  const Status* Impossible(std::uint64_t offset, std::string_view what) const noexcept;

 private:
  enum State : std::uint8_t { kUnknown = 0, kGood = 1, kBad = 2 };
  enum class ErrorKind : std::uint8_t { kChecksum, kPopulate, kImpossible };
  struct Error;

  BlockFile(std::string name, Counters* counters, std::atomic<std::uint64_t>* unverified)
      : name_(std::move(name)), counters_(counters), unverified_(unverified) {}
  Status Init(const FileRef& ref, FileKind kind);
  const Status* VerifyBlock(std::uint64_t block) const noexcept;
  const Status* FindError(ErrorKind kind, std::uint64_t place) const noexcept;
  template <class MakeStatus>
  const Status* KeepError(ErrorKind kind, std::uint64_t place, MakeStatus make) const noexcept;

  // Constant after Open.
  const std::string name_;
  Counters* const counters_;
  std::atomic<std::uint64_t>* const unverified_;
  std::unique_ptr<io::Mapping> mapping_;
  const char* base_ = nullptr;
  const char* table_ = nullptr;
  std::uint64_t table_offset_ = 0;
  std::uint64_t block_count_ = 0;
  std::uint32_t block_bits_ = kBlockBitsDefault;
  std::uint32_t uuid_seed_ = 0;
  Header header_;
  Status nameless_error_;  // when there is no memory, or too many errors

  // One State per block.
  std::unique_ptr<std::atomic<std::uint8_t>[]> states_;
  mutable std::atomic<Error*> errors_{nullptr};  // a list that only grows
  mutable std::atomic<std::uint32_t> error_count_{0};
};

}  // namespace kyro::segment

#endif  // KYRO_SEGMENT_BLOCK_FILE_H_
