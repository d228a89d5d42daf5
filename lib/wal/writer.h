// SPDX-License-Identifier: Apache-2.0
//
// Appends records to one log file (docs/format-wal.md).
#ifndef KYRO_WAL_WRITER_H_
#define KYRO_WAL_WRITER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/file_ref.h"
#include "io/env.h"
#include "kyro/status.h"
#include "wal/format.h"

namespace kyro::wal {

// What a record says beside its payload.
struct RecordInfo {
  RecordType type = RecordType::kGroup;
  // kGroup: the sequences it takes. Others take none: the next one, and the one before.
  Sequence first = 0;
  Sequence last = 0;
  std::uint32_t batches = 0;
  std::uint64_t commit_micros = 0;
  ManifestMark manifest;
};

// One thread at a time. The file is never appended to by a later process.
class Writer {
 public:
  // Makes a file ready for records: header, zeros written up to `bytes` (rounded up to a sector),
  // synced, renamed from its temporary name, directory synced. Takes a while: done ahead of need.
  static Result<std::unique_ptr<Writer>> Create(io::Directory* directory, io::Random* random,
                                                const Uuid& database, std::uint64_t number,
                                                std::uint64_t bytes);

  const FileId& id() const noexcept { return id_; }
  const std::string& name() const noexcept { return name_; }
  // Where the next record goes: the end of the last good one.
  std::uint64_t length() const noexcept { return length_; }
  std::uint64_t file_bytes() const noexcept { return file_bytes_; }  // on disk, zeros included
  std::uint64_t synced() const noexcept { return synced_; }          // proven durable up to here

  // Appends one record with one write call. `*buffer` holds kRecordHeaderBytes of anything, then
  // the payload; header and padding are filled in here (capacity for the padding should have been
  // reserved: kRecordSlackBytes). On error nothing was appended as far as any reader is concerned,
  // and the file is done for: every later Append returns kIoError.
  Status Append(const RecordInfo& info, std::string* buffer);

  // The other record types, by their payloads.
  Status AppendLink(const RecordInfo& info, const Link& link);
  Status AppendSeal(const RecordInfo& info, const FileId& successor);
  Status AppendMark(const RecordInfo& info);

  // fdatasync. On success synced() is what length() was. On error the file is done for: the
  // outcome of everything past synced() is unknown (kUnknownOutcome), and Sync is never tried
  // again. After a failed Append it still works: what stands before length() can be made durable.
  Status Sync();
  // Starts writeback of what was appended, without waiting.
  void StartWriteback();
  // Cuts the preallocated zeros off behind the last record and syncs. For Close.
  Status TruncateToLength();

  bool write_failed() const noexcept { return write_failed_; }
  bool sync_failed() const noexcept { return sync_failed_; }

 private:
  Writer() = default;
  Status AppendPayload(RecordInfo info, RecordType type, std::string_view payload);

  std::unique_ptr<io::WritableFile> file_;
  FileId id_;
  std::string name_;
  std::string scratch_;
  std::uint32_t seed_ = 0;
  std::uint64_t length_ = 0;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t synced_ = 0;
  std::uint64_t writeback_ = 0;
  bool write_failed_ = false;
  bool sync_failed_ = false;
};

}  // namespace kyro::wal

#endif  // KYRO_WAL_WRITER_H_
