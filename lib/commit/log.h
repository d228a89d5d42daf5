// SPDX-License-Identifier: Apache-2.0
//
// Log: the chain of log files as the commit leader writes it. Knows when a file is full, how one
// follows another, and what to do after an error; wal::Writer knows only its own file.
//
//   L1  A file that carries commits is named before it does: by its predecessor's seal, or by the
//       manifest (first file of a process; file after a cut).
//   L2  A file is complete and synced before a later one holds a commit, in every durability mode:
//       only the newest can have a torn tail.
//   L3  File numbers rise along the chain: files below the floor's number are no longer needed.
//   L4  After a failed write nothing more goes to that file: its good part is synced, and the next
//       file's link cuts the rest. After a failed sync nothing more goes to any file.
#ifndef KYRO_COMMIT_LOG_H_
#define KYRO_COMMIT_LOG_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/histogram.h"
#include "base/mutex.h"
#include "delta/generation.h"
#include "io/env.h"
#include "wal/writer.h"

namespace kyro::commit {

// How the log reaches the rest of the Db. Any thread.
struct LogHooks {
  std::function<std::uint64_t()> next_number;
  // Makes durable, in the manifest, that this file is now the newest (L1).
  std::function<Status(const FileId&)> name_file;
  std::function<ManifestMark()> manifest_mark;
};

struct LogOptions {
  Uuid database;
  std::uint64_t file_bytes_max = 0;
  bool latency_histograms = true;
};

// Where a recovered chain ended: what the first new file continues.
struct LogEnd {
  FileId file;  // number 0: there is none
  std::uint64_t bytes = 0;
};

struct LogCounters {
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> syncs{0};
  std::atomic<std::uint64_t> rotations{0};
  std::atomic<std::uint64_t> marks{0};
  Histogram sync_nanos;  // of what `syncs` counts
};

// The leader's alone, except Prepare, DropPrepared and the counters.
class Log {
 public:
  Log(const io::Env& env, io::Directory* directory, const LogOptions& options, LogHooks hooks,
      const LogEnd& end);

  // Makes sure that a record of `bytes` behind `last` can be appended: opens, rotates or cuts over
  // to another file where need be. On error nothing is lost; a later call tries again, unless
  // failed() says that the log is done for.
  Status MakeReady(std::uint64_t bytes, Sequence last);
  // Requires MakeReady for its size. `*buffer` as for wal::Writer::Append. On error the record is
  // void, now and after any crash; or, if not even that could be made durable, kUnknownOutcome and
  // the log has failed().
  Status Append(wal::RecordInfo info, std::string* buffer);
  // An empty record that carries the sync mark. MakeReady first.
  Status AppendMark(Sequence last);
  Status Sync();
  void StartWriteback() { writer_->StartWriteback(); }

  // Ends the current file and begins another, so that a generation ends with a file. Afterwards
  // current() is the file that holds what follows `last`.
  Status Rotate(Sequence last);
  // The two halves of it, for a sequence that is in no record: SealForNext ends the current file
  // durably behind `last`; between them anything may fail or crash without harm, and then LinkNext
  // begins the next file behind its `last`. `*edge` is where the log then stands: the next file,
  // or, if the log holds no record, none. With `floor_moved` nothing before it is needed any more.
  Status SealForNext(Sequence last, delta::LogEdge* edge);
  Status LinkNext(Sequence last, bool floor_moved);

  // Seals, cuts and syncs the current file; `*end` is where the chain now ends. The log takes no
  // records afterwards.
  Status Close(Sequence last, LogEnd* end);
  // Forgets the current file without a word: its commits are all in segments.
  Status Abandon();

  // Takes no more records, because of `why`.
  void Refuse(Status why) { failed_ = std::move(why); }
  // After a failure, and with the manifest in need of no log: the next record opens a new chain.
  Status StartOver();
  // The last sequence of the newest record that was tried, whatever came of it.
  Sequence last_attempted() const noexcept { return last_attempted_; }
  // The newest file with records; number 0: none.
  const FileId& current_or_end() const noexcept {
    return writer_ != nullptr ? writer_->id() : end_.file;
  }

  bool open() const noexcept { return writer_ != nullptr; }
  const FileId& current() const noexcept { return writer_->id(); }  // requires open()
  const std::string& current_name() const noexcept { return writer_->name(); }
  // Everything appended is durable.
  bool synced() const noexcept {
    return writer_ == nullptr || writer_->synced() == writer_->length();
  }
  std::uint64_t unsynced_bytes() const noexcept {
    return writer_ == nullptr ? 0 : writer_->length() - writer_->synced();
  }
  // Not OK after a failed sync: the log takes no more records until the Db is reopened.
  const Status& failed() const noexcept { return failed_; }
  const LogCounters& counters() const noexcept { return counters_; }

  // Makes the next file ahead of need. Run in the background; errors are left for the leader to
  // meet again.
  Status Prepare();
  bool wants_prepare() const;
  Status DropPrepared();

 private:
  Result<std::unique_ptr<wal::Writer>> TakeNext();
  Status SealCurrent(Sequence last);
  Status Void(Status failure);
  Status OpenFirst(Sequence last);
  Status CutOver(Sequence last);
  Status StartNamed(const wal::Link& link, Sequence last);
  Status Fail(Status status);
  wal::RecordInfo Info(wal::RecordType type, Sequence last) const;

  const io::Env env_;
  io::Directory* const directory_;
  const LogOptions options_;
  const LogHooks hooks_;
  const io::Clock* const latency_clock_;  // null: no histogram

  LogEnd end_;  // while writer_ is null
  std::unique_ptr<wal::Writer> writer_;
  std::unique_ptr<wal::Writer> linked_;       // linked and synced, not yet named
  std::unique_ptr<wal::Writer> sealed_next_;  // named by the current file's seal, not yet linked
  Status failed_;
  Sequence last_attempted_ = 0;
  LogCounters counters_;

  // Held while a file is made, so that files are taken in the order of their numbers (L3). The
  // leader that meets the background here waits for the very file it needs.
  Mutex prepare_mutex_;
  mutable Mutex mutex_;  // never held during I/O
  std::unique_ptr<wal::Writer> prepared_ KYRO_GUARDED_BY(mutex_);
  std::uint64_t next_file_bytes_ KYRO_GUARDED_BY(mutex_);
};

}  // namespace kyro::commit

#endif  // KYRO_COMMIT_LOG_H_
