// SPDX-License-Identifier: Apache-2.0
#include "db/bulk.h"

#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "base/status_util.h"

namespace kyro::db {

// ---------------------------------------------------------------------------------- the core's

Status Core::BeginBulk(std::uint32_t keyspace) {
  KYRO_RETURN_IF_ERROR(CheckWritable());
  const Status busy(StatusCode::kBusy, "a bulk load of the keyspace is under way");
  if (!KYRO_PLANTED(kBulkAcceptsWrites)) KYRO_RETURN_IF_ERROR(commit_->Refuse(keyspace, busy));
  // No row of the keyspace is written from here on. Those in memory go to segments now, so that
  // the load, which is newer than they are, finds little left to flush when it holds the queue.
  // Should that fail, for want of memory too, the keyspace is given back.
  Status status = Guarded([&] {
    KYRO_RETURN_IF_ERROR(commit_->Freeze());
    return upkeep_->WaitForFlushes();
  });
  if (!status.ok()) commit_->Accept(keyspace);
  return status;
}

void Core::EndBulk(std::uint32_t keyspace) noexcept {
  commit_->Accept(keyspace);
}

Result<Sequence> Core::InstallBulk(std::uint32_t keyspace, const RunRef& run) {
  KYRO_RETURN_IF_ERROR(CheckWritable());
  return commit_->CommitBulk([&](const commit::BulkTurn& turn) {
    return upkeep_->InstallBulk(keyspace, run, turn.sequence, turn.log,
                                {.gone = turn.replaced, .fresh = turn.fresh});
  });
}

void Core::EnterBulk(AnyBulkSession* session) {
  MutexLock lock(&bulk_mutex_);
  bulk_sessions_.push_back(session);
}

void Core::LeaveBulk(AnyBulkSession* session) noexcept {
  MutexLock lock(&bulk_mutex_);
  std::erase(bulk_sessions_, session);
}

void Core::AbortBulkLoads() {
  MutexLock lock(&bulk_mutex_);
  for (AnyBulkSession* session : bulk_sessions_) session->Abort();
}

// ---------------------------------------------------------------------------------- one load

template <class K>
BulkSession<K>::BulkSession(std::shared_ptr<Core> core, std::uint32_t keyspace) noexcept
    : core_(std::move(core)), keyspace_(keyspace), meter_(&progress_, 0) {}

template <class K>
Result<std::unique_ptr<BulkSession<K>>> BulkSession<K>::Begin(std::shared_ptr<Core> core,
                                                              std::uint32_t keyspace) {
  KYRO_RETURN_IF_ERROR(core->CheckOpen());
  std::unique_ptr<BulkSession> session(new BulkSession(core, keyspace));
  // Entered first: a Close that comes between finds it.
  core->EnterBulk(session.get());
  KYRO_RETURN_IF_ERROR(core->BeginBulk(keyspace));
  MutexLock lock(&session->mutex_);
  if (!session->over_.ok()) return session->over_;
  // Guarded: whatever fails from here on, the keyspace is given back.
  using Made = Result<std::unique_ptr<upkeep::RunBuilder<K>>>;
  auto builder = Guarded([&]() KYRO_NO_THREAD_SAFETY_ANALYSIS -> Made {
    if constexpr (kKindOf<K> == KeyKind::kU64) KYRO_RETURN_IF_ERROR(session->stage_.Allocate());
    return core->upkeep()->template NewBulkBuilder<K>(keyspace, &session->meter_, &session->run_);
  });
  if (builder.ok()) {
    session->builder_ = *std::move(builder);
    session->open_.store(true, std::memory_order_relaxed);
    return session;
  }
  core->EndBulk(keyspace);
  return std::move(builder).status();
}

template <class K>
BulkSession<K>::~BulkSession() {
  if (core_->forked()) {
    // The files are the parent's; so may be the locks, for ever.
    (void)builder_.release();
    return;
  }
  core_->LeaveBulk(this);
  MutexLock lock(&mutex_);
  if (builder_ == nullptr) return;
  Discard();
  core_->EndBulk(keyspace_);
}

template <class K>
void BulkSession<K>::Abort() noexcept {
  MutexLock lock(&mutex_);
  over_ = Status(StatusCode::kClosed, "the database is closed");
  open_.store(false, std::memory_order_relaxed);
  if (builder_ != nullptr) Discard();
}

template <class K>
void BulkSession<K>::Discard() noexcept {
  builder_ = nullptr;
  // Held here; the analysis does not see through Guarded.
  (void)Guarded([&]() KYRO_NO_THREAD_SAFETY_ANALYSIS {
    core_->upkeep()->DiscardBulk(run_);
    return Status::Ok();
  });
}

template <class K>
Status BulkSession<K>::FinishRun() {
  Status status = HandOn();
  if (status.ok()) status = builder_->Finish();
  if (status.code() == StatusCode::kCancelled) {
    return Status(StatusCode::kCancelled, "bulk load cancelled");
  }
  return status;
}

template <class K>
Result<Sequence> BulkSession<K>::Finish(const Progress& progress) {
  if (core_->forked()) return core_->CheckOpen();
  MutexLock lock(&mutex_);
  if (builder_ == nullptr) return over_;
  open_.store(false, std::memory_order_relaxed);
  progress_ = progress;
  meter_.Add(count_);
  // Held here; the analysis does not see through Guarded.
  Result<Sequence> sequence = Guarded([&]() KYRO_NO_THREAD_SAFETY_ANALYSIS -> Result<Sequence> {
    KYRO_RETURN_IF_ERROR(lost_);
    KYRO_RETURN_IF_ERROR(FinishRun());
    if (run_.segments.empty()) return core_->visible();
    return core_->InstallBulk(keyspace_, run_);
  });
  over_ = Status(StatusCode::kInvalidArgument, "a bulk load finished before");
  if (sequence.ok()) {
    builder_ = nullptr;
  } else {
    Discard();  // keeps the files if a crash may leave the manifest that names them
  }
  core_->EndBulk(keyspace_);
  return sequence;
}

template class BulkSession<U64>;
template class BulkSession<Bytes>;

}  // namespace kyro::db
