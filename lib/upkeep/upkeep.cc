// SPDX-License-Identifier: Apache-2.0
#include "upkeep/upkeep.h"

#include <utility>

#include "base/planted.h"
#include "base/status_util.h"

namespace kyro::upkeep {
namespace {
// Writers are told of failing flushes after this many in a row.
constexpr int kFlushFailuresTolerated = 3;
constexpr std::chrono::microseconds kWaitStep{500};
}  // namespace

Upkeep::Upkeep(const io::Env& env, io::Directory* directory, const UpkeepOptions& options,
               Installer* installer, read::StateHolder* states)
    : env_(env),
      directory_(directory),
      options_(options),
      latency_clock_(options.latency_histograms ? env.clock : nullptr),
      installer_(installer),
      states_(states) {}

void Upkeep::Start(io::JobQueue* flush_queue, io::JobQueue* maintenance_queue) noexcept {
  flush_queue_ = flush_queue;
  maintenance_queue_ = maintenance_queue;
}

segment::BuildContext Upkeep::NewBuildContext(const Uuid& database, const Meter* meter) const {
  segment::BuildContext context;
  context.directory = directory_;
  context.random = env_.random;
  context.database = database;
  context.next_number = [this] { return installer_->NextNumber(); };
  context.stop = [this, meter] { return stopping() || (meter != nullptr && meter->Cancelled()); };
  return context;
}

void Upkeep::Report(Event::Kind kind, std::uint64_t bytes, Status status) {
  if (!options_.on_event) return;
  MutexLock lock(&error_mutex_);
  events_.push_back(Event{kind, std::string(status.file()), bytes, status});
}

void Upkeep::DeliverEvents() {
  std::vector<Event> events;
  {
    MutexLock lock(&error_mutex_);
    events.swap(events_);
  }
  for (const Event& event : events) options_.on_event(event);
}

void Upkeep::NoteFailure(const Status& status) noexcept {
  // Asked for: by Close, and of a stopped flush the log holds the generation.
  if (status.code() == StatusCode::kCancelled && !KYRO_PLANTED(kStoppedFlushFails)) return;
  if (status.code() == StatusCode::kAborted) return;  // its input is gone: a keyspace was dropped
  counters_.failures.fetch_add(1, std::memory_order_relaxed);
  {
    MutexLock lock(&error_mutex_);
    last_error_ = status;  // also if there is no memory to report it
  }
  (void)Guarded([&] { return Report(Event::Kind::kBackgroundError, 0, status), Status::Ok(); });
}

void Upkeep::Discard(const std::vector<NewRun>& runs) {
  if (installer_->in_doubt()) return;  // a crash may leave the manifest that names them
  for (const NewRun& run : runs) {
    for (const SegmentRef& ref : run.run.segments) {
      (void)directory_->Unlink(FileName(FileKind::kKeys, ref.keys.id.number));
      (void)directory_->Unlink(FileName(FileKind::kData, ref.data.id.number));
      if (ref.model.id.exists()) {
        (void)directory_->Unlink(FileName(FileKind::kModel, ref.model.id.number));
      }
    }
  }
}

Status Upkeep::flush_error() const {
  MutexLock lock(&error_mutex_);
  return flush_failures_ >= kFlushFailuresTolerated ? last_error_ : Status::Ok();
}

void Upkeep::ForgiveFlushes() {
  MutexLock lock(&error_mutex_);
  flush_failures_ = 0;
}

Status Upkeep::last_error() const {
  MutexLock lock(&error_mutex_);
  return last_error_;
}

void Upkeep::MaintainSoon() noexcept {
  if (maintenance_queue_ == nullptr || stopping() || maintain_posted_.exchange(true)) return;
  const Status posted =
      Guarded([this] { return maintenance_queue_->Post([this] { MaintainJob(); }); });
  if (!posted.ok()) maintain_posted_.store(false);
}

// Beside what MaintainSoon posts: two jobs in a row do no harm.
void Upkeep::MaintainLater(std::chrono::microseconds delay) noexcept {
  if (maintenance_queue_ == nullptr || stopping()) return;
  (void)Guarded([&] { return maintenance_queue_->Post([this] { MaintainJob(); }, delay); });
}

void Upkeep::MaintainJob() {
  maintaining_.store(true);
  maintain_posted_.store(false);
  (void)Guarded([this] {
    states_->Reclaim();
    RetrainDamaged();
    while (!stopping() && MergeOnce()) states_->Reclaim();
    installer_->DeleteObsolete();
    DeliverEvents();
    return Status::Ok();
  });
  maintaining_.store(false);
}

void Upkeep::WaitForCallers() {
  MutexLock lock(&merge_mutex_);
}

Status Upkeep::WaitForFlushes() {
  while (states_->Pin()->generation_count > 1) {
    KYRO_RETURN_IF_ERROR(flush_error());
    if (stopping()) return Status(StatusCode::kClosed, "the database is closing");
    if (!HelpFlush()) env_.clock->Sleep(kWaitStep);
  }
  return Status::Ok();
}

Status Upkeep::WaitForMaintenance() {
  MaintainSoon();
  while (maintain_posted_.load() || maintaining_.load()) {
    if (stopping()) return Status(StatusCode::kClosed, "the database is closing");
    if (!maintenance_queue_->Help()) env_.clock->Sleep(kWaitStep);
  }
  return Status::Ok();
}

}  // namespace kyro::upkeep
