// SPDX-License-Identifier: Apache-2.0
//
// Reads a damaged database in every way and judges what it says. A row, or the absence of one, is
// right or there is a kDataLoss instead that names a damaged file; and Verify finds the damage.
#ifndef KYRO_TESTS_PROOFS_ROT_READER_H_
#define KYRO_TESTS_PROOFS_ROT_READER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "io/env.h"
#include "proofs/rot/sample.h"

namespace kyro::proofs {

struct Trial {
  Access access = Access::kMap;
  bool read_only = true;
  bool fold = false;                 // before anything is read
  std::uint32_t order = 0;           // of the ways of reading: a lookup's path depends on what was
                                     // verified before it
  std::vector<std::string> damaged;  // files that a status may name; empty: any file
};

struct Findings {
  bool opened = false;
  bool caught = false;               // at least one status named a damaged file
  bool verify_failed = false;        // Verify was one of them
  std::uint64_t models_damaged = 0;  // Stats, after everything was read
  std::uint64_t failed_reads = 0;
  std::string wrong;  // the first thing that must not be; empty: none
};

// Opens "/db", reads all that `sample` holds, verifies and closes. `background` runs what a
// writing Db does by itself; after it everything is read once more.
Findings ReadAll(const Sample& sample, const io::Env& env, const Trial& trial,
                 const std::function<void()>& background = {});

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_ROT_READER_H_
