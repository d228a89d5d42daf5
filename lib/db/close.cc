// SPDX-License-Identifier: Apache-2.0
//
// Close: what the next Open finds is exactly described by the manifest, so that every flipped byte
// of a closed database is found.
#include <new>
#include <utility>

#include "base/planted.h"
#include "base/status_util.h"
#include "db/core.h"

namespace kyro::db {
namespace {

// A generation whose batches are at most this large stays in the log: the next Open replays it in
// no time, and closing costs no segment.
constexpr std::uint64_t kKeptInLogBytes = 1 << 20;

void Keep(Status status, Status* first) noexcept {
  if (first->ok()) *first = std::move(status);
}

// One step of closing. The next ones are taken also when this one fails or runs out of memory:
// closed the Db is in any case.
template <class Body>
void Step(Status* first, Body&& body) noexcept {
  Keep(Guarded(std::forward<Body>(body)), first);
}

}  // namespace

Status Core::Close() {
  if (forked()) {
    // Without the lock: a thread of the parent may have held it.
    if (!left_.exchange(true)) LeaveToParent();
    return Status(StatusCode::kClosed, "this process is a fork of the owner");
  }
  MutexLock lock(&close_mutex_);
  if (closed_.exchange(true, std::memory_order_acq_rel)) return close_status_;
  Status status;
  if (commit_ != nullptr) status = CloseWriter();
  if (KYRO_PLANTED(kCloseGivesUp) && !status.ok()) return close_status_ = status;
  if (reclaimer_ != nullptr) reclaimer_->FreeInPlace();
  if (states_ != nullptr) states_->Reclaim();
  if (commit_ != nullptr) {
    Status ignored;  // the next Open deletes what is left
    Step(&ignored, [&] { return installer_->DeleteObsolete(), Status::Ok(); });
  }
  lock_ = nullptr;
  close_status_ = status;
  return status;
}

// In a forked child nothing here is ours: the threads are not there to be joined, a mutex may be
// held by one of them for ever. What would touch them is left alone; the kernel takes it back.
void Core::LeaveToParent() noexcept {
  (void)maintenance_queue_.release();
  (void)flush_queue_.release();
  (void)commit_.release();
  (void)log_queue_.release();
  (void)log_.release();
  (void)upkeep_.release();
  (void)installer_.release();
  (void)states_.release();
  (void)new (std::nothrow) std::shared_ptr<read::Reclaimer>(std::move(reclaimer_));
  closed_.store(true, std::memory_order_release);
  lock_ = nullptr;
}

Status Core::CloseWriter() {
  Status first;
  if (commit_->stall_reason() != StallReason::kLogFailed) {
    Step(&first, [&] {
      const bool much = commit_->active_batch_bytes() > kKeptInLogBytes;
      return much ? commit_->Freeze() : Status::Ok();
    });
    if (first.ok()) Step(&first, [&] { return upkeep_->WaitForFlushes(); });
  }
  commit_->Close();
  upkeep_->Stop();
  AbortBulkLoads();
  upkeep_->WaitForCallers();
  log_queue_->Stop();
  flush_queue_->Stop();
  maintenance_queue_->Stop();
  Step(&first, [&] { return log_->DropPrepared(); });
  Keep(log_->failed(), &first);
  // After a failure the log stays as a crash would leave it: the next Open recovers.
  if (first.ok() && !installer_->in_doubt()) {
    Step(&first, [&] { return SealAndInstall(); });
  } else if (log_->failed().ok()) {
    // The next Open recovers, also from a power cut.
    Step(&first, [&] { return log_->Sync(); });
  }
  if (installer_->in_doubt()) {
    Keep(Status(StatusCode::kIoError, "MANIFEST: a sync of its directory failed",
                manifest::kManifestName),
         &first);
  }
  installer_->Close();
  Keep(upkeep_->last_error(), &first);
  return first;
}

Status Core::SealAndInstall() {
  const read::StatePin state = states_->Pin();
  const bool empty = state->generation_count == 1 && state->generations[0]->empty();
  commit::LogEnd end;
  if (!empty) KYRO_RETURN_IF_ERROR(log_->Close(commit_->visible(), &end));
  return InstallClosed(end, empty);
}

Status Core::InstallClosed(const commit::LogEnd& end, bool empty) {
  const manifest::Manifest now = installer_->manifest();
  // Untouched since Open: the manifest already says it.
  if (now.clean && (empty ? !now.wal_floor.exists() : now.wal_newest == end.file)) {
    return Status::Ok();
  }
  const Sequence last = commit_->visible();
  closing_durable_.store(last, std::memory_order_release);  // sealed and synced, or in segments
  KYRO_RETURN_IF_ERROR(installer_->Install([&](manifest::Manifest* next) {
    next->last_sequence = last;
    next->clean = true;
    if (empty) {
      // No log is needed; what is numbered up to wal_newest is spent, should a crash leave it.
      next->wal_floor = FileId{};
      next->floor_sequence = last;
      if (log_->open()) next->wal_newest = log_->current();
      next->wal_newest_bytes = 0;
    } else {
      next->wal_newest = end.file;
      next->wal_newest_bytes = end.bytes;
    }
    return Status::Ok();
  }));
  if (empty) DeleteLogFiles();
  return Status::Ok();
}

// Everything is in segments. What cannot be deleted here is an orphan for the next Open.
void Core::DeleteLogFiles() {
  (void)log_->Abandon();
  const auto entries = directory_->List();
  if (!entries.ok()) return;
  for (const io::DirectoryEntry& entry : *entries) {
    FileKind kind;
    std::uint64_t number = 0;
    if (ParseFileName(entry.name, &kind, &number) && kind == FileKind::kWal) {
      (void)directory_->Unlink(entry.name);
    }
  }
  (void)directory_->Sync();
}

}  // namespace kyro::db
