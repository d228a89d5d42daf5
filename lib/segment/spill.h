// SPDX-License-Identifier: Apache-2.0
//
// Columns that are made beside the one that streams: they wait in a temporary file until the main
// column ends. One file holds the chunks of all of them; it is made when the first buffer is full
// and unlinked by the destructor. A chunk's checksum stays in memory, so that bytes that come back
// changed are an error here and not a checksummed lie in the segment.
//
// Memory: one buffer per column and 16 bytes per chunk. One thread at a time.
#ifndef KYRO_SEGMENT_SPILL_H_
#define KYRO_SEGMENT_SPILL_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/env.h"
#include "kyro/status.h"
#include "segment/block_writer.h"
#include "segment/write_buffer.h"

namespace kyro::segment {

// A column's buffer, and what it puts into the file at a time.
inline constexpr std::size_t kSpillChunkBytes = std::size_t{256} << 10;

class SpillFile {
 public:
  // `next_number` names the file when it is needed. Both outlive this.
  SpillFile(io::Directory* directory, const std::function<std::uint64_t()>* next_number)
      : directory_(directory), next_number_(next_number) {}
  ~SpillFile();
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;

  // Appends and returns where.
  Result<std::uint64_t> Append(std::string_view bytes);
  // Fills `to` or fails.
  Status Read(std::uint64_t offset, std::size_t bytes, char* to, std::uint32_t crc);

 private:
  io::Directory* const directory_;
  const std::function<std::uint64_t()>* const next_number_;
  std::string name_;
  std::unique_ptr<io::WritableFile> file_;
  std::uint64_t bytes_ = 0;
};

class SpillColumn {
 public:
  explicit SpillColumn(SpillFile* file) : file_(file) {}

  Status Append(const void* bytes, std::size_t count) {
    if (buffer_.TryAppend(bytes, count)) [[likely]]
      return Status::Ok();
    return AppendSlow(static_cast<const char*>(bytes), count);
  }
  std::uint64_t bytes() const noexcept {
    return chunks_.size() * kSpillChunkBytes + buffer_.size();
  }
  bool empty() const noexcept { return bytes() == 0; }
  // Appends everything to `writer`'s open column, frees the memory and calls `tick` between
  // chunks.
  Status MoveTo(BlockWriter* writer, const std::function<Status()>& tick);

 private:
  struct Chunk {
    std::uint64_t offset;
    std::uint32_t crc;
  };
  Status AppendSlow(const char* bytes, std::size_t count);

  SpillFile* const file_;
  WriteBuffer buffer_{kSpillChunkBytes};
  std::vector<Chunk> chunks_;  // of kSpillChunkBytes each
};

}  // namespace kyro::segment

#endif  // KYRO_SEGMENT_SPILL_H_
