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
// disk; reads still show them, later Syncs return OK, a power cut loses them.
//
// Paths are absolute ("/db"); "/" is always there. Directory handles, files, mappings and locks may
// outlive their SimFs. Any thread; calls are serialised by one mutex.
#ifndef KYRO_TESTS_SUPPORT_SIM_FS_H_
#define KYRO_TESTS_SUPPORT_SIM_FS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/file_system.h"

namespace kyro::support {

enum class CrashKind : std::uint8_t { kKill, kKillTorn, kPowerCut };

// What a power cut leaves of unsynced bytes and names. All but kSeeded are the same for any seed.
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

  std::uint64_t event_count() const;
  SimEvent event(std::uint64_t number) const;        // requires a journal that reaches back to it
  std::string Describe(std::uint64_t number) const;  // "#17 write 000003.wal 512+1024"

  // The file system after a crash at `event`, 0 .. event_count(). The same arguments give the same
  // image. `seed` is used by kKillTorn and by kSeeded.
  std::unique_ptr<SimFs> CrashImage(CrashKind kind, std::uint64_t event, std::uint64_t seed = 0,
                                    Unsynced unsynced = Unsynced::kSeeded) const;
  // CrashImage(kKill, event_count()): an independent copy of what is there now.
  std::unique_ptr<SimFs> Copy() const;

  // The operations from event `number` on fail with kIoError ("crashed") and do nothing, so a
  // running workload dies exactly there; reads go on. Then take CrashImage(kind, number).
  void StopAt(std::uint64_t number);
  bool stopped() const;  // an operation was refused by StopAt

  // The n-th file (directory) Sync from now on, 1 being the next, fails with kIoError, and what it
  // should have made durable is lost unless written again.
  void FailSync(std::uint64_t nth);
  void FailDirectorySync(std::uint64_t nth);

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
