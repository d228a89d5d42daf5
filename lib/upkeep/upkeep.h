// SPDX-License-Identifier: Apache-2.0
//
// Upkeep: the background work of a Db. Flushes turn frozen generations into segments, merges keep
// runs few, retraining replaces damaged models, and everything is installed through one Installer.
//
//   U1  Generations are flushed oldest first, each over all keyspaces in one install (V5: only
//       when frozen, so all of it is visible).
//   U2  A merge takes a contiguous stretch of runs; its output takes their place (V4).
//   U3  A tombstone goes only when no older run can hold its key.
//   U4  Flushes have a queue of their own: they never wait for a merge.
//   U5  Work that failed is discarded and the old state kept; it is tried again later. Merges of a
//       keyspace whose input is damaged stop until the database is reopened.
#ifndef KYRO_UPKEEP_UPKEEP_H_
#define KYRO_UPKEEP_UPKEEP_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "base/histogram.h"
#include "base/mutex.h"
#include "io/env.h"
#include "kyro/options.h"
#include "segment/builder.h"
#include "upkeep/installer.h"

namespace kyro::upkeep {

struct UpkeepOptions {
  std::uint64_t segment_bytes = std::uint64_t{2} << 30;
  double merge_fraction = 0.25;
  bool latency_histograms = true;
  std::function<void(const Event&)> on_event;
};

struct UpkeepCounters {
  std::atomic<std::uint64_t> flushes{0};
  std::atomic<std::uint64_t> merges{0};
  std::atomic<std::uint64_t> retrains{0};
  std::atomic<std::uint64_t> tombstones_dropped{0};
  std::atomic<std::uint64_t> bytes_flushed{0};
  std::atomic<std::uint64_t> bytes_merged{0};
  std::atomic<std::uint64_t> failures{0};
  // Of what `flushes`, `merges` and `retrains` count: building, and installing with its syncs.
  Histogram flush_nanos;
  Histogram merge_nanos;
  Histogram retrain_nanos;
};

// Calls the caller's Progress and answers a builder's question whether to stop.
class Meter {
 public:
  Meter(const Progress* progress, std::uint64_t total) : progress_(progress), total_(total) {}
  void Add(std::uint64_t done) noexcept { done_.fetch_add(done, std::memory_order_relaxed); }
  void set_total(std::uint64_t total) noexcept { total_ = total; }
  std::uint64_t done() const noexcept { return done_.load(std::memory_order_relaxed); }
  bool Cancelled() const {
    return progress_ != nullptr && progress_->on_progress &&
           !progress_->on_progress(done(), total_);
  }

 private:
  const Progress* const progress_;
  std::uint64_t total_;
  std::atomic<std::uint64_t> done_{0};
};

template <class K>
class RunBuilder;

class Upkeep {
 public:
  // All arguments outlive the object; so do the queues of Start, stopped first.
  Upkeep(const io::Env& env, io::Directory* directory, const UpkeepOptions& options,
         Installer* installer, read::StateHolder* states);

  // From now on there are threads. Until then only FlushInto may be called.
  void Start(io::JobQueue* flush_queue, io::JobQueue* maintenance_queue) noexcept;

  // A generation was frozen: flush it soon.
  void FlushSoon() noexcept;
  // Called by who waits for a flush: sees to it that one is posted, and runs one job here if the
  // queue is deterministic. False if it ran none.
  bool HelpFlush();
  // Something may be merged, retrained, deleted or freed: look soon. Cheap; any thread.
  void MaintainSoon() noexcept;

  // Waits until no frozen generation is left, helping a deterministic queue along. Returns the
  // error of flushes that keep failing.
  Status WaitForFlushes();
  // The same for merges: returns when there is nothing to merge.
  Status WaitForMaintenance();

  // Merges each keyspace into one run without tombstones and without filters.
  Status Fold(const Progress& progress);
  Status RebuildIndex(const Progress& progress);

  // For recovery, before any queue runs: flushes `generation` (not in the read state) into new
  // segments and adds them to `*manifest`. Nothing is installed.
  Status FlushInto(const delta::Generation& generation, manifest::Manifest* manifest);

  // A builder for a bulk load's run, newer than all others of its keyspace. `meter` and `run`
  // outlive it. kClosed if the keyspace was dropped.
  template <class K>
  Result<std::unique_ptr<RunBuilder<K>>> NewBulkBuilder(std::uint32_t keyspace, const Meter* meter,
                                                        RunRef* run);
  // Shows the run at `sequence`, before which everything is in segments; the log is needed from
  // `log` on. kUnknownOutcome if a crash may leave either state.
  Status InstallBulk(std::uint32_t keyspace, const RunRef& run, Sequence sequence,
                     const delta::LogEdge& log, const Turnover& turnover);
  // Deletes the files of a run that will not be installed.
  void DiscardBulk(const RunRef& run);

  // Ends running work within 10 ms or so; work that begins later ends at once. The queues of Start
  // are stopped after this.
  void Stop() noexcept { stopping_.store(true, std::memory_order_release); }
  // Returns when a Fold or RebuildIndex that was running at Stop has ended.
  void WaitForCallers();

  // OK unless flushes have failed several times in a row.
  Status flush_error() const;
  // Flushes that failed are forgotten: flush_error tells of those that come.
  void ForgiveFlushes();
  Status last_error() const;
  const UpkeepCounters& counters() const noexcept { return counters_; }

 private:
  struct NewRun {
    std::uint32_t keyspace = 0;
    RunRef run;
    std::uint64_t tombstones_dropped = 0;
  };

  // upkeep.cc
  segment::BuildContext NewBuildContext(const Uuid& database, const Meter* meter) const;
  // Events are kept until no lock is held, then delivered.
  void Report(Event::Kind kind, std::uint64_t bytes, Status status = {});
  void DeliverEvents();
  void NoteFailure(const Status& status) noexcept;
  void Discard(const std::vector<NewRun>& runs);
  void MaintainJob();
  static void MoveLogFloor(const delta::LogEdge& log, manifest::Manifest* next);
  bool stopping() const noexcept { return stopping_.load(std::memory_order_acquire); }

  // flush.cc
  void PostFlush(std::chrono::microseconds delay) noexcept;
  void FlushJob() noexcept;
  Status FlushOne(const delta::Generation& generation);
  Result<std::vector<NewRun>> BuildRuns(const delta::Generation& generation,
                                        const manifest::Manifest& manifest);
  template <class K>
  Status BuildRun(const delta::Generation& generation, const manifest::KeyspaceRef& keyspace,
                  const Uuid& database, NewRun* out);

  // merge.cc
  bool IsDropped(std::uint32_t keyspace) const;
  void MaintainLater(std::chrono::microseconds delay) noexcept;
  bool MergeOnce();  // false: nothing to merge, or it failed
  Status MergeNewest(const manifest::KeyspaceRef& keyspace, std::size_t count, Meter* meter);
  template <class K>
  Status MergeRuns(const manifest::KeyspaceRef& keyspace, const Uuid& database, std::size_t count,
                   bool folded, Meter* meter, NewRun* out);
  Status InstallMerge(const manifest::KeyspaceRef& keyspace, std::size_t count, NewRun merged);

  // retrain.cc
  void RetrainDamaged();
  Status Retrain(std::uint32_t keyspace, const SegmentRef& ref, const Meter* meter);

  const io::Env env_;
  io::Directory* const directory_;
  const UpkeepOptions options_;
  const io::Clock* const latency_clock_;  // null: no histograms
  Installer* const installer_;
  read::StateHolder* const states_;
  io::JobQueue* flush_queue_ = nullptr;  // both set by Start
  io::JobQueue* maintenance_queue_ = nullptr;

  std::atomic<bool> stopping_{false};
  std::atomic<int> flushes_posted_{0};  // jobs that have not begun
  std::atomic<bool> maintain_posted_{false};
  std::atomic<bool> maintaining_{false};
  UpkeepCounters counters_;

  Mutex merge_mutex_;  // held through one merge, fold or rebuild; no reader or writer takes it
  std::set<std::uint32_t> damaged_ KYRO_GUARDED_BY(merge_mutex_);     // keyspaces not merged (U5)
  std::uint64_t merge_not_before_ KYRO_GUARDED_BY(merge_mutex_) = 0;  // monotonic; 0: now
  std::set<std::uint64_t> retrained_ KYRO_GUARDED_BY(merge_mutex_);   // keys files tried already

  mutable Mutex error_mutex_;
  Status last_error_ KYRO_GUARDED_BY(error_mutex_);
  int flush_failures_ KYRO_GUARDED_BY(error_mutex_) = 0;     // in a row
  std::vector<Event> events_ KYRO_GUARDED_BY(error_mutex_);  // not yet delivered
};

}  // namespace kyro::upkeep

#endif  // KYRO_UPKEEP_UPKEEP_H_
