// SPDX-License-Identifier: Apache-2.0
//
// FaultFs: a wrapper over any FileSystem that makes calls fail, stop short or wait, as a test says.
//
//   FaultFs fs(&sim);
//   fs.Inject({.ops = FsOps::Changes(), .nth = n, .code = StatusCode::kNoSpace});
//   fs.Inject({.ops = {FsOp::kSync}, .name = NameEndsWith(".wal"), .sticky = true});
//   const auto block = fs.Block({FsOp::kWrite}, NameEndsWith(".keys"));  ...  fs.Release(block);
//
// A failing call does not reach the file system below, unless the fault says so (`after`,
// `write_first`). For a Sync that fails and loses what it should have written see SimFs::FailSync.
// Any thread. Handles may outlive the FaultFs; its destructor ends every block.
#ifndef KYRO_TESTS_SUPPORT_FAULT_FS_H_
#define KYRO_TESTS_SUPPORT_FAULT_FS_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "io/file_system.h"
#include "support/sim_fs.h"

namespace kyro::support {

enum class FsOp : std::uint8_t {
  kOpenDirectory,
  kRenameDirectory,
  kCreate,
  kOpenForWrite,
  kOpen,
  kFileBytes,
  kRename,  // by the old name
  kLink,
  kUnlink,
  kList,
  kSyncDirectory,
  kLock,
  kFreeBytes,
  kWrite,
  kSync,
  kTruncate,
  kStartWriteback,  // cannot fail, can block
  kReadBack,        // WritableFile::Read
  kRead,
  kReadDevice,
  kMap,
  kPopulate,
  kDropCache,  // cannot fail, can block
};
inline constexpr std::size_t kFsOpCount = static_cast<std::size_t>(FsOp::kDropCache) + 1;
std::string_view FsOpName(FsOp op);

// A set of kinds of calls.
class FsOps {
 public:
  constexpr FsOps(std::initializer_list<FsOp> ops) {  // NOLINT: implicit by intent
    for (const FsOp op : ops) bits_ |= Bit(op);
  }
  static constexpr FsOps All() {
    FsOps all{};
    all.bits_ = (std::uint32_t{1} << kFsOpCount) - 1;
    return all;
  }
  static constexpr FsOps Changes() {
    return {FsOp::kRenameDirectory, FsOp::kCreate, FsOp::kRename, FsOp::kLink,    FsOp::kUnlink,
            FsOp::kSyncDirectory,   FsOp::kWrite,  FsOp::kSync,   FsOp::kTruncate};
  }
  static constexpr FsOps Reads() {
    return {FsOp::kReadBack, FsOp::kRead, FsOp::kReadDevice, FsOp::kMap, FsOp::kPopulate};
  }
  constexpr bool Has(FsOp op) const { return (bits_ & Bit(op)) != 0; }

 private:
  static constexpr std::uint32_t Bit(FsOp op) {
    return std::uint32_t{1} << static_cast<unsigned>(op);
  }
  std::uint32_t bits_ = 0;
};

// Of the calls that match, the nth from now (1: the next) fails; with `sticky` all later ones too.
struct Fault {
  FsOps ops = FsOps::All();
  NamePredicate name = AnyName();  // of a file; of a directory's calls its path
  std::uint64_t nth = 1;
  bool sticky = false;
  StatusCode code = StatusCode::kIoError;
  std::uint64_t write_first = 0;  // of a failing Write so many bytes are written
  bool after = false;             // the call is made, and its success reported as an error
};

class FaultFs final : public io::FileSystem {
 public:
  using Id = std::uint64_t;

  explicit FaultFs(io::FileSystem* base);  // not owned
  ~FaultFs() override;
  FaultFs(const FaultFs&) = delete;
  FaultFs& operator=(const FaultFs&) = delete;

  Result<std::unique_ptr<io::Directory>> OpenDirectory(const std::string& path,
                                                       bool create) override;
  Status RenameDirectory(const std::string& from, const std::string& to) override;

  Id Inject(Fault fault);
  std::uint64_t Hits(Id fault) const;  // calls that it made fail; kept after Clear
  void Clear();                        // no call fails any more

  // From now on matching calls wait until released; then they go on.
  Id Block(FsOps ops, NamePredicate name = AnyName());
  // Waits until `calls` of them are waiting, or have waited.
  void WaitUntilBlocked(Id block, std::uint64_t calls = 1);
  void Release(Id block);
  void ReleaseAll();

  // `watcher` is told of matching calls before they are made, by whichever thread makes them and
  // without a lock held: it may use the file system, and whatever stands on it, or give way to
  // other threads. One watcher; null: none. Set before other threads use this.
  using Watcher = std::function<void(FsOp op, std::string_view name)>;
  void Watch(FsOps ops, Watcher watcher);

  // Calls since this FaultFs was made, failed ones included.
  std::uint64_t Count(FsOps ops, const NamePredicate& name = AnyName()) const;

 private:
  class Control;
  class FaultDirectory;
  class FaultWritableFile;
  class FaultRandomFile;
  class FaultMapping;

  io::FileSystem* const base_;
  const std::shared_ptr<Control> control_;
};

}  // namespace kyro::support

#endif  // KYRO_TESTS_SUPPORT_FAULT_FS_H_
