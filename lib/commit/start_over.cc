// SPDX-License-Identifier: Apache-2.0
//
// After a failed sync nobody knows what of the log's newest file a crash would leave: groups that
// were never acknowledged may be there, and ones that were visible (in the weaker modes) may not.
// Nothing of it is trusted again: everything visible goes to segments, under a manifest that needs
// no log at all. The sequences that undetermined groups took stay taken, by nothing.
#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "base/status_util.h"
#include "commit/commit_queue.h"

namespace kyro::commit {

Status CommitQueue::StartOver() {
  return RunExclusive([this] { return StartOverAsLeader(); });
}

// May be called again after any error in it.
Status CommitQueue::StartOverAsLeader() {
  if (log_->failed().ok()) return Status::Ok();
  KYRO_RETURN_IF_ERROR(FlushAllAsLeader());
  const Sequence last =
      KYRO_PLANTED(kSequenceReused) ? last_ : std::max(last_, log_->last_attempted());
  KYRO_ASSIGN_OR_RETURN(auto next, delta::Generation::Create(options_.delta_bytes, last));
  TurnTo(std::move(next), states_->NewState(), last, {{}, log_->current_or_end()});
  last_ = last;
  if (!KYRO_PLANTED(kResumeWithoutFlush)) KYRO_RETURN_IF_ERROR(FlushAllAsLeader());
  durable_.store(last, std::memory_order_release);
  // Not before: what a reader has seen the sequence of must not get another one after a crash.
  visible_.store(last, std::memory_order_release);
  return log_->StartOver();
}

}  // namespace kyro::commit
