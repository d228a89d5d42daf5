// SPDX-License-Identifier: Apache-2.0
//
// Repair: what is provably intact in a damaged database, as a new database, and a list of the rest.
// The damaged one is only read; Open may refuse it.
//
//   P1  A row is written only from bytes whose checksums are right, in files whose identity is the
//       one that the manifest, or the log, names.
//   P2  NEW holds the database as it was at one sequence, RepairReport::sequence, but for the keys
//       that `losses` lists. A key in no list is right: its value is the newest up to there, and if
//       it is absent it was absent.
//   P3  So an older value is never passed off as the newest: where a newer one may lie in damaged
//       bytes, the row is left out and the key is in a listed range. RepairOptions::all gives it
//       out instead, and counts it as stale.
//
// The sequence of P2: all of the log up to the first commit that is lost. Commits behind it are
// intact perhaps, but a commit between may have changed any key; `all` applies them.
//
// Without a manifest nobody knows which segments make a keyspace, or in which order. Then each
// .keys file becomes a keyspace of its own, "segment-000012", and what the log holds of keyspace 3
// becomes "log-3"; everything is listed, with its sequences.
#ifndef KYRO_DB_REPAIR_H_
#define KYRO_DB_REPAIR_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/env.h"
#include "kyro/options.h"
#include "kyro/status.h"
#include "kyro/types.h"

namespace kyro::db {

struct RepairOptions {
  bool all = false;     // P3
  Progress progress{};  // rows looked at, of an unknown total
};

// One end of a range of encoded keys; no key: unbounded.
struct RepairBound {
  std::optional<std::string> key;
  bool inclusive = true;
};

// Something that is not in NEW as it was.
struct RepairLoss {
  std::string what;  // why
  std::string file;  // to blame
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::string keyspace;  // empty: any of them
  KeyKind kind = KeyKind::kU64;
  RepairBound first, last;      // the keys, if `keyspace` is given
  Sequence first_sequence = 0;  // the commits that are or may be lost; 0: not known
  Sequence last_sequence = 0;
  std::uint64_t rows = 0;      // of the source that are lost; 0: not known
  std::uint64_t withheld = 0;  // intact older rows left out because of it
  std::uint64_t stale = 0;     // with `all`: older rows given out in spite of it
};

struct RepairDamage {
  std::string file;
  std::uint64_t offset = 0;
  std::string what;
};

struct RepairedSpace {
  std::string name;
  KeyKind kind = KeyKind::kU64;
  std::uint64_t rows = 0;
};

struct RepairReport {
  std::vector<RepairLoss> losses;     // empty: all was salvaged
  std::vector<RepairDamage> damages;  // what was found wrong, also where nothing is lost by it
  std::vector<RepairedSpace> spaces;  // of NEW
  Sequence sequence = 0;              // P2
  bool manifest = true;               // there was an intact one
};

// Makes `out`, which must not exist, from the database at `db`. Built as OUT.tmp, which a failure
// leaves and the next call replaces; durable when OK. kAlreadyExists, kLocked (someone has `db`
// open for writing), kNotFound (there is no database), kNoSpace, kCancelled, kIoError. Memory: what
// the log holds.
Result<RepairReport> Repair(const std::string& db, const std::string& out,
                            const RepairOptions& options, const io::Env& env);

}  // namespace kyro::db

#endif  // KYRO_DB_REPAIR_H_
