// SPDX-License-Identifier: Apache-2.0
#include "segment/block_writer.h"

#include <algorithm>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/status_util.h"

namespace kyro::segment {

BlockWriter::BlockWriter(io::Directory* directory, const Header& header)
    : directory_(directory),
      uuid_seed_(header.file.file.CrcSeed()),
      header_(header),
      name_(FileName(header.file.kind, header.file.number)),
      temporary_(TemporaryName(name_)) {
  // The blocks that the header area fills wholly have a checksum of nothing.
  const std::uint64_t first = kHeaderAreaBytes >> header.block_bits;
  for (std::uint64_t block = 0; block < first; ++block) {
    table_.push_back(BlockSeed(uuid_seed_, block));
  }
  crc_ = BlockSeed(uuid_seed_, first);
}

Result<std::unique_ptr<BlockWriter>> BlockWriter::Create(io::Directory* directory,
                                                         const Header& header) {
  std::unique_ptr<BlockWriter> writer(new BlockWriter(directory, header));
  KYRO_ASSIGN_OR_RETURN(writer->file_, directory->Create(writer->temporary_));
  writer->created_ = true;
  KYRO_RETURN_IF_ERROR(writer->AppendZeros(kHeaderAreaBytes));  // in whose place Finish writes it
  return writer;
}

BlockWriter::~BlockWriter() {
  file_.reset();
  // Memory may be what ran out: best effort, the next Open deletes what stays.
  if (created_) (void)Guarded([&] { return directory_->Unlink(temporary_); });
}

Status BlockWriter::BeginColumn(ColumnId id, ColumnType type, ColumnEncoding encoding,
                                bool required) {
  KYRO_RETURN_IF_ERROR(AppendZeros(AlignUp(position(), kColumnAlignment) - position()));
  column_ = Column{.id = id, .type = type, .encoding = encoding, .required = required};
  column_.offset = position();
  return Status::Ok();
}

void BlockWriter::EndColumn(ColumnEncoding encoding, std::uint64_t count, std::uint32_t stride) {
  KYRO_DCHECK(header_.column_count < kColumnsMax);
  column_.bytes = column_bytes();
  column_.encoding = encoding;
  column_.count = count;
  column_.stride = stride;
  header_.columns[header_.column_count++] = column_;
}

Status BlockWriter::AppendZeros(std::uint64_t bytes) {
  constexpr char kZeros[4096] = {};
  while (bytes > 0) {
    const std::uint64_t piece = std::min<std::uint64_t>(bytes, sizeof(kZeros));
    KYRO_RETURN_IF_ERROR(Append(std::string_view(kZeros, piece)));
    bytes -= piece;
  }
  return Status::Ok();
}

Status BlockWriter::AppendSlow(std::string_view bytes) {
  while (!bytes.empty()) {
    if (buffer_.full()) KYRO_RETURN_IF_ERROR(Flush());
    bytes.remove_prefix(buffer_.AppendSome(bytes.data(), bytes.size()));
  }
  return Status::Ok();
}

// Takes the checksums of bytes that stand at `at`.
void BlockWriter::Checksum(std::uint64_t at, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::uint64_t rest = header_.block_bytes() - (at & (header_.block_bytes() - 1));
    const std::string_view piece = bytes.substr(0, rest);
    crc_ = Crc32c(piece, crc_);
    at += piece.size();
    bytes.remove_prefix(piece.size());
    if (piece.size() < rest) return;
    table_.push_back(crc_);
    crc_ = BlockSeed(uuid_seed_, table_.size());
  }
}

Status BlockWriter::Flush() {
  KYRO_RETURN_IF_ERROR(status_);
  const std::string_view bytes = buffer_.bytes();
  if (bytes.empty()) return Status::Ok();
  const std::uint64_t header = flushed_ == 0 ? kHeaderAreaBytes : 0;  // it has its own
  Checksum(flushed_ + header, bytes.substr(header));
  status_ = file_->Write(flushed_, bytes);
  if (!status_.ok()) return status_;
  flushed_ += bytes.size();
  buffer_.Clear(kWriteUnitBytes - flushed_ % kWriteUnitBytes);
  if (flushed_ - writeback_ >= kWritebackBytes) {
    file_->StartWriteback(writeback_, flushed_ - writeback_);
    writeback_ = flushed_;
  }
  return Status::Ok();
}

Status BlockWriter::Finish() {
  if (status_.ok()) status_ = FinishFile();
  return status_;
}

Status BlockWriter::FinishFile() {
  KYRO_RETURN_IF_ERROR(AppendZeros(AlignUp(position(), kColumnAlignment) - position()));
  KYRO_RETURN_IF_ERROR(Flush());
  Footer footer;
  footer.table_offset = flushed_;
  if ((flushed_ & (header_.block_bytes() - 1)) != 0) table_.push_back(crc_);
  footer.block_count = static_cast<std::uint32_t>(table_.size());
  footer.file = header_.file.file;
  footer.file_bytes = flushed_ + footer.table_bytes() + kFooterBytes;

  table_.resize(footer.table_bytes() / 4);
  const std::string_view table(reinterpret_cast<const char*>(table_.data()), footer.table_bytes());
  const std::string area = EncodeHeader(header_);
  footer.table_crc = Crc32c(table, uuid_seed_);
  footer.header_crc = LoadLE<std::uint32_t>(area.data() + kHeaderAreaBytes - 4);
  std::string tail(table);
  tail += EncodeFooter(footer);
  KYRO_RETURN_IF_ERROR(file_->Write(flushed_, tail));
  KYRO_RETURN_IF_ERROR(file_->Write(0, area));
  file_->StartWriteback(writeback_, footer.file_bytes - writeback_);
  ref_ = FileRef{.id = {header_.file.number, header_.file.file},
                 .bytes = footer.file_bytes,
                 .digest = DigestOf(area, table)};
  buffer_.Free();
  return Status::Ok();
}

Status BlockWriter::Sync() {
  if (status_.ok()) status_ = file_->Sync();
  return status_;
}

Status BlockWriter::Publish() {
  KYRO_RETURN_IF_ERROR(status_);
  file_.reset();
  status_ = MustExist(directory_->Rename(temporary_, name_), temporary_);
  if (!status_.ok()) return status_;
  created_ = false;
  published_ = true;
  return Status::Ok();
}

void BlockWriter::Withdraw() noexcept {
  if (published_) (void)Guarded([&] { return directory_->Unlink(name_); });
  published_ = false;
}

}  // namespace kyro::segment
