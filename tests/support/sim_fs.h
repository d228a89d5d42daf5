// SPDX-License-Identifier: Apache-2.0
//
// SimFs: a file system in memory that can crash.
//
// Every operation that changes something is an event with a number: events are counted from 0, and
// "a crash at event n" means that events 0 .. n-1 happened and nothing else did. From the journal
// of events SimFs rebuilds what a restarted process would find after a crash at any of them:
//
//   kKill      The process died. The operating system lives on: every completed write and name is
//              there, synced or not; locks and handles are gone.
//   kKillTorn  The same, and if event n is a write, a prefix of it was done as well.
//   kPowerCut  The machine died. Of what was not synced anything may be there:
//              - each unsynced 512-byte sector, independently: what was durable, any version
//                written since, zeros or garbage;
//              - the file's length: anywhere between the durable and the written one;
//              - each name operation since the directory's last Sync, independently (a rename
//                happens whole or not at all). A file's Sync does not make its name durable.
//
// A crash image is a SimFs of its own, so a crash can follow a crash: a power cut of a kill image
// still loses what was never synced. Image and original share no state.
//
// A failed Sync is as Linux has it (FailSync): the dirty pages become clean without being on the
// disk; reads still show them, later Syncs return OK, a power cut loses them. Or the writeback
// fails in the background and the next Sync says so (FailWriteback); or the whole file system goes
// read-only as well, until the machine starts again.
//
// What a power cut decides about can also be listed (Pending) and chosen one by one (PowerCut), so
// that a test may go through every combination.
//
// Paths are absolute ("/db"); "/" is always there. Directory handles, files, mappings and locks may
// outlive their SimFs. Any thread; calls are serialised by one mutex.
#ifndef KYRO_TESTS_SUPPORT_SIM_FS_H_
#define KYRO_TESTS_SUPPORT_SIM_FS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/file_system.h"

namespace kyro::support {

enum class CrashKind : std::uint8_t { kKill, kKillTorn, kPowerCut };

// What a power cut leaves of unsynced bytes and names. All but kSeeded are the same for any seed,
// but for the bytes of garbage.
enum class Unsynced : std::uint8_t {
  kSeeded,            // chosen by the seed, for each sector, length and name
  kAllOld,            // nothing that was not synced
  kAllNew,            // everything, as if it had been synced
  kNewNamesOldBytes,  // names survive, bytes and lengths do not: the classic empty renamed file
  kOldNamesNewBytes,  // bytes survive, names do not
  kNewNamesZeros,     // names and lengths survive, every unsynced sector is zeros
  kNewNamesGarbage,   // the same with garbage
};
inline constexpr Unsynced kUnsyncedCorners[] = {
    Unsynced::kAllOld,           Unsynced::kAllNew,        Unsynced::kNewNamesOldBytes,
    Unsynced::kOldNamesNewBytes, Unsynced::kNewNamesZeros, Unsynced::kNewNamesGarbage};
std::string_view UnsyncedName(Unsynced unsynced);

// Something of which a power cut leaves the old or the new.
enum class PendingKind : std::uint8_t {
  kSector,  // of a file
  kLength,  // of a file
  kName,    // an operation of a directory
};
struct PendingUnit {
  PendingKind kind;
  std::string what;  // "000003.wal sector 8"
  bool differs;      // old and new are not the same
};
// What becomes of a unit. A name's operation is done unless its fate is kOld; a length has no zeros
// and no garbage, which are kNew.
enum class Fate : std::uint8_t { kOld, kNew, kZeros, kGarbage, kBetween };
std::string_view FateName(Fate fate);

enum class SyncFailure : std::uint8_t {
  kDataGone,  // the pages are clean, the data is not on the disk
  kReadOnly,  // that, and from then on no operation changes anything, also not after a kill
};

enum class SimOp : std::uint8_t {
  kCreate,
  kWrite,
  kTruncate,
  kSync,
  kRename,
  kLink,
  kUnlink,
  kSyncDirectory,
  kMakeDirectory,
  kRenameDirectory,
  kTamper,  // ReplaceFile and FlipByte
};
std::string_view SimOpName(SimOp op);

struct SimEvent {
  SimOp op;
  std::string name;          // the file's name, or the directory's path
  std::string to_name;       // kRename, kRenameDirectory
  std::uint64_t offset = 0;  // kWrite
  std::uint64_t bytes = 0;   // kWrite: how many; kTruncate: the new length
  bool failed = false;       // kSync, kSyncDirectory
};

using NamePredicate = std::function<bool(std::string_view name)>;
NamePredicate AnyName();
NamePredicate NameEndsWith(std::string suffix);

class SimFs final : public io::FileSystem {
 public:
  SimFs();
  ~SimFs() override;
  SimFs(const SimFs&) = delete;
  SimFs& operator=(const SimFs&) = delete;

  Result<std::unique_ptr<io::Directory>> OpenDirectory(const std::string& path,
                                                       bool create) override;
  Status RenameDirectory(const std::string& from, const std::string& to) override;

  // --- Events and crashes ---

  // As an event of CrashImage: whatever the last one is by then, where other threads go on.
  static constexpr std::uint64_t kNow = ~std::uint64_t{0};

  std::uint64_t event_count() const;
  SimEvent event(std::uint64_t number) const;        // requires a journal that reaches back to it
  std::string Describe(std::uint64_t number) const;  // "#17 write 000003.wal 512+1024"

  // The file system after a crash at `event`, 0 .. event_count(), or kNow. The same arguments give
  // the same image. `seed` is used by kKillTorn, by kSeeded and for garbage.
  std::unique_ptr<SimFs> CrashImage(CrashKind kind, std::uint64_t event, std::uint64_t seed = 0,
                                    Unsynced unsynced = Unsynced::kSeeded) const;
  // What a power cut at `event` would decide about, in an order that depends on nothing else.
  std::vector<PendingUnit> Pending(std::uint64_t event) const;
  // CrashImage(kPowerCut, event) with the fate of each unit of Pending(event). `seed` is that of
  // garbage and of kBetween.
  std::unique_ptr<SimFs> PowerCut(std::uint64_t event, std::span<const Fate> fates,
                                  std::uint64_t seed = 0) const;
  // Of all that is there now, every name and byte, and of what a power cut would leave of it. Two
  // images with the same hash are the same.
  std::uint64_t Hash() const;
  // CrashImage(kKill, event_count()): an independent copy of what is there now.
  std::unique_ptr<SimFs> Copy() const;

  // The operations from event `number` on fail with kIoError ("crashed") and do nothing, so a
  // running workload dies exactly there; reads go on. Then take CrashImage(kind, number).
  void StopAt(std::uint64_t number);
  bool stopped() const;  // an operation was refused by StopAt

  // The n-th file (directory) Sync from now on, 1 being the next, fails with kIoError, and what it
  // should have made durable is lost unless written again.
  void FailSync(std::uint64_t nth, SyncFailure failure = SyncFailure::kDataGone);
  void FailDirectorySync(std::uint64_t nth);
  // Right after the n-th write from now on what waits of that file is lost in the background. The
  // file's next Sync saves what is written meanwhile, and fails.
  void FailWriteback(std::uint64_t nth);
  // A Sync has failed and left the file system read-only (SyncFailure::kReadOnly).
  bool read_only() const;

  // Called before each operation that may become an event, on its thread and without a lock: for
  // readers that look at a database between any two events.
  void SetObserver(std::function<void()> observer);

  // Events are still counted but no longer kept: crashes are possible only at event_count(). For
  // workloads too long to remember.
  void StopJournal();

  // --- Counters: successful and failed events since this SimFs was made ---

  std::uint64_t Count(SimOp op, const NamePredicate& name = AnyName()) const;
  std::uint64_t BytesWritten(const NamePredicate& name = AnyName()) const;

  // --- Space ---

  // From now on files can grow by this much in total; what is truncated or unlinked comes back. A
  // write that does not fit is done as far as it fits and returns kNoSpace. Crash images inherit
  // the size of the disk.
  void SetFreeBytes(std::uint64_t bytes);

  // --- Contents, for tests. Paths are of files: "/db/000001.wal" ---

  bool Exists(const std::string& path) const;
  std::vector<std::string> ListNames(const std::string& directory) const;  // sorted
  Result<std::string> ReadFile(const std::string& path) const;
  // Creates or replaces the content, durably.
  Status ReplaceFile(const std::string& path, std::string_view bytes);
  // XORs one byte of the file, durably: rot.
  Status FlipByte(const std::string& path, std::uint64_t offset, std::uint8_t mask = 0xff);

 private:
  class Core;
  class SimDirectory;
  class SimWritableFile;
  class SimRandomFile;
  class SimMapping;
  class SimLock;
  explicit SimFs(std::shared_ptr<Core> core);

  std::shared_ptr<Core> core_;
};

}  // namespace kyro::support

#endif  // KYRO_TESTS_SUPPORT_SIM_FS_H_
