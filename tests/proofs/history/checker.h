// SPDX-License-Identifier: Apache-2.0
//
// Whether a history could have happened to a database that does one thing at a time (G2, G6, G7).
// Two checkers that share nothing but the search:
//
//   CheckKeys   Each key by itself is a register that is linearizable. Believes no sequence number.
//   CheckOrder  The database as a whole is: there is one order of all commits, that of their
//               sequences, in which every commit, get, view and read point takes effect between its
//               begin and its end; a get sees what the commits before it left, and everything read
//               through a view at sequence s, lookups, batches of lookups and scans, is exactly
//               what the commits up to s left. It follows that a batch is seen whole or not at all,
//               that a commit acknowledged before a view was taken is in it, and that no thread's
//               views go backwards.
#ifndef KYRO_TESTS_PROOFS_HISTORY_CHECKER_H_
#define KYRO_TESTS_PROOFS_HISTORY_CHECKER_H_

#include <string>
#include <utility>
#include <vector>

#include "proofs/history/history.h"

namespace kyro::proofs {

struct Verdict {
  std::string why;  // empty: accepted
  // CheckOrder: the commits in their order, with their sequences.
  std::vector<std::pair<Sequence, const Op*>> order;

  bool accepted() const { return why.empty(); }
};

Verdict CheckKeys(const History& history);
Verdict CheckOrder(const History& history);

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_HISTORY_CHECKER_H_
