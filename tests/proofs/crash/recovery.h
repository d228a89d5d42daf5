// SPDX-License-Identifier: Apache-2.0
//
// What a database does after a crash, each time from the start: opens, is read and verified; goes
// on, closes and opens again.
#ifndef KYRO_TESTS_PROOFS_CRASH_RECOVERY_H_
#define KYRO_TESTS_PROOFS_CRASH_RECOVERY_H_

#include <string>

#include "db/history.h"
#include "support/test_env.h"

namespace kyro::crash {

struct CheckpointTaken;

struct Recovery {
  db::Contents contents;
  std::string wrong;         // what must never be, but for the contents; empty: nothing
  bool refused = false;      // Open returned an error
  db::Moment opened_at = 0;  // the moment at which Open returned
};

// Opens "/db", reads everything and verifies every file. The Db then dies as in a crash: nothing
// changes in `world` after `opened_at`.
Recovery Recover(support::TestEnv* world, const Options& options);

// Opens the database read-only, which changes nothing: it must say what `contents` says.
std::string ReadOnlyShows(support::TestEnv* world, const Options& options,
                          const db::Contents& contents);

// Opens, writes on from `contents` with sequences of its own, closes, and finds it all. Empty if
// all is well.
std::string GoOn(support::TestEnv* world, const Options& options, const db::Contents& contents);

// What is wrong with a checkpoint; empty if nothing. One that is not acknowledged yet may be
// missing.
std::string CheckpointHolds(support::TestEnv* world, const CheckpointTaken& checkpoint,
                            bool acknowledged);

// "power cut at event 17".
std::string Text(const db::CrashAt& crash);

}  // namespace kyro::crash

#endif  // KYRO_TESTS_PROOFS_CRASH_RECOVERY_H_
