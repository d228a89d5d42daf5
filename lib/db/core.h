// SPDX-License-Identifier: Apache-2.0
//
// Core: an open database. Wires the rooms together; the public classes are thin handles on it.
//
//   Put:   Core::Write -> commit::CommitQueue -> commit::Log -> delta
//   Get:   Keyspace::Get -> read::Sources -> delta, segment
//   flush: commit freezes -> upkeep::Upkeep -> segment::Builder -> upkeep::Installer
//
// Members are declared in the order in which they may use each other; they are destroyed in
// reverse. Threads are started last in Open and joined first in Close.
#ifndef KYRO_DB_CORE_H_
#define KYRO_DB_CORE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "commit/commit_queue.h"
#include "db/inspect.h"
#include "db/recovery.h"
#include "io/env.h"
#include "kyro/db.h"
#include "read/view_state.h"
#include "upkeep/upkeep.h"

namespace kyro::db {

// What a ReadPoint holds.
struct ReadPointState {
  read::StatePin pin;
  Sequence sequence = 0;
  std::uint64_t owner = 0;  // Core::id()
  read::ViewEntry entry;    // in the registry: a read point pins like a view

  ReadPointState(read::StatePin state, Sequence at, std::uint64_t core) noexcept
      : pin(std::move(state)), sequence(at), owner(core) {
    entry.sequence = at;
    pin->shared->views.Enter(&entry);
  }
  ~ReadPointState() { pin->shared->views.Leave(&entry); }
  ReadPointState(const ReadPointState&) = delete;
  ReadPointState& operator=(const ReadPointState&) = delete;
};

class AnyBulkSession;

// What a handle on a dropped keyspace returns.
Status Dropped() noexcept;

class Core {
 public:
  static Result<std::shared_ptr<Core>> Open(const std::string& path, const Options& options,
                                            const io::Env& env);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // Of this handle alone in this process, for ever: batches and read points may outlive it, and a
  // later Core may lie at its address.
  std::uint64_t id() const noexcept { return id_; }

  // OK, or kClosed after Close and in a forked child.
  Status CheckOpen() const noexcept;
  bool usable() const noexcept { return !closed_.load(std::memory_order_acquire) && !forked(); }

  Result<KeyspaceInfo> OpenKeyspace(std::string_view name, KeyKind kind);
  Result<std::vector<KeyspaceInfo>> ListKeyspaces() const;
  Status DropKeyspace(std::string_view name);

  Result<Sequence> Write(std::string_view batch, const WriteOptions& options);
  Status Sync();
  Status Flush();  // freezes and flushes what is in the deltas
  Status Fold(const Progress& progress);
  Status RebuildIndex(const Progress& progress);
  Status Warm(const WarmOptions& options, const Progress& progress);
  Result<Sequence> Checkpoint(const std::string& destination, const Progress& progress);
  Status Resume();
  Status Verify(const Progress& progress) const;
  Status WaitForUpkeep();
  Status Close();

  // Pins the current state first, then loads the sequence (V1, V2).
  std::shared_ptr<const ReadPointState> NewReadPoint() const;
  template <class K>
  Status Get(std::uint32_t keyspace, typename K::Key key, std::string* value) const;
  template <class K>
  Result<std::shared_ptr<const read::ViewState<K>>> NewView(std::uint32_t keyspace) const;

  // For bulk loads (bulk.h). Begin takes the keyspace from its other writers and has its rows in
  // memory flushed; Close aborts the loads that were entered.
  Status BeginBulk(std::uint32_t keyspace);
  void EndBulk(std::uint32_t keyspace) noexcept;
  Result<Sequence> InstallBulk(std::uint32_t keyspace, const RunRef& run);
  void EnterBulk(AnyBulkSession* session);
  void LeaveBulk(AnyBulkSession* session) noexcept;
  upkeep::Upkeep* upkeep() noexcept { return upkeep_.get(); }
  bool forked() const noexcept { return IsFork(fork_word_); }

  Stats GetStats() const;
  Result<Inspection> Inspect() const;
  template <class K>
  Result<read::Explanation> Explain(std::uint32_t keyspace, typename K::Key key) const;
  template <class K>
  Status VisitRows(std::uint32_t keyspace, const RowVisitor<K>& visit,
                   const Progress& progress) const;

  Sequence visible() const noexcept {
    return running_.load(std::memory_order_acquire) ? commit_->visible() : recovered_.last_sequence;
  }

 private:
  Core(const io::Env& env, const Options& options);

  // read.cc
  template <class K>
  Lookup GetAny(const read::ReadState& state, const read::Sources<K>& sources,
                typename K::Key key) const noexcept;

  // open.cc
  Status OpenDirectory(const std::string& path);
  Status LoadOrCreateManifest(manifest::LoadedManifest* loaded);
  void BuildReaders();
  void BuildUpkeep(const manifest::LoadedManifest& loaded);
  Status Recover();
  Status RecoverIntoSegments(Recovered* recovered);
  Status CleanUp(Recovered* recovered);
  Status MakeManifestDurable(Leftovers* left);
  Status StartThreads(const Recovered& recovered);
  Status NameLogFile(const FileId& file);
  Sequence Durable() const noexcept;

  // checkpoint.cc
  Status PinManifest(manifest::Manifest* manifest, read::StatePin* pin) const;

  // resume.cc
  Status FinishRecovery() KYRO_REQUIRES(close_mutex_);

  // close.cc
  void AbortBulkLoads();
  Status CloseWriter();
  Status SealAndInstall();
  Status InstallClosed(const commit::LogEnd& end, bool empty);
  void DeleteLogFiles();
  void LeaveToParent() noexcept;

  Status CheckWritable() const;
  void Report(Event::Kind kind, std::string file, std::uint64_t bytes, Status status = {}) const;
  Status VerifyLog(upkeep::Meter* meter) const;
  Status CheckKeyspace(std::uint32_t keyspace, KeyKind kind) const;

  const std::uint64_t id_;
  const io::Env env_;
  const Options options_;
  const std::uint8_t* const fork_word_;

  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<io::FileLock> lock_;

  std::shared_ptr<read::Shared> shared_;
  std::shared_ptr<read::Reclaimer> reclaimer_;
  std::unique_ptr<read::StateHolder> states_;
  std::unique_ptr<upkeep::Installer> installer_;
  std::unique_ptr<upkeep::Upkeep> upkeep_;
  Recovered recovered_;

  // Null in a read-only Db.
  std::unique_ptr<commit::Log> log_;
  std::unique_ptr<io::JobQueue> log_queue_;
  std::unique_ptr<commit::CommitQueue> commit_;
  std::unique_ptr<io::JobQueue> flush_queue_;
  std::unique_ptr<io::JobQueue> maintenance_queue_;

  // True once the members above are there: from Open on, or from a Resume.
  std::atomic<bool> running_{false};
  // Why writes are refused although the Db was opened for them (no space to recover).
  mutable Mutex refused_mutex_;
  Status refused_ KYRO_GUARDED_BY(refused_mutex_);

  Mutex bulk_mutex_;
  std::vector<AnyBulkSession*> bulk_sessions_ KYRO_GUARDED_BY(bulk_mutex_);

  mutable Mutex keyspace_mutex_;  // creation of keyspaces, one at a time
  Mutex close_mutex_;
  Status close_status_ KYRO_GUARDED_BY(close_mutex_);
  // What the recovery that Open put off came to, once all is in segments.
  std::optional<Recovered> resumed_ KYRO_GUARDED_BY(close_mutex_);
  std::atomic<bool> closed_{false};
  std::atomic<bool> left_{false};  // closed in a forked child
  std::atomic<Sequence> closing_durable_{0};
};

extern template Status Core::Get<U64>(std::uint32_t, std::uint64_t, std::string*) const;
extern template Status Core::Get<Bytes>(std::uint32_t, std::string_view, std::string*) const;
extern template Result<std::shared_ptr<const read::ViewState<U64>>> Core::NewView<U64>(
    std::uint32_t) const;
extern template Result<std::shared_ptr<const read::ViewState<Bytes>>> Core::NewView<Bytes>(
    std::uint32_t) const;

extern template Result<read::Explanation> Core::Explain<U64>(std::uint32_t, std::uint64_t) const;
extern template Result<read::Explanation> Core::Explain<Bytes>(std::uint32_t,
                                                               std::string_view) const;
extern template Status Core::VisitRows<U64>(std::uint32_t, const RowVisitor<U64>&,
                                            const Progress&) const;
extern template Status Core::VisitRows<Bytes>(std::uint32_t, const RowVisitor<Bytes>&,
                                              const Progress&) const;

}  // namespace kyro::db

#endif  // KYRO_DB_CORE_H_
