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
struct ReadPointState;
struct Door;
}  // namespace db

struct KeyspaceInfo {
  std::string name;
  std::uint32_t id = 0;
  KeyKind kind = KeyKind::kU64;
};

// One sequence for views of several keyspaces. Cheap to copy; any thread. Pins like a View.
class [[gnu::visibility("default")]] ReadPoint {
 public:
  Sequence sequence() const noexcept;

 private:
  friend class Db;
  template <class>
  friend class Keyspace;
  std::shared_ptr<const db::ReadPointState> state_;
};

// A handle on one named map. Cheap to copy; any thread. May outlive the Db, whose Close turns its
// calls into kClosed.
template <class K>
class [[gnu::visibility("default")]] Keyspace {
 public:
  using Key = typename K::Key;

  // Durable as WriteOptions and Options say, visible to every later read, when OK. Errors other
  // than kUnknownOutcome: not applied, now or later.
  Status Put(Key key, std::string_view value, const WriteOptions& options = {});
  Status Delete(Key key, const WriteOptions& options = {});  // OK also if the key is absent

  // The newest value. kNotFound if absent. O(log n).
  Result<std::string> Get(Key key) const;
  // The same into `*value`, whose capacity is reused. On error `*value` is left as it was.
  Status Get(Key key, std::string * value) const;

  Result<View<K>> view() const;
  // kKeyspaceMismatch if the read point is of another Db.
  Result<View<K>> view(const ReadPoint& read_point) const;

  std::uint32_t id() const noexcept {
    return id_;
  }
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
  Result<std::vector<KeyspaceInfo>> ListKeyspaces() const;

  // Applies the batch as one commit; returns its sequence. An empty batch is OK and takes none
  // (the newest visible sequence is returned).
  Result<Sequence> Write(const WriteBatch& batch, const WriteOptions& options = {});
  Result<ReadPoint> read_point() const;

  // Everything acknowledged so far is durable when OK.
  Status Sync();
  // Flushes the deltas and merges each keyspace into one run without tombstones.
  Status Fold(const Progress& progress = {});
  // Trains every model anew; data untouched.
  Status RebuildIndex(const Progress& progress = {});
  // Reads every byte of every file: checksums, order, counts, the model's bound for every key.
  // Repairs nothing. The first damage is returned as kDataLoss with file and offset. Progress
  // counts bytes; at the end `done` is the sum of the sizes of all files checked.
  Status Verify(const Progress& progress = {}) const;

  Stats stats() const;

  // Ends writes and background work, makes everything durable, releases the lock. Returns the
  // first error met, or the last background error. Views stay readable; later calls: kClosed.
  Status Close();

 private:
  friend struct db::Door;
  explicit Db(std::shared_ptr<db::Core> core) noexcept;
  std::shared_ptr<db::Core> core_;
};

extern template class Keyspace<U64>;
extern template class Keyspace<Bytes>;
extern template Result<Keyspace<U64>> Db::OpenKeyspace<U64>(std::string_view);
extern template Result<Keyspace<Bytes>> Db::OpenKeyspace<Bytes>(std::string_view);

}  // namespace kyro

#endif  // KYRO_DB_H_
