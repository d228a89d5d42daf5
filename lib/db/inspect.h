// SPDX-License-Identifier: Apache-2.0
//
// The inspection door: what tools may see of an open Db beyond the public API, and Repair, which is
// for a database that does not open.
#ifndef KYRO_DB_INSPECT_H_
#define KYRO_DB_INSPECT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_ref.h"
#include "db/repair.h"
#include "io/env.h"
#include "kyro/db.h"
#include "read/explain.h"
#include "segment/segment.h"

namespace kyro::db {

struct SegmentInspection {
  SegmentRef ref;
  segment::Facts facts;
};
struct RunInspection {
  std::vector<SegmentInspection> segments;
};
struct KeyspaceInspection {
  KeyspaceInfo info;
  std::vector<RunInspection> runs;  // newest first
};
struct FileInspection {
  std::string name;
  std::string role;  // "manifest", "wal", "keys", "data", "rmi", "lock", "temporary", "unknown"
  std::uint64_t bytes = 0;
};
struct Inspection {
  std::string database_uuid;
  std::uint64_t manifest_generation = 0;
  bool clean = false;
  std::uint64_t wal_floor = 0;  // file numbers; 0: none
  std::uint64_t wal_newest = 0;
  std::vector<KeyspaceInspection> keyspaces;
  std::vector<FileInspection> files;  // by name
  Stats stats;
};

// Consecutive rows of one segment, deleted ones included, and the way of a lookup of each through
// that segment. Lives during the call that it is passed to.
template <class K>
struct RowBatch {
  std::size_t run = 0, segment = 0;  // as KeyspaceInspection lists them
  std::uint64_t position = 0;        // of the first row, in its segment
  std::span<const typename K::Key> keys;
  std::span<const index::Route> routes;
};
template <class K>
using RowVisitor = std::function<void(const RowBatch<K>&)>;

struct Door {
  // Db::Open with other seams, for tests and tools. `env` outlives the Db and all its views.
  static Result<Db> Open(const std::string& path, const Options& options, const io::Env& env);
  static Result<Inspection> Inspect(const Db& db);
  // What a Get of `key` touches. kNotFound if there is no keyspace of that id and kind.
  template <class K>
  static Result<read::Explanation> Explain(const Db& db, std::uint32_t keyspace,
                                           typename K::Key key);
  // Calls `visit` with every row of every segment of a keyspace, run by run, newest first, each in
  // key order. O(rows), memory for one batch; progress counts rows. kNotFound as above; the first
  // damage; kCancelled.
  template <class K>
  static Status VisitRows(const Db& db, std::uint32_t keyspace, const RowVisitor<K>& visit,
                          const Progress& progress = {});
  // For tests: background jobs that are due run to their end before this returns.
  static Status WaitForUpkeep(const Db& db);
  // For tests: freezes the active generation and flushes it.
  static Status Flush(const Db& db);
};

extern template Result<read::Explanation> Door::Explain<U64>(const Db&, std::uint32_t,
                                                             std::uint64_t);
extern template Result<read::Explanation> Door::Explain<Bytes>(const Db&, std::uint32_t,
                                                               std::string_view);
extern template Status Door::VisitRows<U64>(const Db&, std::uint32_t, const RowVisitor<U64>&,
                                            const Progress&);
extern template Status Door::VisitRows<Bytes>(const Db&, std::uint32_t, const RowVisitor<Bytes>&,
                                              const Progress&);

}  // namespace kyro::db

#endif  // KYRO_DB_INSPECT_H_
