// SPDX-License-Identifier: Apache-2.0
//
// Oracle: what a database may hold, when calls can fail.
//
// The rows are a line of states, one after each commit, of which those from the last one that is
// known to be durable on may be what a power cut leaves; a kill leaves the last. A call of unknown
// outcome (and only kUnknownOutcome is one) forks a second line. One thread.
#ifndef KYRO_TESTS_PROOFS_FAULT_ORACLE_H_
#define KYRO_TESTS_PROOFS_FAULT_ORACLE_H_

#include <string>
#include <vector>

#include "db/model.h"

namespace kyro::proofs {

class Oracle {
 public:
  Oracle();

  void Commit(const db::Batch& batch, bool durable);
  // The keyspace was emptied: all that was acknowledged before is durable, and so is this.
  void Empty(std::size_t space);
  // Everything acknowledged is durable.
  void Synced();
  // A commit, or an emptying, of unknown outcome.
  void Doubt(const db::Batch& batch);
  void DoubtEmpty(std::size_t space);
  bool in_doubt() const { return lines_.size() > 1; }
  // Resume returned OK: what was undetermined is not there, and never will be.
  void Resumed();
  // A new Open shows `found`; a line for people if it may not. With `durable` that is for ever;
  // without (it opened read-only) what was in doubt still is, to be decided by a later one.
  std::string Reopened(const db::State& found, bool durable);

  // What readers see.
  const db::State& now() const { return lines_[0].back(); }
  // Empty if a crash may leave `found`.
  std::string Left(const db::State& found, bool power_cut) const;

 private:
  using Line = std::vector<db::State>;  // from the last durable one to the last
  void Fork(db::State other);

  std::vector<Line> lines_;  // the first is what readers see
};

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_FAULT_ORACLE_H_
