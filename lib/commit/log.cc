// SPDX-License-Identifier: Apache-2.0
#include "commit/log.h"

#include <algorithm>
#include <utility>

#include "base/coding.h"
#include "base/planted.h"
#include "base/status_util.h"
#include "io/stopwatch.h"

namespace kyro::commit {
namespace {
// The first file of a process; each next is twice as large, up to LogOptions::file_bytes_max.
constexpr std::uint64_t kFirstFileBytes = 256 << 10;
}  // namespace

Log::Log(const io::Env& env, io::Directory* directory, const LogOptions& options, LogHooks hooks,
         const LogEnd& end)
    : env_(env),
      directory_(directory),
      options_(options),
      hooks_(std::move(hooks)),
      latency_clock_(options.latency_histograms ? env.clock : nullptr),
      end_(end),
      next_file_bytes_(std::min(kFirstFileBytes, options.file_bytes_max)) {}

wal::RecordInfo Log::Info(wal::RecordType type, Sequence last) const {
  wal::RecordInfo info;
  info.type = type;
  info.first = last + 1;
  info.last = last;
  info.commit_micros = env_.clock->NowMicros();
  info.manifest = hooks_.manifest_mark();
  return info;
}

// ---------------------------------------------------------------------------------- next files

Status Log::Prepare() {
  MutexLock making(&prepare_mutex_);
  std::uint64_t bytes;
  {
    MutexLock lock(&mutex_);
    if (prepared_ != nullptr) return Status::Ok();
    bytes = next_file_bytes_;
  }
  KYRO_ASSIGN_OR_RETURN(auto writer, wal::Writer::Create(directory_, env_.random, options_.database,
                                                         hooks_.next_number(), bytes));
  MutexLock lock(&mutex_);
  prepared_ = std::move(writer);
  next_file_bytes_ = std::min(next_file_bytes_ * 2, options_.file_bytes_max);
  return Status::Ok();
}

bool Log::wants_prepare() const {
  MutexLock lock(&mutex_);
  return prepared_ == nullptr;
}

Status Log::DropPrepared() {
  std::unique_ptr<wal::Writer> prepared;
  {
    MutexLock lock(&mutex_);
    prepared = std::move(prepared_);
  }
  return prepared == nullptr ? Status::Ok() : directory_->Unlink(prepared->name());
}

Result<std::unique_ptr<wal::Writer>> Log::TakeNext() {
  if (Status status = Prepare(); !status.ok()) {
    const bool no_space = status.code() == StatusCode::kNoSpace;
    return KYRO_PLANTED(kNoSpaceFailsLog) && no_space ? Fail(std::move(status)) : status;
  }
  MutexLock lock(&mutex_);
  return std::move(prepared_);
}

// ---------------------------------------------------------------------------------- the chain

Status Log::Fail(Status status) {
  failed_ = status;
  return status;
}

// The link is durable before the manifest names the file: a named file always tells where it
// belongs. A crash in between leaves a file with nothing but a link, which recovery ignores; an
// error in between leaves `linked_`, so that a second try names the same file.
Status Log::StartNamed(const wal::Link& link, Sequence last) {
  if (linked_ == nullptr) {
    KYRO_ASSIGN_OR_RETURN(std::unique_ptr<wal::Writer> next, TakeNext());
    Status status = next->AppendLink(Info(wal::RecordType::kLink, last), link);
    if (status.ok() && !KYRO_PLANTED(kSkipLinkSync)) status = next->Sync();
    if (!status.ok()) {
      (void)directory_->Unlink(next->name());  // best effort: an orphan to recovery
      return status;
    }
    linked_ = std::move(next);
  }
  KYRO_RETURN_IF_ERROR(hooks_.name_file(linked_->id()));
  counters_.bytes.fetch_add(linked_->length(), std::memory_order_relaxed);
  writer_ = std::move(linked_);
  return Status::Ok();
}

Status Log::OpenFirst(Sequence last) {
  return StartNamed({end_.file, end_.bytes, last, false}, last);
}

Status Log::CutOver(Sequence last) {
  // What stands before the failed write must be durable before another file builds on it (L2).
  if (Status status = writer_->Sync(); !status.ok()) return Fail(std::move(status));
  const bool cut = !KYRO_PLANTED(kCutLeftOut);
  KYRO_RETURN_IF_ERROR(StartNamed({writer_->id(), writer_->length(), last, cut}, last));
  counters_.rotations.fetch_add(1, std::memory_order_relaxed);
  return Status::Ok();
}

Status Log::Rotate(Sequence last) {
  if (!failed_.ok()) return failed_;
  if (writer_ == nullptr) return OpenFirst(last);
  if (writer_->write_failed()) return CutOver(last);
  KYRO_RETURN_IF_ERROR(SealCurrent(last));
  return LinkNext(last, /*floor_moved=*/false);
}

Status Log::SealCurrent(Sequence last) {
  KYRO_ASSIGN_OR_RETURN(std::unique_ptr<wal::Writer> next, TakeNext());
  // A failed seal leaves a file that will be cut over; `next` becomes an orphan.
  if (!KYRO_PLANTED(kSealOmitted)) {
    KYRO_RETURN_IF_ERROR(writer_->AppendSeal(Info(wal::RecordType::kSeal, last), next->id()));
  }
  if (!KYRO_PLANTED(kSkipSealSync)) {
    if (Status status = writer_->Sync(); !status.ok()) return Fail(std::move(status));
  }
  sealed_next_ = std::move(next);
  return Status::Ok();
}

Status Log::SealForNext(Sequence last, delta::LogEdge* edge) {
  if (!failed_.ok()) return failed_;
  *edge = {{}, end_.file};
  if (writer_ == nullptr) return Status::Ok();
  if (writer_->write_failed()) KYRO_RETURN_IF_ERROR(CutOver(last));
  KYRO_RETURN_IF_ERROR(SealCurrent(last));
  *edge = {sealed_next_->id(), {}};
  return Status::Ok();
}

Status Log::LinkNext(Sequence last, bool floor_moved) {
  if (!failed_.ok()) return failed_;
  if (writer_ == nullptr) {
    if (floor_moved) end_ = LogEnd();
    return Status::Ok();
  }
  const wal::Link link{writer_->id(), writer_->length(), last, false};
  // Also when memory runs out: nothing may be appended behind the seal.
  Status status =
      Guarded([&] { return sealed_next_->AppendLink(Info(wal::RecordType::kLink, last), link); });
  if (!status.ok()) {
    return Fail(std::move(status));  // the seal names a file that cannot be linked
  }
  counters_.bytes.fetch_add(sealed_next_->length(), std::memory_order_relaxed);
  writer_ = std::move(sealed_next_);
  counters_.rotations.fetch_add(1, std::memory_order_relaxed);
  return Status::Ok();
}

Status Log::MakeReady(std::uint64_t bytes, Sequence last) {
  if (!failed_.ok()) return failed_;
  if (writer_ == nullptr) return OpenFirst(last);
  if (writer_->write_failed()) return CutOver(last);
  // A record larger than any file extends the one it is in. A seal must still fit behind.
  const std::uint64_t need = AlignUp(bytes, kSectorBytes) + kSectorBytes;
  const bool fresh = writer_->length() <= wal::kFirstRecordOffset + 2 * kSectorBytes;
  if (fresh || writer_->length() + need <= writer_->file_bytes()) return Status::Ok();
  return Rotate(last);
}

// ---------------------------------------------------------------------------------- records

Status Log::Append(wal::RecordInfo info, std::string* buffer) {
  info.commit_micros = env_.clock->NowMicros();
  info.manifest = hooks_.manifest_mark();
  const std::uint64_t before = writer_->length();
  last_attempted_ = std::max(last_attempted_, info.last);
  if (Status status = writer_->Append(info, buffer); !status.ok()) return Void(std::move(status));
  counters_.bytes.fetch_add(writer_->length() - before, std::memory_order_relaxed);
  return Status::Ok();
}

// A write that stopped short may still have left a whole record: all that is missing may be padding
// over zeros. The record is void only once the file is durably cut before it.
Status Log::Void(Status failure) {
  if (KYRO_PLANTED(kFailedWriteNotVoided)) return failure;
  Status status = writer_->TruncateToLength();
  if (status.ok()) return failure;
  (void)Fail(std::move(status));
  return Status(StatusCode::kUnknownOutcome, failure.message(), failure.file(), failure.offset());
}

Status Log::AppendMark(Sequence last) {
  KYRO_RETURN_IF_ERROR(writer_->AppendMark(Info(wal::RecordType::kMark, last)));
  counters_.marks.fetch_add(1, std::memory_order_relaxed);
  return Status::Ok();
}

Status Log::Sync() {
  if (!failed_.ok()) return failed_;
  if (synced() || KYRO_PLANTED(kSkipLogSync)) return Status::Ok();
  counters_.syncs.fetch_add(1, std::memory_order_relaxed);
  const io::Stopwatch watch(latency_clock_);
  Status status = writer_->Sync();
  watch.Stop(&counters_.sync_nanos);
  return status.ok() ? status : Fail(std::move(status));
}

Status Log::Close(Sequence last, LogEnd* end) {
  if (!failed_.ok()) return failed_;
  if (writer_ == nullptr) {
    *end = end_;
    return Status::Ok();
  }
  if (writer_->write_failed()) KYRO_RETURN_IF_ERROR(CutOver(last));
  KYRO_RETURN_IF_ERROR(writer_->AppendSeal(Info(wal::RecordType::kSeal, last), FileId{}));
  if (Status status = writer_->Sync(); !status.ok()) return Fail(std::move(status));
  if (Status status = writer_->TruncateToLength(); !status.ok()) return Fail(std::move(status));
  *end = {writer_->id(), writer_->length()};
  end_ = *end;
  writer_ = nullptr;
  failed_ = Status(StatusCode::kClosed, "the log is closed");
  return Status::Ok();
}

Status Log::StartOver() {
  KYRO_RETURN_IF_ERROR(DropPrepared());
  if (linked_ != nullptr) (void)directory_->Unlink(linked_->name());  // holds no commit
  linked_ = nullptr;
  sealed_next_ = nullptr;
  writer_ = nullptr;
  end_ = LogEnd();
  failed_ = Status();
  return Status::Ok();
}

Status Log::Abandon() {
  if (writer_ == nullptr) return Status::Ok();
  const std::string name = writer_->name();
  writer_ = nullptr;
  failed_ = Status(StatusCode::kClosed, "the log is closed");
  return directory_->Unlink(name);
}

}  // namespace kyro::commit
