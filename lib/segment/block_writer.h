// SPDX-License-Identifier: Apache-2.0
//
// Writes one block file (format.h) from front to back with one buffer: checksums are taken as bytes
// leave it. The checksum table grows by 4 bytes per block, a 4096th of the file by default; nothing
// else here grows with the file.
//
// The file is built as NAME.tmp and has no valid header until Finish. One thread at a time. After
// an error every later call returns it.
#ifndef KYRO_SEGMENT_BLOCK_WRITER_H_
#define KYRO_SEGMENT_BLOCK_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_ref.h"
#include "io/env.h"
#include "kyro/status.h"
#include "segment/format.h"
#include "segment/write_buffer.h"

namespace kyro::segment {

inline constexpr std::uint64_t kWritebackBytes = std::uint64_t{4} << 20;
// Writes begin and end at multiples of this in the file. A kernel whose file system caches files in
// large folios (ext4 since Linux 6.16, XFS) then keeps them in huge pages, and maps them so: what
// lookups miss in the TLB otherwise (docs/performance.md). Elsewhere it costs two buffers of so
// much.
inline constexpr std::uint64_t kWriteUnitBytes = std::uint64_t{2} << 20;

class BlockWriter {
 public:
  // `header` names kind, database, number and uuid of the file and its block size.
  static Result<std::unique_ptr<BlockWriter>> Create(io::Directory* directory,
                                                     const Header& header);
  ~BlockWriter();  // unlinks NAME.tmp unless Publish succeeded
  BlockWriter(const BlockWriter&) = delete;
  BlockWriter& operator=(const BlockWriter&) = delete;

  // Zero-fills to the next column boundary and begins a column there.
  Status BeginColumn(ColumnId id, ColumnType type, ColumnEncoding encoding, bool required);
  Status Append(std::string_view bytes) {
    if (buffer_.TryAppend(bytes.data(), bytes.size())) [[likely]]
      return Status::Ok();
    return AppendSlow(bytes);
  }
  Status AppendZeros(std::uint64_t bytes);
  // Ends the column. `count` and `stride` as in Column.
  void EndColumn(ColumnEncoding encoding, std::uint64_t count, std::uint32_t stride);

  // Bytes of the open column so far.
  std::uint64_t column_bytes() const noexcept { return position() - column_.offset; }
  std::uint64_t column_offset() const noexcept { return column_.offset; }
  // Hands everything appended to the file system, so that the file can be read back.
  Status Flush();

  // The fields of the header that were not known at Create; then table, footer and header area.
  Header* header() noexcept { return &header_; }
  Status Finish();
  Status Sync();
  // Renames NAME.tmp to NAME.
  Status Publish();
  // Takes a published name back.
  void Withdraw() noexcept;

  const std::string& name() const noexcept { return name_; }
  const std::string& temporary_name() const noexcept { return temporary_; }
  // Requires Finish.
  const FileRef& ref() const noexcept { return ref_; }

 private:
  BlockWriter(io::Directory* directory, const Header& header);
  std::uint64_t position() const noexcept { return flushed_ + buffer_.size(); }
  Status AppendSlow(std::string_view bytes);
  void Checksum(std::uint64_t at, std::string_view bytes);
  Status FinishFile();

  io::Directory* const directory_;
  const std::uint32_t uuid_seed_;
  Header header_;
  const std::string name_;
  const std::string temporary_;
  std::unique_ptr<io::WritableFile> file_;
  WriteBuffer buffer_{kWriteUnitBytes};  // the file's bytes from flushed_ on
  std::uint64_t flushed_ = 0;
  std::uint64_t writeback_ = 0;  // bytes whose writeback was started
  std::vector<std::uint32_t> table_;
  std::uint32_t crc_ = 0;  // of the block that flushed_ stands in
  Column column_;
  FileRef ref_;
  Status status_;
  bool created_ = false;    // NAME.tmp may exist
  bool published_ = false;  // NAME exists
};

}  // namespace kyro::segment

#endif  // KYRO_SEGMENT_BLOCK_WRITER_H_
