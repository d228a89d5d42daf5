// SPDX-License-Identifier: Apache-2.0
//
// The inspection door: what tools may see of an open Db beyond the public API.
#ifndef KYRO_DB_INSPECT_H_
#define KYRO_DB_INSPECT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_ref.h"
#include "io/env.h"
#include "kyro/db.h"
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

struct Door {
  // Db::Open with other seams, for tests and tools. `env` outlives the Db and all its views.
  static Result<Db> Open(const std::string& path, const Options& options, const io::Env& env);
  static Result<Inspection> Inspect(const Db& db);
  // For tests: background jobs that are due run to their end before this returns.
  static Status WaitForUpkeep(const Db& db);
  // For tests: freezes the active generation and flushes it.
  static Status Flush(const Db& db);
};

}  // namespace kyro::db

#endif  // KYRO_DB_INSPECT_H_
