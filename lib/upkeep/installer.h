// SPDX-License-Identifier: Apache-2.0
//
// The installer: the one place that replaces the manifest and, with it, what readers read.
//
//   I1  One install at a time; each starts from the manifest that the last one made durable.
//   I2  Everything that can fail (opening segments, memory for the new state) comes before the
//       rename; what follows it cannot fail.
//   I3  Rule W: every sequence that a manifest names is durable in the log, or in the segments that
//       it names.
//   I4  After a failed sync of the directory nobody knows which names, the manifest's among them, a
//       crash would leave: no installs and no deletions until the database is reopened.
#ifndef KYRO_UPKEEP_INSTALLER_H_
#define KYRO_UPKEEP_INSTALLER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file_ref.h"
#include "base/mutex.h"
#include "io/env.h"
#include "manifest/manifest.h"
#include "read/read_state.h"

namespace kyro::upkeep {

struct InstallContext {
  io::Env env;
  io::Directory* directory = nullptr;
  Access access = Access::kMap;
  read::StateHolder* states = nullptr;
  std::function<Sequence()> durable;  // the log is synced up to here (I3)
};

// What becomes of the generations in the same step as an install.
struct Turnover {
  const delta::Generation* gone = nullptr;   // leaves the read state
  std::shared_ptr<delta::Generation> fresh;  // the new active one, if `gone` was that
};

// Any thread.
class Installer {
 public:
  Installer(InstallContext context, manifest::Manifest manifest, ManifestMark mark);

  using Edit = std::function<Status(manifest::Manifest*)>;
  // Applies `edit` to a copy of the manifest, makes it durable and publishes it. On error the old
  // manifest stands, except as I4 says.
  Status Install(const Edit& edit, const Turnover& turnover = {}) {
    return InstallWith(edit, turnover, nullptr);
  }
  // The same for an edit that is a commit of its own: kUnknownOutcome if the rename was done and
  // not made durable, so that a crash may leave either manifest.
  Status InstallCommit(const Edit& edit, const Turnover& turnover = {});

  // Publishes the runs of the current manifest (Open's first state). Opens every segment.
  Status PublishInitial(std::shared_ptr<delta::Generation> active);

  // Publishes `copy` (AnySegment::Copy) where the segment that it is of is read now; nothing if
  // that is gone. The manifest stays. On error nothing changes.
  Status PublishCopy(std::uint32_t keyspace,
                     const std::shared_ptr<const segment::AnySegment>& copy);

  // Refuses every later Install with kClosed; waits for a running one. After this returns the
  // directory may belong to someone else.
  void Close();

  manifest::Manifest manifest() const;
  ManifestMark mark() const;
  std::uint64_t NextNumber() noexcept { return next_number_.fetch_add(1); }
  // Numbers below `next` are taken, by files that the manifest may not know. Before any install.
  void RaiseNextNumber(std::uint64_t next) noexcept {
    if (next_number_.load() < next) next_number_.store(next);
  }
  std::uint64_t installs() const noexcept { return installs_.load(std::memory_order_relaxed); }
  // True after I4's case.
  bool in_doubt() const noexcept { return in_doubt_.load(std::memory_order_acquire); }

  // Deletes files that no manifest names and no reader needs any more, and log files below the
  // floor. Errors are harmless: the next Open deletes what is left.
  void DeleteObsolete();
  struct Pinned {
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
  };
  Pinned pinned() const;  // obsolete files that readers still need

 private:
  // Files of one segment that left the manifest, and who may still read them.
  struct Obsolete {
    std::vector<std::string> names;
    std::uint64_t bytes = 0;
    std::weak_ptr<const void> reader;
  };

  Result<std::shared_ptr<const read::RunsVersion>> OpenRuns(const manifest::Manifest& next,
                                                            const read::RunsVersion& now) const;
  Status InstallWith(const Edit& edit, const Turnover& turnover, bool* either);
  Status MakeDurable(const manifest::Manifest& next, ManifestMark* mark, bool* either)
      KYRO_REQUIRES(mutex_);
  std::vector<Obsolete> FindObsolete(const manifest::Manifest& next,
                                     const read::RunsVersion& now) const KYRO_REQUIRES(mutex_);

  const InstallContext context_;
  std::atomic<std::uint64_t> next_number_;
  std::atomic<std::uint64_t> installs_{0};
  std::atomic<bool> in_doubt_{false};

  mutable Mutex mutex_;  // one install at a time; held during I/O: only installs take it
  bool closed_ KYRO_GUARDED_BY(mutex_) = false;

  // Never held during I/O, so that looking at the manifest never waits for a disk. What it guards
  // changes only in an install.
  mutable Mutex mark_mutex_;
  manifest::Manifest manifest_ KYRO_GUARDED_BY(mark_mutex_);
  ManifestMark mark_ KYRO_GUARDED_BY(mark_mutex_);
  FileId wal_floor_ KYRO_GUARDED_BY(mark_mutex_);
  std::vector<Obsolete> obsolete_ KYRO_GUARDED_BY(mark_mutex_);
};

}  // namespace kyro::upkeep

#endif  // KYRO_UPKEEP_INSTALLER_H_
