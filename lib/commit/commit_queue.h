// SPDX-License-Identifier: Apache-2.0
//
// The commit queue: from a batch to an acknowledged, visible commit.
//
//   writers -> queue -> leader: room -> memory -> one log record -> fdatasync -> delta -> visible
//
// The writer at the head of the queue leads: it takes those waiting behind it into its group, one
// record and one write call for all, while the next group gathers.
//
//   C1  Groups are written, applied and published strictly in sequence order.
//   C2  Memory for the delta is reserved before the record is written; after that nothing on the
//       path can fail or throw.
//   C3  A write is acknowledged and visible only after what its durability asks for is done.
//   C4  An error other than kUnknownOutcome means: not applied, now or after any crash.
//   C5  A freeze happens between groups, with everything before it applied and visible, and always
//       starts a new log file.
#ifndef KYRO_COMMIT_COMMIT_QUEUE_H_
#define KYRO_COMMIT_COMMIT_QUEUE_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/histogram.h"
#include "base/mutex.h"
#include "commit/log.h"
#include "io/env.h"
#include "kyro/stats.h"
#include "kyro/types.h"
#include "read/read_state.h"

namespace kyro::commit {

struct CommitOptions {
  std::chrono::microseconds sync_interval{100000};
  std::size_t delta_bytes = 0;
  std::chrono::microseconds write_stall_max{0};
  bool latency_histograms = true;
};

// How the queue reaches the rest of the Db. Called by the leader without locks.
struct CommitHooks {
  std::function<void()> generation_frozen;    // a flush is wanted
  std::function<bool()> help_flush;           // runs one due flush job here; false: none to run
  std::function<Status()> flush_error;        // why flushes keep failing; OK if they do not
  std::function<void(bool stalled)> stalled;  // writers began, or ceased, to wait for room
};

struct CommitCounters {
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> groups{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> stalls{0};
  std::atomic<std::uint64_t> stall_micros{0};
  Histogram commit_nanos;  // of what `commits` and `refused` count: from the call to its return
  Histogram group_nanos;   // of what `groups` counts: the leader's, sync included
};

// A bulk load's turn in the commit order.
struct BulkTurn {
  Sequence sequence = 0;  // the one it takes; all before it is in segments
  delta::LogEdge log;     // what follows it goes there
  // The active generation, empty, whose readers stay below `sequence`; and what takes its place in
  // the very state that shows the load.
  const delta::Generation* replaced = nullptr;
  std::shared_ptr<delta::Generation> fresh;
};

class CommitQueue {
 public:
  // `chores` runs log upkeep: files ahead of need, interval syncs, idle marks. Everything outlives
  // the queue. The current state's active generation ends at `last`, which is visible and durable.
  CommitQueue(const io::Env& env, const CommitOptions& options, CommitHooks hooks, Log* log,
              read::StateHolder* states, io::JobQueue* chores, Sequence last,
              std::uint64_t active_batch_bytes);
  ~CommitQueue();

  // Commits an encoded batch of at least one operation, already checked against the keyspaces.
  // Returns its sequence. Any thread; blocks.
  Result<Sequence> Commit(std::string_view batch, Durability durability);

  // Writes to the keyspace are refused with `why` from now on; those in the queue already are
  // finished before a RunExclusive that follows. If it is refused already, why.
  Status Refuse(std::uint32_t keyspace, Status why);
  void Accept(std::uint32_t keyspace) noexcept;

  // Runs `task` as the leader, between groups, with everything before it applied and visible.
  Status RunExclusive(const std::function<Status()>& task);

  // Everything acknowledged so far is durable when OK.
  Status Sync();
  // Freezes the active generation if it holds anything. Waits for room like a write.
  Status Freeze();
  // The one commit of a bulk load: takes a sequence, with everything before it in segments and the
  // queue held, and calls `install`. If that fails nothing was committed. See bulk.cc.
  using BulkInstall = std::function<Status(const BulkTurn&)>;
  Result<Sequence> CommitBulk(const BulkInstall& install);
  // After a failed log: flushes everything visible, drops what the log holds beyond it for ever,
  // and begins a new one. OK and nothing done if the log is sound. See start_over.cc.
  Status StartOver();

  // Refuses everything from now on with kClosed. What is in the queue is finished first.
  void Close() noexcept;

  Sequence visible() const noexcept { return visible_.load(std::memory_order_acquire); }
  Sequence durable() const noexcept { return durable_.load(std::memory_order_acquire); }
  StallReason stall_reason() const;
  // Why the log takes no more records; OK while it does.
  Status log_error() const {
    MutexLock lock(&mutex_);
    return log_error_;
  }
  // Writers in the queue now, the leader included.
  std::size_t waiting() const {
    MutexLock lock(&mutex_);
    return queue_.size();
  }
  // Encoded bytes of the batches in the active generation: what a reopen would have to replay.
  std::uint64_t active_batch_bytes() const noexcept {
    return active_batch_bytes_.load(std::memory_order_relaxed);
  }
  const CommitCounters& counters() const noexcept { return counters_; }

 private:
  struct Request;
  struct KeyspaceNeed;

  static KeyspaceNeed* FindNeed(std::vector<KeyspaceNeed>& needs, std::uint32_t keyspace) noexcept;
  struct Refusal {
    std::uint32_t keyspace;
    Status why;
  };

  Status Enqueue(Request* request);
  Status RefusalOf(const Request& request) const KYRO_REQUIRES(mutex_);
  void Lead(Request* first);
  void TakeGroup(Request* first, std::vector<Request*>* group) KYRO_REQUIRES(mutex_);
  Status Process(const std::vector<Request*>& group);
  Status RequireSoundLog() const;
  Status MakeRoom(const std::vector<Request*>& group);
  Status WaitForFlush(std::chrono::microseconds* waited);
  Status ReserveMemory(const std::vector<Request*>& group);
  Status WriteRecord(const std::vector<Request*>& group, bool sync);
  void Apply(const std::vector<Request*>& group) noexcept;
  Status FreezeAsLeader();
  void TurnTo(std::shared_ptr<delta::Generation> next, std::shared_ptr<read::ReadState> state,
              Sequence last, const delta::LogEdge& log) noexcept;
  Status FlushAllAsLeader();
  Status BulkAsLeader(const BulkInstall& install, Sequence* sequence);
  Status StartOverAsLeader();
  Status SyncAsLeader();
  Status SyncAndMark();
  void PostChores(const std::vector<Request*>& group, bool synced);
  void PostMark();
  void PostIntervalSync();

  const io::Env env_;
  const CommitOptions options_;
  const CommitHooks hooks_;
  const io::Clock* const latency_clock_;  // null: no histograms
  Log* const log_;
  read::StateHolder* const states_;
  io::JobQueue* const chores_;

  mutable Mutex mutex_;
  CondVar drained_;  // closed, and nobody is in the queue
  std::deque<Request*> queue_ KYRO_GUARDED_BY(mutex_);
  bool closed_ KYRO_GUARDED_BY(mutex_) = false;
  std::vector<Refusal> refused_ KYRO_GUARDED_BY(mutex_);
  Status log_error_ KYRO_GUARDED_BY(mutex_);

  // The leader's.
  std::shared_ptr<delta::Generation> active_;
  Sequence last_ = 0;                // of the newest group applied
  std::string buffer_;               // the record being made
  std::vector<KeyspaceNeed> needs_;  // of the group, with their deltas

  std::atomic<Sequence> visible_{0};
  std::atomic<Sequence> durable_{0};
  std::atomic<std::uint64_t> active_batch_bytes_;
  std::atomic<std::uint64_t> groups_done_{0};
  std::atomic<bool> mark_posted_{false};
  std::atomic<bool> sync_posted_{false};
  std::atomic<bool> prepare_posted_{false};
  std::atomic<bool> stalled_{false};
  CommitCounters counters_;
};

}  // namespace kyro::commit

#endif  // KYRO_COMMIT_COMMIT_QUEUE_H_
