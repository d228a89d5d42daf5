// SPDX-License-Identifier: Apache-2.0
#include "segment/spill.h"

#include "base/crc32c.h"
#include "base/file_header.h"
#include "base/status_util.h"

namespace kyro::segment {

SpillFile::~SpillFile() {
  if (file_ == nullptr) return;
  file_.reset();
  (void)Guarded([&] { return directory_->Unlink(name_); });  // as in ~BlockWriter
}

Result<std::uint64_t> SpillFile::Append(std::string_view bytes) {
  if (file_ == nullptr) {
    // A number of its own, so that the name is one that recovery knows how to clear away.
    name_ = TemporaryName(FileName(FileKind::kKeys, (*next_number_)()));
    KYRO_ASSIGN_OR_RETURN(file_, directory_->Create(name_));
  }
  KYRO_RETURN_IF_ERROR(file_->Write(bytes_, bytes));
  const std::uint64_t offset = bytes_;
  bytes_ += bytes.size();
  return offset;
}

Status SpillFile::Read(std::uint64_t offset, std::size_t bytes, char* to, std::uint32_t crc) {
  KYRO_ASSIGN_OR_RETURN(const std::size_t found, file_->Read(offset, bytes, to));
  if (found != bytes) {
    return FileError(StatusCode::kDataLoss, name_, offset + found, "ends at byte {}, want {}",
                     offset + found, offset + bytes);
  }
  const std::uint32_t crc_found = Crc32c(std::string_view(to, bytes));
  if (crc_found != crc) {
    return FileError(StatusCode::kDataLoss, name_, offset,
                     "chunk at offset {}: crc32c {:08x}, want {:08x}", offset, crc_found, crc);
  }
  return Status::Ok();
}

Status SpillColumn::AppendSlow(const char* bytes, std::size_t count) {
  while (count > 0) {
    if (buffer_.full()) {
      const std::string_view chunk = buffer_.bytes();
      KYRO_ASSIGN_OR_RETURN(const std::uint64_t offset, file_->Append(chunk));
      chunks_.push_back(Chunk{offset, Crc32c(chunk)});
      buffer_.Clear();
    }
    const std::size_t piece = buffer_.AppendSome(bytes, count);
    bytes += piece;
    count -= piece;
  }
  return Status::Ok();
}

Status SpillColumn::MoveTo(BlockWriter* writer, const std::function<Status()>& tick) {
  if (!chunks_.empty()) {
    const auto chunk = std::make_unique_for_overwrite<char[]>(kSpillChunkBytes);
    for (const Chunk& from : chunks_) {
      KYRO_RETURN_IF_ERROR(tick());
      KYRO_RETURN_IF_ERROR(file_->Read(from.offset, kSpillChunkBytes, chunk.get(), from.crc));
      KYRO_RETURN_IF_ERROR(writer->Append(std::string_view(chunk.get(), kSpillChunkBytes)));
    }
  }
  KYRO_RETURN_IF_ERROR(writer->Append(buffer_.bytes()));
  chunks_.clear();
  buffer_.Free();
  return Status::Ok();
}

}  // namespace kyro::segment
