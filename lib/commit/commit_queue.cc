// SPDX-License-Identifier: Apache-2.0
#include "commit/commit_queue.h"

#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "base/status_util.h"
#include "base/test_point.h"
#include "batch/batch.h"
#include "commit/request.h"
#include "io/stopwatch.h"

namespace kyro::commit {
namespace {

// A group takes in waiting batches up to this many bytes; a larger batch goes alone.
constexpr std::uint64_t kGroupBytesMax = 1 << 20;
// The leader's record buffer is given back above this size.
constexpr std::size_t kBufferKeptBytes = 4 << 20;
// After this long without a commit the newest records get a sync mark behind them.
constexpr std::chrono::microseconds kIdleBeforeMark{10000};
// In kOs mode writeback is started after this many bytes.
constexpr std::uint64_t kWritebackBytes = 4 << 20;
// How long a writer that waits for room sleeps between looks; and how long it is held up per group
// when the frozen generations are at their limit and the active one is half full.
constexpr std::chrono::microseconds kStallStep{500};
constexpr std::chrono::microseconds kSlowdownStep{200};

}  // namespace

CommitQueue::CommitQueue(const io::Env& env, const CommitOptions& options, CommitHooks hooks,
                         Log* log, read::StateHolder* states, io::JobQueue* chores, Sequence last,
                         std::uint64_t active_batch_bytes)
    : env_(env),
      options_(options),
      hooks_(std::move(hooks)),
      latency_clock_(options.latency_histograms ? env.clock : nullptr),
      log_(log),
      states_(states),
      chores_(chores),
      active_(states->Pin()->generations[0]),
      last_(last),
      visible_(last),
      durable_(last),
      active_batch_bytes_(active_batch_bytes) {}

CommitQueue::~CommitQueue() = default;

// ---------------------------------------------------------------------------------- the queue

Result<Sequence> CommitQueue::Commit(std::string_view batch, Durability durability) {
  const io::Stopwatch watch(latency_clock_);
  Request request;
  request.batch = batch;
  request.durability = durability;
  batch::Op op;
  batch::Reader reader(batch);
  while (reader.Next(&op)) {
    const std::uint64_t bytes = op.key_kind == KeyKind::kU64
                                    ? delta::Delta<U64>::OpBytes(op.key.size(), op.value.size())
                                    : delta::Delta<Bytes>::OpBytes(op.key.size(), op.value.size());
    KeyspaceNeed* need = FindNeed(request.needs, op.keyspace);
    if (need == nullptr) need = &request.needs.emplace_back(op.keyspace, op.key_kind);
    need->bytes += bytes;
    request.need_bytes += bytes;
  }
  KYRO_RETURN_IF_ERROR(reader.status());
  Status status = Enqueue(&request);
  watch.Stop(&counters_.commit_nanos);
  if (!status.ok()) {
    counters_.refused.fetch_add(1, std::memory_order_relaxed);
    return status;
  }
  return request.sequence;
}

Status CommitQueue::RunExclusive(const std::function<Status()>& task) {
  Request request;
  request.task = &task;
  return Enqueue(&request);
}

// A batch touches few keyspaces: a linear look is the fastest.
CommitQueue::KeyspaceNeed* CommitQueue::FindNeed(std::vector<KeyspaceNeed>& needs,
                                                 std::uint32_t keyspace) noexcept {
  for (KeyspaceNeed& need : needs) {
    if (need.keyspace == keyspace) return &need;
  }
  return nullptr;
}

Status CommitQueue::Enqueue(Request* request) {
  {
    MutexLock lock(&mutex_);
    if (closed_) return Status(StatusCode::kClosed, "the database is closed");
    KYRO_RETURN_IF_ERROR(RefusalOf(*request));
    queue_.push_back(request);
    while (!request->done && queue_.front() != request) request->wake.Wait(&mutex_);
    if (request->done) return std::move(request->status);
  }
  Lead(request);
  return std::move(request->status);
}

Status CommitQueue::RefusalOf(const Request& request) const {
  if (refused_.empty()) return Status::Ok();
  for (const KeyspaceNeed& need : request.needs) {
    for (const Refusal& refusal : refused_) {
      if (refusal.keyspace == need.keyspace) return refusal.why;
    }
  }
  return Status::Ok();
}

Status CommitQueue::Refuse(std::uint32_t keyspace, Status why) {
  MutexLock lock(&mutex_);
  for (const Refusal& refusal : refused_) {
    if (refusal.keyspace == keyspace) return refusal.why;
  }
  refused_.push_back({keyspace, std::move(why)});
  return Status::Ok();
}

void CommitQueue::Accept(std::uint32_t keyspace) noexcept {
  MutexLock lock(&mutex_);
  std::erase_if(refused_, [&](const Refusal& refusal) { return refusal.keyspace == keyspace; });
}

void CommitQueue::TakeGroup(Request* first, std::vector<Request*>* group) {
  group->push_back(first);
  if (first->task != nullptr) return;
  std::uint64_t bytes = first->batch.size();
  std::uint64_t need = first->need_bytes;
  for (std::size_t i = 1; i < queue_.size(); ++i) {
    Request* next = queue_[i];
    bytes += next->batch.size();
    need += next->need_bytes;
    if (next->task != nullptr || bytes > kGroupBytesMax || need > options_.delta_bytes) return;
    group->push_back(next);
  }
}

void CommitQueue::Lead(Request* first) {
  std::vector<Request*> group;
  Status status = Guarded([&]() -> Status {
    MutexLock lock(&mutex_);
    group.reserve(queue_.size());
    TakeGroup(first, &group);
    return Status::Ok();
  });
  const bool alone = !status.ok();
  if (status.ok()) {
    status = first->task != nullptr ? Guarded([&] { return (*first->task)(); }) : Process(group);
  }
  MutexLock lock(&mutex_);
  log_error_ = log_->failed();
  const std::size_t count = alone ? 1 : group.size();
  for (std::size_t i = 0; i < count; ++i) {
    Request* request = queue_.front();
    queue_.pop_front();
    request->status = status;
    request->done = true;
    if (request != first) request->wake.NotifyOne();
  }
  if (!queue_.empty()) {
    queue_.front()->wake.NotifyOne();
  } else if (closed_) {
    drained_.NotifyAll();
  }
}

// ---------------------------------------------------------------------------------- one group

Status CommitQueue::Process(const std::vector<Request*>& group) {
  const io::Stopwatch watch(latency_clock_);
  const bool sync = std::any_of(group.begin(), group.end(), [](const Request* request) {
    return request->durability == Durability::kSync && !KYRO_PLANTED(kAckBeforeSync);
  });
  Status status = Guarded([&]() -> Status {
    KYRO_RETURN_IF_ERROR(MakeRoom(group));
    KYRO_RETURN_IF_ERROR(ReserveMemory(group));  // C2
    return WriteRecord(group, sync && !KYRO_PLANTED(kVisibleBeforeSync));
  });
  if (!status.ok()) return status;
  if (KYRO_PLANTED(kVisibleBeforeApply)) visible_.store(last_ + group.size());
  KYRO_TEST_POINT("commit.record_written");
  Apply(group);
  KYRO_TEST_POINT("commit.applied");
  if (sync || KYRO_PLANTED(kDurableRunsAhead)) durable_.store(last_, std::memory_order_release);
  const Sequence late = KYRO_PLANTED(kVisibleOneLate) ? 1 : 0;
  visible_.store(last_ - late, std::memory_order_release);  // C3
  if (KYRO_PLANTED(kVisibleBeforeSync) && sync && !log_->Sync().ok()) {
    return Status(StatusCode::kUnknownOutcome, "planted: visible all the same");
  }
  watch.Stop(&counters_.group_nanos);
  groups_done_.fetch_add(1, std::memory_order_relaxed);
  counters_.groups.fetch_add(1, std::memory_order_relaxed);
  counters_.commits.fetch_add(group.size(), std::memory_order_relaxed);
  PostChores(group, sync);
  return Status::Ok();
}

Status CommitQueue::RequireSoundLog() const {
  if (log_->failed().ok()) return Status::Ok();
  return Error(StatusCode::kReadOnly, "read-only until Resume or reopening: {}",
               log_->failed().message());
}

Status CommitQueue::MakeRoom(const std::vector<Request*>& group) {
  KYRO_RETURN_IF_ERROR(RequireSoundLog());
  std::uint64_t need = 0;
  for (const Request* request : group) need += request->need_bytes;
  if (!active_->empty() && active_->bytes() + need > options_.delta_bytes) return FreezeAsLeader();
  const bool at_limit = states_->Pin()->generation_count > kFrozenGenerationsMax;
  if (at_limit && active_->bytes() > options_.delta_bytes / 2) env_.clock->Sleep(kSlowdownStep);
  return Status::Ok();
}

Status CommitQueue::ReserveMemory(const std::vector<Request*>& group) {
  needs_.clear();
  for (const Request* request : group) {
    for (const KeyspaceNeed& need : request->needs) {
      KeyspaceNeed* sum = FindNeed(needs_, need.keyspace);
      if (sum == nullptr) sum = &needs_.emplace_back(need.keyspace, need.kind);
      sum->bytes += need.bytes;
    }
  }
  for (KeyspaceNeed& need : needs_) {
    if (need.kind == KeyKind::kU64) {
      KYRO_ASSIGN_OR_RETURN(need.u64, active_->Ensure<U64>(need.keyspace));
      KYRO_RETURN_IF_ERROR(need.u64->Reserve(need.bytes));
    } else {
      KYRO_ASSIGN_OR_RETURN(need.byte_strings, active_->Ensure<Bytes>(need.keyspace));
      KYRO_RETURN_IF_ERROR(need.byte_strings->Reserve(need.bytes));
    }
  }
  return Status::Ok();
}

Status CommitQueue::WriteRecord(const std::vector<Request*>& group, bool sync) {
  std::uint64_t bytes = wal::kRecordHeaderBytes;
  for (const Request* request : group) bytes += sizeof(std::uint32_t) + request->batch.size();
  KYRO_RETURN_IF_ERROR(log_->MakeReady(bytes, last_));
  if (buffer_.capacity() > kBufferKeptBytes) std::string().swap(buffer_);
  buffer_.reserve(bytes + wal::kRecordSlackBytes);
  buffer_.assign(wal::kRecordHeaderBytes, '\0');
  for (const Request* request : group) {
    AppendLE(&buffer_, static_cast<std::uint32_t>(request->batch.size()));
    buffer_.append(request->batch);
  }
  wal::RecordInfo info;
  info.type = wal::RecordType::kGroup;
  info.first = last_ + 1;
  info.last = last_ + group.size();
  info.batches = static_cast<std::uint32_t>(group.size());
  KYRO_RETURN_IF_ERROR(log_->Append(info, &buffer_));
  if (KYRO_PLANTED(kAllocateAfterAppend)) needs_.reserve(needs_.capacity() + 1);
  if (!sync) return Status::Ok();
  if (Status status = log_->Sync(); !status.ok()) {
    return Status(StatusCode::kUnknownOutcome, status.message(), status.file(), status.offset());
  }
  return Status::Ok();
}

void CommitQueue::Apply(const std::vector<Request*>& group) noexcept {
  batch::Op op;
  for (Request* request : group) {
    request->sequence = ++last_;
    active_batch_bytes_.fetch_add(request->batch.size(), std::memory_order_relaxed);
    for (batch::Reader reader(request->batch); reader.Next(&op);) {
      const KeyspaceNeed& to = *FindNeed(needs_, op.keyspace);
      const bool put = op.kind == batch::OpKind::kPut;
      if (op.key_kind == KeyKind::kU64) {
        const std::uint64_t key = KeyTraits<U64>::Decode(op.key);
        put ? to.u64->Put(key, last_, op.value) : to.u64->Delete(key, last_);
      } else {
        put ? to.byte_strings->Put(op.key, last_, op.value)
            : to.byte_strings->Delete(op.key, last_);
      }
      if (KYRO_PLANTED(kBatchVisibleInHalves)) visible_.store(last_);
      KYRO_TEST_POINT("commit.operation_applied");
    }
  }
  if (KYRO_PLANTED(kGroupNumbersReversed)) {
    for (std::size_t i = 0; i < group.size(); ++i) group[i]->sequence = last_ - i;
  }
}

// ---------------------------------------------------------------------------------- freezing

Status CommitQueue::WaitForFlush(std::chrono::microseconds* waited) {
  KYRO_RETURN_IF_ERROR(hooks_.flush_error());
  if (hooks_.help_flush()) return Status::Ok();
  if (*waited >= options_.write_stall_max) {
    return Error(StatusCode::kBusy, "no room after {} ms: {} frozen generations wait for a flush",
                 waited->count() / 1000, kFrozenGenerationsMax);
  }
  env_.clock->Sleep(kStallStep);
  *waited += kStallStep;
  counters_.stall_micros.fetch_add(kStallStep.count(), std::memory_order_relaxed);
  return Status::Ok();
}

Status CommitQueue::FreezeAsLeader() {
  std::chrono::microseconds waited{0};
  Status status;
  while (status.ok() && states_->Pin()->generation_count > kFrozenGenerationsMax) {
    if (!stalled_.exchange(true, std::memory_order_relaxed)) {
      counters_.stalls.fetch_add(1, std::memory_order_relaxed);
      hooks_.stalled(true);
    }
    status = WaitForFlush(&waited);
  }
  if (stalled_.exchange(false, std::memory_order_relaxed)) hooks_.stalled(false);
  KYRO_RETURN_IF_ERROR(status);

  // Everything that can fail comes before the log turns to its next file.
  KYRO_ASSIGN_OR_RETURN(auto next, delta::Generation::Create(options_.delta_bytes, last_));
  std::shared_ptr<read::ReadState> state = states_->NewState();
  KYRO_RETURN_IF_ERROR(log_->Rotate(last_));
  durable_.store(last_, std::memory_order_release);
  TurnTo(std::move(next), std::move(state), last_, {log_->current(), {}});
  return Status::Ok();
}

// Freezes the active generation at `last` and puts `next` before it.
void CommitQueue::TurnTo(std::shared_ptr<delta::Generation> next,
                         std::shared_ptr<read::ReadState> state, Sequence last,
                         const delta::LogEdge& log) noexcept {
  const read::StatePin early =
      KYRO_PLANTED(kFreezeTakesInstallBack) ? states_->Pin() : read::StatePin();
  KYRO_TEST_POINT("commit.turning");
  states_->Publish(std::move(state), [&](const read::ReadState& now, read::ReadState* then) {
    active_->Freeze(KYRO_PLANTED(kFrozenOneShort) ? last - 1 : last, log);
    then->runs = early != nullptr ? early->runs : now.runs;
    then->generations[0] = next;
    std::copy_n(now.generations.begin(), now.generation_count, then->generations.begin() + 1);
    then->generation_count = now.generation_count + 1;
    if (KYRO_PLANTED(kFreezeLosesGeneration) && then->generation_count > 2) {
      --then->generation_count;
    }
  });
  active_ = std::move(next);
  active_batch_bytes_.store(0, std::memory_order_relaxed);
  hooks_.generation_frozen();
}

// Waits, as the leader, until no frozen generation is left.
Status CommitQueue::FlushAllAsLeader() {
  std::chrono::microseconds waited{0};
  while (states_->Pin()->generation_count > 1) KYRO_RETURN_IF_ERROR(WaitForFlush(&waited));
  return Status::Ok();
}

Status CommitQueue::Freeze() {
  return RunExclusive([this] {
    // Commits may have left no row, if their keyspace was dropped: still the floor must pass them.
    const bool nothing = active_->empty() && active_->floor_sequence() == last_;
    return nothing ? Status::Ok() : FreezeAsLeader();
  });
}

// ---------------------------------------------------------------------------------- syncing

Status CommitQueue::SyncAsLeader() {
  KYRO_RETURN_IF_ERROR(log_->Sync());
  durable_.store(last_, std::memory_order_release);
  return Status::Ok();
}

Status CommitQueue::Sync() {
  return RunExclusive([this] { return SyncAsLeader(); });
}

// A record proves what was synced before it was written. So that the newest commits have a
// witness too, an idle log gets an empty record behind them.
Status CommitQueue::SyncAndMark() {
  KYRO_RETURN_IF_ERROR(SyncAsLeader());
  if (!log_->open()) return Status::Ok();
  KYRO_RETURN_IF_ERROR(log_->MakeReady(wal::kRecordHeaderBytes, last_));
  KYRO_RETURN_IF_ERROR(log_->AppendMark(last_));
  return log_->Sync();
}

void CommitQueue::PostChores(const std::vector<Request*>& group, bool synced) {
  if (log_->wants_prepare() && !prepare_posted_.exchange(true)) {
    const Status posted = chores_->Post([this] {
      prepare_posted_.store(false);
      (void)Guarded([this] { return log_->Prepare(); });  // the leader meets a lasting error itself
    });
    if (!posted.ok()) prepare_posted_.store(false);
  }
  if (synced) return PostMark();
  if (log_->unsynced_bytes() >= kWritebackBytes) log_->StartWriteback();
  const bool interval = std::any_of(group.begin(), group.end(), [](const Request* request) {
    return request->durability == Durability::kInterval || KYRO_PLANTED(kAckBeforeSync);
  });
  if (interval) PostIntervalSync();
}

void CommitQueue::PostMark() {
  if (mark_posted_.exchange(true)) return;
  const std::uint64_t groups = groups_done_.load(std::memory_order_relaxed);
  const Status posted = chores_->Post(
      [this, groups] {
        mark_posted_.store(false);
        if (groups != groups_done_.load(std::memory_order_relaxed)) return PostMark();
        (void)RunExclusive([this, groups] {
          const bool idle = groups == groups_done_.load(std::memory_order_relaxed);
          return idle ? SyncAndMark() : Status::Ok();
        });
      },
      kIdleBeforeMark);
  if (!posted.ok()) mark_posted_.store(false);
}

void CommitQueue::PostIntervalSync() {
  if (sync_posted_.exchange(true)) return;
  const Status posted = chores_->Post(
      [this] {
        sync_posted_.store(false);
        (void)RunExclusive([this] { return log_->synced() ? Status::Ok() : SyncAndMark(); });
      },
      options_.sync_interval);
  if (!posted.ok()) sync_posted_.store(false);
}

// ---------------------------------------------------------------------------------- the rest

// Without a request of its own, which could lack the memory.
void CommitQueue::Close() noexcept {
  MutexLock lock(&mutex_);
  closed_ = true;
  while (!queue_.empty()) drained_.Wait(&mutex_);
}

StallReason CommitQueue::stall_reason() const {
  if (!log_error().ok()) return StallReason::kLogFailed;
  if (!stalled_.load(std::memory_order_relaxed)) return StallReason::kNone;
  return hooks_.flush_error().ok() ? StallReason::kFlushBehind : StallReason::kFlushFailing;
}

}  // namespace kyro::commit
