// SPDX-License-Identifier: Apache-2.0
//
// Resume: writing again after an I/O error. What stands in the way decides how:
//
//   the log failed            commit/start_over.cc: all visible into segments, a new log
//   no space at Open          the recovery that was put off, and then the threads
//   flushes fail              they are tried again anyway: wait, and say how it went
//   a directory sync failed   nothing helps but reopening (upkeep/installer.h, I4)
#include <utility>

#include "base/planted.h"
#include "base/status_util.h"
#include "db/core.h"

namespace kyro::db {

Status Core::Resume() {
  KYRO_RETURN_IF_ERROR(CheckOpen());
  // Held against Close and against a second Resume.
  MutexLock lock(&close_mutex_);
  KYRO_RETURN_IF_ERROR(CheckOpen());
  if (options_.read_only) return Status(StatusCode::kReadOnly, "opened read-only");
  if (installer_->in_doubt()) {
    return Status(StatusCode::kReadOnly,
                  "MANIFEST: a sync of its directory failed; reopen the database",
                  manifest::kManifestName);
  }
  if (!running_.load(std::memory_order_acquire)) {
    const Status status = FinishRecovery();
    if (!status.ok()) {
      MutexLock refused(&refused_mutex_);
      refused_ = status;
    }
    return status;
  }
  upkeep_->ForgiveFlushes();  // what stands in the way is what fails from now on
  KYRO_RETURN_IF_ERROR(commit_->StartOver());
  return upkeep_->WaitForFlushes();
}

// Readers go on meanwhile, over what Open replayed into memory; that generation ends here. Each
// step may fail and be tried again, but for the first: once all is in segments, cleaning up may
// have deleted any part of the log, and it must not be read any more.
Status Core::FinishRecovery() {
  if (!resumed_.has_value() || KYRO_PLANTED(kResumeRecoversAgain)) {
    Recovered again;
    again.chain = recovered_.chain;
    KYRO_RETURN_IF_ERROR(RecoverIntoSegments(&again));
    resumed_ = std::move(again);
  }
  recovered_.active->Freeze(resumed_->last_sequence);
  KYRO_RETURN_IF_ERROR(installer_->PublishInitial(resumed_->active));
  KYRO_RETURN_IF_ERROR(CleanUp(&*resumed_));
  return StartThreads(*resumed_);
}

}  // namespace kyro::db
