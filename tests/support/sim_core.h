// SPDX-License-Identifier: Apache-2.0
//
// The inside of a SimFs: the live state, the journal and the locks, under one mutex. Handles share
// it and are thin. Any thread.
#ifndef KYRO_TESTS_SUPPORT_SIM_CORE_H_
#define KYRO_TESTS_SUPPORT_SIM_CORE_H_

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "support/sim_fs.h"
#include "support/sim_state.h"

namespace kyro::support {

class SimFs::Core {
 public:
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  Core() = default;
  Core(SimState state, std::uint64_t disk_bytes, bool read_only = false)
      : base_(state),
        live_(std::move(state)),
        read_only_from_(read_only ? 0 : kNever),
        disk_bytes_(disk_bytes) {}

  // --- What the handles do ---

  Result<NodeId> OpenDirectory(const std::string& path, bool create) KYRO_EXCLUDES(mutex_);
  Status RenameDirectory(const std::string& from, const std::string& to) KYRO_EXCLUDES(mutex_);

  Result<NodeId> Create(NodeId directory, std::string_view name) KYRO_EXCLUDES(mutex_);
  Result<NodeId> OpenFile(NodeId directory, std::string_view name) KYRO_EXCLUDES(mutex_);
  Status Rename(NodeId directory, std::string_view from, std::string_view to) KYRO_EXCLUDES(mutex_);
  Status Link(NodeId directory, std::string_view name, NodeId to, std::string_view to_name)
      KYRO_EXCLUDES(mutex_);
  Status Unlink(NodeId directory, std::string_view name) KYRO_EXCLUDES(mutex_);
  std::vector<io::DirectoryEntry> List(NodeId directory) const KYRO_EXCLUDES(mutex_);
  Status SyncDirectory(NodeId directory) KYRO_EXCLUDES(mutex_);
  Result<NodeId> Lock(NodeId directory, std::string_view name, bool shared) KYRO_EXCLUDES(mutex_);
  void Unlock(NodeId file, bool shared) KYRO_EXCLUDES(mutex_);
  std::uint64_t FreeBytes() const KYRO_EXCLUDES(mutex_);

  Status Write(NodeId file, std::uint64_t offset, std::string_view bytes) KYRO_EXCLUDES(mutex_);
  Status Truncate(NodeId file, std::uint64_t bytes) KYRO_EXCLUDES(mutex_);
  Status SyncFile(NodeId file) KYRO_EXCLUDES(mutex_);
  std::uint64_t FileBytes(NodeId file) const KYRO_EXCLUDES(mutex_);
  std::size_t Read(NodeId file, std::uint64_t offset, std::size_t bytes, char* to) const
      KYRO_EXCLUDES(mutex_);
  std::size_t ReadDevice(NodeId file, std::uint64_t offset, std::size_t bytes, char* to) const
      KYRO_EXCLUDES(mutex_);
  std::string Content(NodeId file) const KYRO_EXCLUDES(mutex_);
  std::string NameOf(NodeId node) const KYRO_EXCLUDES(mutex_);

  // --- What the tests do ---

  std::uint64_t event_count() const KYRO_EXCLUDES(mutex_);
  SimEvent event(std::uint64_t number) const KYRO_EXCLUDES(mutex_);
  std::shared_ptr<Core> CrashImage(CrashKind kind, std::uint64_t event, std::uint64_t seed,
                                   Unsynced unsynced) KYRO_EXCLUDES(mutex_);
  std::vector<PendingUnit> Pending(std::uint64_t event) KYRO_EXCLUDES(mutex_);
  std::shared_ptr<Core> PowerCut(std::uint64_t event, std::span<const Fate> fates,
                                 std::uint64_t seed) KYRO_EXCLUDES(mutex_);
  std::uint64_t Hash() const KYRO_EXCLUDES(mutex_);
  void StopAt(std::uint64_t number) KYRO_EXCLUDES(mutex_);
  bool stopped() const KYRO_EXCLUDES(mutex_);
  void FailSync(SimOp op, std::uint64_t nth, SyncFailure failure) KYRO_EXCLUDES(mutex_);
  void FailWriteback(std::uint64_t nth) KYRO_EXCLUDES(mutex_);
  bool read_only() const KYRO_EXCLUDES(mutex_);
  void SetObserver(std::function<void()> observer) KYRO_EXCLUDES(mutex_);
  void Observe() const KYRO_EXCLUDES(mutex_);  // before each operation that may become an event
  void StopJournal() KYRO_EXCLUDES(mutex_);
  std::uint64_t Count(SimOp op, const NamePredicate& name) const KYRO_EXCLUDES(mutex_);
  std::uint64_t BytesWritten(const NamePredicate& name) const KYRO_EXCLUDES(mutex_);
  void SetFreeBytes(std::uint64_t bytes) KYRO_EXCLUDES(mutex_);
  // kNoNode if there is no such file (directory).
  NodeId FindFile(const std::string& path) const KYRO_EXCLUDES(mutex_);
  std::vector<std::string> ListNames(const std::string& directory) const KYRO_EXCLUDES(mutex_);
  Status ReplaceFile(const std::string& path, std::string_view bytes) KYRO_EXCLUDES(mutex_);

 private:
  struct Locks {
    bool exclusive = false;
    std::uint64_t shared = 0;
  };
  struct Entry {
    SimRecord record;
    std::string name;  // of the file or directory when it happened
  };

  // The one place where anything changes: counts, journals and applies. The error of a stopped or
  // failed operation.
  Status Emit(SimRecord record) KYRO_REQUIRES(mutex_);
  // Decides which planted failures the operation meets.
  void TakeFailures(SimRecord* record) KYRO_REQUIRES(mutex_);
  Result<NodeId> CreateLocked(NodeId directory, std::string_view name) KYRO_REQUIRES(mutex_);
  Result<NodeId> OpenFileLocked(NodeId directory, std::string_view name) const
      KYRO_REQUIRES(mutex_);
  Status EmitWrite(NodeId file, std::uint64_t offset, std::string_view bytes) KYRO_REQUIRES(mutex_);
  std::uint64_t FreeBytesLocked() const KYRO_REQUIRES(mutex_);
  std::uint64_t EventCountLocked() const KYRO_REQUIRES(mutex_) { return next_event_; }
  const Entry& EntryAt(std::uint64_t number) const KYRO_REQUIRES(mutex_);
  // The state before event `number`; until the next call.
  const SimState& StateAt(std::uint64_t number) KYRO_REQUIRES(mutex_);

  mutable Mutex mutex_;
  SimState base_ KYRO_GUARDED_BY(mutex_);  // before event base_event_
  SimState live_ KYRO_GUARDED_BY(mutex_);
  std::vector<Entry> journal_ KYRO_GUARDED_BY(mutex_);  // from base_event_ on
  std::uint64_t base_event_ KYRO_GUARDED_BY(mutex_) = 0;
  std::uint64_t next_event_ KYRO_GUARDED_BY(mutex_) = 0;
  bool journaling_ KYRO_GUARDED_BY(mutex_) = true;
  // Where the last replay ended: a sweep over all events in order replays each event once.
  std::optional<std::pair<std::uint64_t, SimState>> replayed_ KYRO_GUARDED_BY(mutex_);
  // What Pending found last: many power cuts of one event look for it once.
  std::optional<std::pair<std::uint64_t, std::vector<SimUnit>>> units_ KYRO_GUARDED_BY(mutex_);
  const std::vector<SimUnit>& UnitsAt(std::uint64_t event) KYRO_REQUIRES(mutex_);

  std::uint64_t stop_at_ KYRO_GUARDED_BY(mutex_) = kNever;
  bool stopped_ KYRO_GUARDED_BY(mutex_) = false;
  std::uint64_t file_syncs_to_failure_ KYRO_GUARDED_BY(mutex_) = 0;  // 0: none
  std::uint64_t directory_syncs_to_failure_ KYRO_GUARDED_BY(mutex_) = 0;
  std::uint64_t writes_to_failure_ KYRO_GUARDED_BY(mutex_) = 0;
  SyncFailure sync_failure_ KYRO_GUARDED_BY(mutex_) = SyncFailure::kDataGone;
  std::uint64_t read_only_from_ KYRO_GUARDED_BY(mutex_) = kNever;  // an event
  std::function<void()> observer_ KYRO_GUARDED_BY(mutex_);
  std::uint64_t disk_bytes_ KYRO_GUARDED_BY(mutex_) = std::uint64_t{1} << 50;
  std::map<NodeId, Locks> locks_ KYRO_GUARDED_BY(mutex_);
  std::map<std::pair<SimOp, std::string>, std::uint64_t> counts_ KYRO_GUARDED_BY(mutex_);
  std::map<std::string, std::uint64_t, std::less<>> written_ KYRO_GUARDED_BY(mutex_);
};

}  // namespace kyro::support

#endif  // KYRO_TESTS_SUPPORT_SIM_CORE_H_
