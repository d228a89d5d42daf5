// SPDX-License-Identifier: Apache-2.0
//
// The whole Db against std::map: random operations over every path of the API, background work a
// step at a time, crashes and reopenings, with many views held and read again after every step. A
// file system that calls back lets reads and writes happen in the middle of builds and installs.
#ifndef KYRO_TESTS_DB_MODEL_RUN_H_
#define KYRO_TESTS_DB_MODEL_RUN_H_

#include <cstdint>
#include <string>

#include "kyro/options.h"

namespace kyro::db {

struct ModelRunOptions {
  std::uint64_t seed = 1;
  Durability durability = Durability::kSync;
  int steps = 4000;
  bool threads = false;  // real background threads: then nothing happens in the middle of things
  Access access = Access::kMap;
};

// Over all Dbs that a run has opened.
struct ModelRunTotals {
  std::uint64_t operations = 0;  // calls of the API: writes, reads, moves of iterators, the rest
  std::uint64_t commits = 0, flushes = 0, merges = 0, rotations = 0, replays = 0, tombstones = 0;
  std::uint64_t fallbacks = 0, unread_errors = 0, predictions = 0, retrains = 0;
  std::uint64_t failures = 0, orphans = 0, torn_bytes = 0;
  std::uint64_t loads = 0, drops = 0, checkpoints = 0, resumes = 0, crashes = 0;
  std::uint64_t meddled = 0;  // reads and writes in the middle of builds and installs
  std::uint64_t held_reads = 0;

  void Add(const ModelRunTotals& other);
};

// What was wrong first, with the step at which it was; empty: nothing. A run that was long enough
// and did not do enough is wrong too.
std::string RunModel(const ModelRunOptions& options, ModelRunTotals* totals);

}  // namespace kyro::db

#endif  // KYRO_TESTS_DB_MODEL_RUN_H_
