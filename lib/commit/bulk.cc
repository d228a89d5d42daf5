// SPDX-License-Identifier: Apache-2.0
//
// The commit of a bulk load: one sequence for rows that are in segments already.
//
// With the queue held: everything before it is flushed; a record in the log takes its sequence s;
// the log turns to its next file; one install shows the run and moves the floor past s. So each
// manifest's runs hold the commits up to its floor and nothing above, bulk loads included. A crash
// before the install leaves s as a commit without rows.
//
// Readers of any state older than that install see nothing of the load, even once s is visible:
// their newest generation ends at s - 1. Readers of the new state read at s or above
// (ClampToState).
#include <utility>

#include "base/status_util.h"
#include "commit/commit_queue.h"

namespace kyro::commit {

Result<Sequence> CommitQueue::CommitBulk(const wal::Bulk& bulk, const BulkInstall& install) {
  Sequence sequence = 0;
  KYRO_RETURN_IF_ERROR(RunExclusive([&] { return BulkAsLeader(bulk, install, &sequence); }));
  return sequence;
}

Status CommitQueue::BulkAsLeader(const wal::Bulk& bulk, const BulkInstall& install,
                                 Sequence* sequence) {
  if (!active_->empty()) KYRO_RETURN_IF_ERROR(FreezeAsLeader());
  KYRO_RETURN_IF_ERROR(FlushAllAsLeader());

  BulkTurn turn;
  turn.sequence = last_ + 1;
  KYRO_ASSIGN_OR_RETURN(turn.fresh, delta::Generation::Create(options_.delta_bytes, turn.sequence));
  std::shared_ptr<read::ReadState> without = states_->NewState();
  if (Status status = log_->AppendBulk(turn.sequence, bulk); !status.ok()) {
    // The load is not applied, whatever becomes of its record.
    if (status.code() != StatusCode::kUnknownOutcome) return status;
    return Status(StatusCode::kIoError, status.message(), status.file(), status.offset());
  }
  last_ = turn.sequence;  // taken, whatever comes of it
  KYRO_RETURN_IF_ERROR(log_->Rotate(last_));
  durable_.store(last_, std::memory_order_release);

  turn.next_log = log_->current();
  turn.replaced = active_.get();
  active_->Freeze(last_ - 1, {turn.next_log, {}});
  const Status status = install(turn);
  if (!status.ok()) {
    states_->Publish(std::move(without), [&](const read::ReadState& now, read::ReadState* then) {
      then->runs = now.runs;
      then->generations[0] = turn.fresh;
      then->generation_count = 1;
    });
    // It may have been committed: nothing may be built on either outcome.
    if (status.code() == StatusCode::kUnknownOutcome) log_->Refuse(status);
  }
  active_ = std::move(turn.fresh);
  active_batch_bytes_.store(0, std::memory_order_relaxed);
  visible_.store(last_, std::memory_order_release);
  if (status.ok()) counters_.commits.fetch_add(1, std::memory_order_relaxed);
  *sequence = last_;
  return status;
}

}  // namespace kyro::commit
