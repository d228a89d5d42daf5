// SPDX-License-Identifier: Apache-2.0
//
// W1 length_ is the end of the last record whose write returned OK; synced_ <= length_.
// W2 synced_ moves only when fdatasync has returned 0. Every record carries the value that it had
//    when the record was encoded: a reader that finds the record knows those bytes were durable.
// W3 After a failed write or sync no record is written to this file again.
#include "wal/writer.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/planted.h"
#include "base/status_util.h"
#include "wal/record.h"

namespace kyro::wal {

namespace {

// What preparing a file writes at once.
constexpr std::size_t kZeroChunkBytes = std::size_t{1} << 20;

// Header page and zeros, durable.
Status Prepare(io::WritableFile* file, const FileHeader& header, std::uint64_t bytes) {
  std::string chunk = EncodeFileHeader(header);
  chunk.resize(std::min<std::uint64_t>(bytes, kZeroChunkBytes), '\0');
  KYRO_RETURN_IF_ERROR(file->Write(0, chunk));
  std::fill_n(chunk.begin(), kFileHeaderBytes, '\0');
  for (std::uint64_t at = chunk.size(); at < bytes;) {
    const std::uint64_t count = std::min<std::uint64_t>(bytes - at, chunk.size());
    KYRO_RETURN_IF_ERROR(file->Write(at, std::string_view(chunk).substr(0, count)));
    at += count;
  }
  return KYRO_PLANTED(kSkipLogFileSync) ? Status::Ok() : file->Sync();
}

}  // namespace

Result<std::unique_ptr<Writer>> Writer::Create(io::Directory* directory, io::Random* random,
                                               const Uuid& database, std::uint64_t number,
                                               std::uint64_t bytes) {
  KYRO_ASSIGN_OR_RETURN(const Uuid uuid, random->NewUuid());
  std::unique_ptr<Writer> writer(new Writer());
  writer->id_ = FileId{number, uuid};
  writer->name_ = FileName(FileKind::kWal, number);
  writer->seed_ = uuid.CrcSeed();
  writer->length_ = writer->synced_ = writer->writeback_ = kFirstRecordOffset;
  writer->file_bytes_ = AlignUp(std::max(bytes, kFirstRecordOffset), kSectorBytes);

  FileHeader header;
  header.kind = FileKind::kWal;
  header.database = database;
  header.number = number;
  header.file = uuid;
  const std::string temporary = TemporaryName(writer->name_);
  KYRO_ASSIGN_OR_RETURN(writer->file_, directory->Create(temporary));
  Status status = Prepare(writer->file_.get(), header, writer->file_bytes_);
  if (status.ok()) status = MustExist(directory->Rename(temporary, writer->name_), temporary);
  if (!status.ok()) {
    // Best effort: what stays behind is an orphan that the next recovery removes.
    (void)directory->Unlink(temporary);
    return status;
  }
  if (!KYRO_PLANTED(kSkipLogDirectorySync)) KYRO_RETURN_IF_ERROR(directory->Sync());
  return writer;
}

Status Writer::Append(const RecordInfo& info, std::string* buffer) {
  if (write_failed_ || sync_failed_) {
    return FileError(StatusCode::kIoError, name_, length_,
                     "no record at offset {}: an earlier {} of this file failed", length_,
                     sync_failed_ ? "sync" : "write");
  }
  if (buffer->size() < kRecordHeaderBytes ||
      buffer->size() - kRecordHeaderBytes > std::numeric_limits<std::uint32_t>::max()) {
    return FileError(StatusCode::kInvalidArgument, name_, length_,
                     "a record of {} bytes at offset {}", buffer->size(), length_);
  }
  KYRO_DCHECK(info.type == RecordType::kGroup
                  ? info.batches > 0 && info.last - info.first == info.batches - 1
                  : info.batches == 0);
  RecordHeader header;
  header.type = info.type;
  header.offset = length_;
  header.first = info.first;
  header.last = info.last;
  header.synced_offset = synced_;
  if (KYRO_PLANTED(kSyncMarkStuck)) header.synced_offset = kFirstRecordOffset;
  if (KYRO_PLANTED(kSyncMarkAhead)) header.synced_offset = length_;
  header.commit_micros = info.commit_micros;
  header.manifest = info.manifest;
  header.batches = info.batches;
  FinishRecord(header, seed_, buffer);
  if (Status status = file_->Write(length_, *buffer); !status.ok()) {
    write_failed_ = true;
    return status;
  }
  length_ += buffer->size();
  file_bytes_ = std::max(file_bytes_, length_);
  return Status::Ok();
}

Status Writer::AppendPayload(RecordInfo info, RecordType type, std::string_view payload) {
  info.type = type;
  info.batches = 0;
  scratch_.assign(kRecordHeaderBytes, '\0');
  scratch_.append(payload);
  return Append(info, &scratch_);
}

Status Writer::AppendLink(const RecordInfo& info, const Link& link) {
  return AppendPayload(info, RecordType::kLink, EncodeLink(link));
}

Status Writer::AppendSeal(const RecordInfo& info, const FileId& successor) {
  return AppendPayload(info, RecordType::kSeal, EncodeSeal(Seal{successor}));
}

Status Writer::AppendMark(const RecordInfo& info) {
  return AppendPayload(info, RecordType::kMark, {});
}

Status Writer::Sync() {
  if (sync_failed_) {
    return FileError(StatusCode::kUnknownOutcome, name_, synced_,
                     "nothing past offset {} can be made durable: an earlier sync failed", synced_);
  }
  Status status = file_->Sync();
  if (KYRO_PLANTED(kRetryFailedSync) && !status.ok()) status = file_->Sync();
  if (!status.ok()) {
    sync_failed_ = true;
    return FileError(StatusCode::kUnknownOutcome, name_, synced_,
                     "whether bytes {} to {} are durable is unknown: {}", synced_, length_,
                     status.message());
  }
  synced_ = length_;
  return Status::Ok();
}

void Writer::StartWriteback() {
  if (writeback_ == length_) return;
  file_->StartWriteback(writeback_, length_ - writeback_);
  writeback_ = length_;
}

Status Writer::TruncateToLength() {
  KYRO_RETURN_IF_ERROR(file_->Truncate(length_));
  file_bytes_ = length_;
  return KYRO_PLANTED(kSkipCutSync) ? Status::Ok() : Sync();
}

}  // namespace kyro::wal
