// SPDX-License-Identifier: Apache-2.0
//
// One keyspace of a repair: the rows of its log and runs, merged newest first, written where they
// are provably the newest (db/repair.h, P2 and P3).
#ifndef KYRO_DB_REPAIR_SPACE_H_
#define KYRO_DB_REPAIR_SPACE_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_ref.h"
#include "base/key_traits.h"
#include "db/repair.h"
#include "io/file_system.h"
#include "kyro/db.h"

namespace kyro::db {

// What the log says last of a key. Keys are encoded.
struct LogRow {
  bool put = false;
  std::string value;
};
using LogRows = std::map<std::string, LogRow>;

struct SpaceSource {
  const io::Directory* directory = nullptr;
  std::string name;
  std::vector<RunRef> runs;  // newest first
  bool with_manifest = true;
  LogRows log;
};

// Writes what is left of `source` into keyspace `source.name` of `to`, which is made.
template <class K>
Status RepairSpace(const SpaceSource& source, const RepairOptions& options, Db* to,
                   RepairReport* report);

extern template Status RepairSpace<U64>(const SpaceSource&, const RepairOptions&, Db*,
                                        RepairReport*);
extern template Status RepairSpace<Bytes>(const SpaceSource&, const RepairOptions&, Db*,
                                          RepairReport*);

}  // namespace kyro::db

#endif  // KYRO_DB_REPAIR_SPACE_H_
