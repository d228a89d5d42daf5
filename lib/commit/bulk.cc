// SPDX-License-Identifier: Apache-2.0
//
// The commit of a bulk load: one sequence for rows that are in segments already.
//
// With the queue held: everything before it is flushed; the log is sealed towards a next file that
// holds nothing yet; one install shows the run under the next sequence s and moves the floor past
// s, to that file; then the file gets its link, and says that s came before it. So the install is
// the commit point, the log knows nothing of s that the manifest does not, and each manifest's runs
// hold the commits up to its floor and nothing above, bulk loads included.
//
// Readers of any state older than that install see nothing of the load, even once s is visible:
// their newest generation ends at s - 1. Readers of the new state read at s or above
// (ClampToState).
#include <utility>

#include "base/planted.h"
#include "base/status_util.h"
#include "commit/commit_queue.h"

namespace kyro::commit {

Result<Sequence> CommitQueue::CommitBulk(const BulkInstall& install) {
  Sequence sequence = 0;
  KYRO_RETURN_IF_ERROR(RunExclusive([&] { return BulkAsLeader(install, &sequence); }));
  return sequence;
}

Status CommitQueue::BulkAsLeader(const BulkInstall& install, Sequence* sequence) {
  KYRO_RETURN_IF_ERROR(RequireSoundLog());  // then it is certain that nothing was loaded
  const bool flush = !active_->empty() && !KYRO_PLANTED(kBulkWithoutFlush);
  if (flush) KYRO_RETURN_IF_ERROR(FreezeAsLeader());
  KYRO_RETURN_IF_ERROR(FlushAllAsLeader());

  BulkTurn turn;
  turn.sequence = last_ + 1;
  KYRO_ASSIGN_OR_RETURN(turn.fresh, delta::Generation::Create(options_.delta_bytes, turn.sequence));
  // Should it fail: the same state with a generation that has not ended.
  KYRO_ASSIGN_OR_RETURN(auto unloaded, delta::Generation::Create(options_.delta_bytes, last_));
  std::shared_ptr<read::ReadState> without = states_->NewState();
  KYRO_RETURN_IF_ERROR(log_->SealForNext(last_, &turn.log));
  turn.replaced = active_.get();
  active_->Freeze(last_, turn.log);
  // From here to the end the queue is between two states: running out of memory is a failure too.
  const Status status = Guarded([&] { return install(turn); });
  if (status.ok()) {
    last_ = turn.sequence;
    counters_.commits.fetch_add(1, std::memory_order_relaxed);
  } else {
    turn.fresh = std::move(unloaded);
    states_->Publish(std::move(without), [&](const read::ReadState& now, read::ReadState* then) {
      then->runs = now.runs;
      then->generations[0] = turn.fresh;
      then->generation_count = 1;
    });
  }
  // If a crash may leave either state, nothing may be built on one of them.
  if (status.code() == StatusCode::kUnknownOutcome) log_->Refuse(status);
  // What goes wrong here is told to the next writer: the load is committed, or it is not.
  (void)log_->LinkNext(last_, /*floor_moved=*/status.ok());
  active_ = std::move(turn.fresh);
  active_batch_bytes_.store(0, std::memory_order_relaxed);
  durable_.store(last_, std::memory_order_release);
  visible_.store(last_, std::memory_order_release);
  *sequence = last_;
  return status;
}

}  // namespace kyro::commit
