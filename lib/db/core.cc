// SPDX-License-Identifier: Apache-2.0
#include "db/core.h"

#include <algorithm>
#include <utility>

#include "base/status_util.h"

namespace kyro::db {

Core::~Core() {
  (void)Close();
}

Status Core::CheckOpen() const noexcept {
  if (usable()) return Status::Ok();
  return Status(StatusCode::kClosed,
                forked() ? "the database belongs to the process that forked this one"
                         : "the database is closed");
}

Status Core::CheckWritable() const {
  KYRO_RETURN_IF_ERROR(CheckOpen());
  if (options_.read_only) return Status(StatusCode::kReadOnly, "opened read-only");
  if (running_.load(std::memory_order_acquire)) return Status::Ok();
  MutexLock lock(&refused_mutex_);
  return refused_;
}

Status Dropped() noexcept {
  return Status(StatusCode::kClosed, "the keyspace was dropped");
}

void Core::Report(Event::Kind kind, std::string file, std::uint64_t bytes, Status status) const {
  if (options_.on_event) {
    options_.on_event(Event{kind, std::move(file), bytes, std::move(status)});
  }
}

// ---------------------------------------------------------------------------------- writing

Result<Sequence> Core::Write(std::string_view batch, const WriteOptions& options) {
  KYRO_RETURN_IF_ERROR(CheckWritable());
  if (batch.size() > options_.batch_bytes_max) {
    return Error(StatusCode::kInvalidArgument,
                 "a batch of {} bytes, want at most Options::batch_bytes_max = {}", batch.size(),
                 options_.batch_bytes_max);
  }
  return commit_->Commit(batch, options.durability.value_or(options_.durability));
}

Status Core::Sync() {
  KYRO_RETURN_IF_ERROR(CheckWritable());
  return commit_->Sync();
}

Status Core::Flush() {
  KYRO_RETURN_IF_ERROR(CheckWritable());
  KYRO_RETURN_IF_ERROR(commit_->Freeze());
  return upkeep_->WaitForFlushes();
}

Status Core::Fold(const Progress& progress) {
  KYRO_RETURN_IF_ERROR(Flush());
  return upkeep_->Fold(progress);
}

Status Core::RebuildIndex(const Progress& progress) {
  KYRO_RETURN_IF_ERROR(CheckWritable());
  return upkeep_->RebuildIndex(progress);
}

Status Core::WaitForUpkeep() {
  KYRO_RETURN_IF_ERROR(CheckWritable());
  KYRO_RETURN_IF_ERROR(upkeep_->WaitForFlushes());
  return upkeep_->WaitForMaintenance();
}

}  // namespace kyro::db
