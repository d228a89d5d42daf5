// SPDX-License-Identifier: Apache-2.0
//
// Rot in the log of a database that was not closed. There a damaged record at the end cannot be
// told from a torn write; the bound is exact: let `w` be the highest synced_offset of the intact
// records of the newest log file. Damage below w, in an older file or in the manifest is refused
// and the file is named; damage from w on cuts the log at most at the damaged record. So what is
// recovered is the state after a prefix of the commits that holds at least those that end at or
// below w, and no other state ever.
#ifndef KYRO_TESTS_PROOFS_ROT_UNCLOSED_H_
#define KYRO_TESTS_PROOFS_ROT_UNCLOSED_H_

#include <cstdint>

#include "proofs/proof.h"

namespace kyro::proofs {

class Unclosed {
 public:
  Unclosed(const Args& args, Tally* tally) : args_(args), tally_(tally) {}
  // Killed in each durability mode, and once more after idleness; every byte of MANIFEST and every
  // log, or one in `stride` of them.
  void Run(std::uint64_t seed, std::uint64_t stride);

 private:
  const Args& args_;
  Tally* const tally_;
};

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_ROT_UNCLOSED_H_
