// SPDX-License-Identifier: Apache-2.0
//
// kyro: ordered maps on local disk, durable and crash-safe, read through a learned index.
//
//   auto db = kyro::Db::Open("/data/cells");
//   if (!db.ok()) return Fail(db.status());
//   auto cells = db->OpenKeyspace<kyro::U64>();
//   if (!cells.ok()) return Fail(cells.status());
//   kyro::Status status = cells->Put(42, "answer");   // durable when it returns OK
//   kyro::Result<std::string> value = cells->Get(42);
#ifndef KYRO_DB_H_
#define KYRO_DB_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kyro/lookup.h"
#include "kyro/options.h"
#include "kyro/stats.h"
#include "kyro/status.h"
#include "kyro/types.h"
#include "kyro/view.h"
#include "kyro/write_batch.h"

namespace kyro {

namespace db {  // kyro's own
class Core;
template <class K>
class BulkSession;
struct ReadPointState;
struct Door;
}  // namespace db

// A keyspace as Db::ListKeyspaces names it.
struct KeyspaceInfo {
  std::string name;              // 1 to 255 bytes
  std::uint32_t id = 0;          // from 1; never used again, not even after a drop
  KeyKind kind = KeyKind::kU64;  // fixed when it was created
};

// One sequence for views of several keyspaces. Cheap to copy; any thread. Pins like a View, and
// like one may outlive the Db.
class [[gnu::visibility("default")]] ReadPoint {
 public:
  // The newest commit that its views see; 0 if it was not made by a Db.
  Sequence sequence() const noexcept;

 private:
  friend class Db;
  template <class>
  friend class Keyspace;
  std::shared_ptr<const db::ReadPointState> state_;
};

// Loads sorted rows straight into segments: no log, no delta, one commit at the end.
//
//   kyro::Result<kyro::BulkLoader<kyro::U64>> loader = cells.NewBulkLoader();
//   if (!loader.ok()) return Fail(loader.status());
//   for (...) if (kyro::Status s = loader->Add(key, value); !s.ok()) return Fail(s);
//   kyro::Result<kyro::Sequence> sequence = loader->Finish();
//
// From NewBulkLoader until it is finished or destroyed the keyspace takes no other writes (kBusy);
// reads go on and see nothing of the load until Finish. Rows replace those of equal keys that are
// there already. Destroying an unfinished loader discards its rows. One thread at a time. Memory is
// bounded, whatever the number of rows.
template <class K>
class [[gnu::visibility("default")]] BulkLoader {
 public:
  using Key = typename K::Key;  // std::uint64_t or std::string_view

  BulkLoader(BulkLoader &&) noexcept;
  BulkLoader& operator=(BulkLoader&&) noexcept;
  ~BulkLoader();

  // Keys ascend strictly. kInvalidArgument if this one does not, or if key or value are too large:
  // it was not added, and the load may go on. After any other error the load is lost; it may be
  // that of a row that an Add before took with OK. Key and value are copied. O(1), and now and then
  // the writing of what was collected.
  Status Add(Key key, std::string_view value);

  // Makes all rows durable, then visible, at once, as one commit; returns its sequence. Without
  // rows nothing is committed. Takes as long as training, reading back and syncing the last
  // segment; progress is told the rows added, of an unknown total. Every error but kUnknownOutcome:
  // nothing of the load is there, now or later. To be called once.
  Result<Sequence> Finish(const Progress& progress = {});

  // Rows added.
  std::uint64_t count() const noexcept;

 private:
  template <class>
  friend class Keyspace;
  explicit BulkLoader(std::unique_ptr<db::BulkSession<K>> session) noexcept;
  std::unique_ptr<db::BulkSession<K>> session_;
};

// A handle on one named map. Cheap to copy; any thread. May outlive the Db, whose Close turns its
// calls into kClosed; so does dropping the keyspace.
template <class K>
class [[gnu::visibility("default")]] Keyspace {
 public:
  using Key = typename K::Key;  // std::uint64_t or std::string_view

  // Durable as WriteOptions and Options say, visible to every later read, when OK. Key and value
  // are copied. Waits for its sync, and for room at most Options::write_stall_max. kInvalidArgument
  // (a key over 65,535 or a value over 64 MiB), kBusy (no room, or a bulk load has the keyspace),
  // kNoSpace, kIoError, kReadOnly, kClosed: not applied, now or later. Only kUnknownOutcome, after
  // a failed sync, leaves it open: see Db::Resume. O(log n) in what is in memory, and a share of
  // one log record.
  Status Put(Key key, std::string_view value, const WriteOptions& options = {});
  // As Put. OK also if the key is absent.
  Status Delete(Key key, const WriteOptions& options = {});

  // The newest value. kNotFound if absent, kDataLoss (file and offset) if damage hides the answer.
  // Takes no lock. O(log n) in each run that may hold the key.
  Result<std::string> Get(Key key) const;
  // The same into `*value`, whose capacity is reused. On error `*value` is left as it was.
  Status Get(Key key, std::string * value) const;

  // Waits until the rows that are in memory for this keyspace are in segments. kBusy if another
  // load of it is under way; otherwise the errors of a write.
  Result<BulkLoader<K>> NewBulkLoader();

  // The keyspace as it is now. O(1), without a lock that is held during I/O; yet a view is for many
  // reads: a single one is faster through Get.
  Result<View<K>> view() const;
  // As it was then. kKeyspaceMismatch if the read point is of another Db.
  Result<View<K>> view(const ReadPoint& read_point) const;

  // Never used again, not even after a drop.
  std::uint32_t id() const noexcept {
    return id_;
  }
  // As it was opened.
  const std::string& name() const noexcept {
    return name_;
  }

 private:
  friend class Db;
  friend class WriteBatch;
  std::shared_ptr<db::Core> core_;
  std::uint32_t id_ = 0;
  std::string name_;
};

// An open database directory. Any thread may call anything; moving or destroying it is for one.
class [[gnu::visibility("default")]] Db {
 public:
  // Opens, recovers, and locks the directory: one writer, or many read-only handles. What was
  // recovered is durable when this returns. kLocked, kDataLoss (file and offset), kNotFound,
  // kAlreadyExists, kInvalidArgument, kUnsupported, kNoSpace, kIoError.
  static Result<Db> Open(const std::filesystem::path& path, const Options& options = {});

  Db(Db &&) noexcept;
  Db& operator=(Db&&) noexcept;
  ~Db();  // closes, and drops the status

  // Makes the keyspace if it is not there (durable when OK). kKeyspaceMismatch if it has the other
  // key kind; kInvalidArgument for an empty name or one over 255 bytes; kNotFound if absent and
  // the Db is read-only.
  template <class K>
  Result<Keyspace<K>> OpenKeyspace(std::string_view name = "default");
  // By ascending id.
  Result<std::vector<KeyspaceInfo>> ListKeyspaces() const;
  // Removes the keyspace and everything in it, durably; what was acknowledged before becomes
  // durable first. kNotFound if there is none; kBusy during a bulk load of it. Views taken before
  // stay readable and keep its files; its handles return kClosed. Its id is never used again, its
  // name may be.
  Status DropKeyspace(std::string_view name);

  // Applies the batch as one commit; returns its sequence. An empty batch is OK and takes none
  // (the newest visible sequence is returned). The batch may be written again. Errors are those of
  // Put; kInvalidArgument also above Options::batch_bytes_max, kKeyspaceMismatch for keyspaces of
  // another Db.
  Result<Sequence> Write(const WriteBatch& batch, const WriteOptions& options = {});
  // The newest commit, for views of several keyspaces that agree.
  Result<ReadPoint> read_point() const;

  // Everything acknowledged so far is durable when OK. One fdatasync, between groups.
  Status Sync();
  // Flushes the deltas and merges each keyspace into one run without tombstones. Reads and writes
  // go on. Takes as much disk space again as what it merges, until the old files go. Progress
  // counts entries; kCancelled if it says stop: keyspaces folded until then stay so.
  Status Fold(const Progress& progress = {});
  // Trains every model anew; data untouched. Progress counts entries.
  Status RebuildIndex(const Progress& progress = {});
  // Brings every segment into memory and verifies it, so that no later lookup waits for a disk or a
  // checksum. Progress counts bytes. The first damage is returned as kDataLoss, after the rest was
  // brought in.
  Status Warm(const WarmOptions& options = {}, const Progress& progress = {});
  // Makes `destination`, which must not exist, a database of its own that holds exactly the commits
  // up to the returned sequence: everything acknowledged before the call. Files are shared by hard
  // links where the file system can, copied where not. Writes go on meanwhile. Built as
  // DESTINATION.tmp, which a call that was interrupted leaves and the next one replaces; durable
  // when OK. Progress counts bytes. kAlreadyExists; kInvalidArgument without
  // a parent directory.
  Result<Sequence> Checkpoint(const std::filesystem::path& destination,
                              const Progress& progress = {});
  // Goes on after an I/O error made the Db read-only: a failed sync of the log, or no space to
  // recover at Open. Everything visible is made durable; writes whose outcome was unknown are not
  // applied, for ever. OK at once if there is nothing to resume from. Whatever error stands in the
  // way still is returned, and Resume may be tried again; kReadOnly after a failed sync of the
  // directory, when only reopening helps.
  Status Resume();
  // Reads every byte of every file: checksums, order, counts, the model's bound for every key.
  // Repairs nothing. The first damage is returned as kDataLoss with file and offset. Progress
  // counts bytes; at the end `done` is the sum of the sizes of all files checked.
  Status Verify(const Progress& progress = {}) const;

  // Counts what is there: O(segments + open views), and lists the directory. Also after Close.
  Stats stats() const;

  // Ends writes and background work, makes everything durable, releases the lock. Returns the
  // first error met, or the last background error. Views stay readable; later calls: kClosed.
  Status Close();

 private:
  friend struct db::Door;
  explicit Db(std::shared_ptr<db::Core> core) noexcept;
  std::shared_ptr<db::Core> core_;
};

extern template class BulkLoader<U64>;
extern template class BulkLoader<Bytes>;
extern template class Keyspace<U64>;
extern template class Keyspace<Bytes>;
extern template Result<Keyspace<U64>> Db::OpenKeyspace<U64>(std::string_view);
extern template Result<Keyspace<Bytes>> Db::OpenKeyspace<Bytes>(std::string_view);

}  // namespace kyro

#endif  // KYRO_DB_H_
