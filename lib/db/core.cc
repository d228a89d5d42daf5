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
  if (closed_.load(std::memory_order_acquire)) {
    return Status(StatusCode::kClosed, "the database is closed");
  }
  if (fork_word_ != nullptr && *fork_word_ != 1) {
    return Status(StatusCode::kClosed, "the database belongs to the process that forked this one");
  }
  return Status::Ok();
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

// ---------------------------------------------------------------------------------- reading

template <class K>
Status Core::Get(std::uint32_t keyspace, typename K::Key key, std::string* value) const {
  KYRO_RETURN_IF_ERROR(CheckOpen());
  using Timer = read::LookupMeter::Timer;
  const bool timed = shared_->lookups.Count(1);
  const Timer timer(timed ? &shared_->lookups : nullptr, Timer::Call::kGet);
  const read::EpochGuard guard;
  const read::ReadState* state = states_->Peek(guard);
  read::StatePin pin;
  if (state == nullptr) {  // more threads than epoch slots
    pin = states_->Pin();
    state = pin.get();
  }
  const Sequence sequence = read::ClampToState(*state, visible());
  const read::Sources<K> sources(*state, keyspace);
  if (!sources.known) return Dropped();
  const Lookup lookup = sources.Get(key, sequence, &shared_->predictions);
  if (lookup.present()) value->assign(lookup.value());
  return lookup.status();
}

template <class K>
Result<std::shared_ptr<const read::ViewState<K>>> Core::NewView(std::uint32_t keyspace) const {
  read::StatePin pin = states_->Pin();
  const Sequence sequence = read::ClampToState(*pin, visible());
  auto view = std::make_shared<const read::ViewState<K>>(std::move(pin), keyspace, sequence);
  if (!view->sources().known) return Dropped();
  return view;
}

std::shared_ptr<const ReadPointState> Core::NewReadPoint() const {
  read::StatePin pin = states_->Pin();
  const Sequence sequence = read::ClampToState(*pin, visible());
  return std::make_shared<const ReadPointState>(std::move(pin), sequence, id_);
}

template Status Core::Get<U64>(std::uint32_t, std::uint64_t, std::string*) const;
template Status Core::Get<Bytes>(std::uint32_t, std::string_view, std::string*) const;
template Result<std::shared_ptr<const read::ViewState<U64>>> Core::NewView<U64>(
    std::uint32_t) const;
template Result<std::shared_ptr<const read::ViewState<Bytes>>> Core::NewView<Bytes>(
    std::uint32_t) const;

}  // namespace kyro::db
