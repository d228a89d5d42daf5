// SPDX-License-Identifier: Apache-2.0
//
// The judges of proof_fault, proof_kill and proof_power against what they must reject: an
// acknowledged point shifted by one, half a batch, one stale row. That of proof_crash has its test
// in tests/db/history_test.cc, that of proof_history in history/checker_test.cc.
#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "proofs/fault/oracle.h"
#include "proofs/real/crowd.h"
#include "proofs/real/crowd_write.h"
#include "proofs/real/script.h"

namespace kyro::proofs {
namespace {

using db::Batch;
using db::State;
using db::U64Key;

constexpr bool kKill = false, kPowerCut = true;

// ---------------------------------------------------------------------------------- fault

// Three commits: the first durable, the two others not.
class FaultOracle : public testing::Test {
 protected:
  FaultOracle() : states_{oracle_.now()} {
    Commit({{0, true, U64Key(1), "a"}, {1, true, "k", "a"}}, true);
    Commit({{0, true, U64Key(1), "b"}, {1, true, "k", "b"}}, false);
    Commit({{0, false, U64Key(1), ""}, {3, true, "p", "c"}}, false);
  }
  void Commit(const Batch& batch, bool durable) {
    oracle_.Commit(batch, durable);
    states_.push_back(oracle_.now());
  }
  bool Leaves(const State& found, bool power_cut) const {
    return oracle_.Left(found, power_cut).empty();
  }

  Oracle oracle_;
  std::vector<State> states_;  // after each commit
};

TEST_F(FaultOracle, AKillLeavesEverythingAcknowledged) {
  EXPECT_TRUE(Leaves(states_[3], kKill));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_FALSE(Leaves(states_[i], kKill)) << i;
}

TEST_F(FaultOracle, APowerCutLeavesWhatIsDurableAndSomePrefixOfTheRest) {
  EXPECT_FALSE(Leaves(states_[0], kPowerCut));
  for (std::size_t i = 1; i <= 3; ++i) EXPECT_TRUE(Leaves(states_[i], kPowerCut)) << i;
  oracle_.Synced();
  EXPECT_FALSE(Leaves(states_[2], kPowerCut));
  EXPECT_TRUE(Leaves(states_[3], kPowerCut));
}

TEST_F(FaultOracle, RejectsHalfABatchAndAStaleRow) {
  State half = states_[2];
  half[3]["p"] = "c";
  State stale = states_[3];
  stale[1]["k"] = "a";
  State more = states_[3];
  more[2][U64Key(4)] = "";
  for (const State& state : {half, stale, more}) {
    EXPECT_FALSE(Leaves(state, kKill));
    EXPECT_FALSE(Leaves(state, kPowerCut));
  }
}

TEST_F(FaultOracle, WhatIsInDoubtIsThereOrNotUntilItIsResumed) {
  const Batch doubtful = {{0, true, U64Key(9), "d"}, {1, true, "d", "d"}};
  State with = states_[3];
  db::Apply(doubtful, &with);
  EXPECT_FALSE(Leaves(with, kKill));
  oracle_.Doubt(doubtful);
  EXPECT_TRUE(oracle_.in_doubt());
  EXPECT_EQ(oracle_.now(), states_[3]);
  EXPECT_TRUE(Leaves(with, kKill));
  EXPECT_TRUE(Leaves(states_[3], kKill));
  State half = states_[3];
  half[1]["d"] = "d";
  EXPECT_FALSE(Leaves(half, kKill));
  oracle_.Resumed();
  EXPECT_FALSE(Leaves(with, kKill));
  EXPECT_TRUE(Leaves(states_[3], kPowerCut));
  EXPECT_FALSE(Leaves(states_[2], kPowerCut));
}

TEST_F(FaultOracle, WhatAnOpenShowedStays) {
  oracle_.Doubt({{0, true, U64Key(9), "d"}});
  State with = states_[3];
  with[0][U64Key(9)] = "d";
  EXPECT_NE(oracle_.Reopened(states_[2], true), "");
  EXPECT_EQ(Oracle().Reopened(states_[0], true), "");
  Oracle other = Oracle();
  other.Commit({{1, true, "k", "v"}}, true);
  other.Doubt({{1, false, "k", ""}});
  const State empty = states_[0];
  EXPECT_EQ(other.Reopened(empty, true), "");
  EXPECT_TRUE(other.Left(empty, kPowerCut).empty());
  EXPECT_FALSE(other.Left(states_[1], kPowerCut).empty());
}

// ---------------------------------------------------------------------------------- crowds

// Two threads have four writes answered, sequences 1 to 4, of which 2 was answered as durable; a
// third thread has a write in flight.
class CrowdJudge : public testing::Test {
 protected:
  CrowdJudge() {
    plan_.seed = 5;
    plan_.options = CrowdOptions(Durability::kOs);
    states_.push_back(base_.state);
    constexpr std::pair<std::size_t, std::uint64_t> kOrder[] = {{0, 0}, {1, 0}, {0, 1}, {1, 1}};
    for (const auto& [thread, number] : kOrder) {
      ThreadLedger& own = ledger_->threads[thread];
      own.issued = own.answered = number + 1;
      own.writes[number].sequence = states_.size();
      Append(WriteOf(plan_, thread, number).batch);
    }
    ledger_->threads[1].writes[0].durable = 1;
    ledger_->threads[2].issued = 1;
    in_flight_ = WriteOf(plan_, 2, 0).batch;
    Append(in_flight_);
  }
  void Append(const Batch& batch) {
    State state = states_.back();
    db::Apply(batch, &state);
    states_.push_back(std::move(state));
  }
  bool Accepts(bool power_cut, Sequence sequence, const State& found) const {
    CrowdBase base = base_;
    return JudgeCrowd(plan_, ledger_.get(), power_cut, sequence, found, &base).wrong.empty();
  }

  CrowdPlan plan_;
  CrowdBase base_;
  const std::unique_ptr<CrowdLedger> ledger_ = std::make_unique<CrowdLedger>();
  std::vector<State> states_;  // by sequence; the last with what was in flight
  Batch in_flight_;
};

TEST_F(CrowdJudge, AKillLeavesWhatWasAnsweredAndPerhapsWhatWasInFlight) {
  EXPECT_TRUE(Accepts(kKill, 4, states_[4]));
  EXPECT_TRUE(Accepts(kKill, 5, states_[5]));
  EXPECT_FALSE(Accepts(kKill, 3, states_[3]));
}

TEST_F(CrowdJudge, APowerCutLeavesWhatWasAnsweredAsDurable) {
  for (Sequence at = 2; at <= 5; ++at) EXPECT_TRUE(Accepts(kPowerCut, at, states_[at])) << at;
  EXPECT_FALSE(Accepts(kPowerCut, 1, states_[1]));
  ledger_->durable = 3;  // what a Sync said
  EXPECT_FALSE(Accepts(kPowerCut, 2, states_[2]));
  EXPECT_TRUE(Accepts(kPowerCut, 3, states_[3]));
  ledger_->seen = 4;  // by a reader, which counts in kSync
  EXPECT_TRUE(Accepts(kPowerCut, 3, states_[3]));
  plan_.options.durability = Durability::kSync;
  EXPECT_FALSE(Accepts(kPowerCut, 3, states_[3]));
}

TEST_F(CrowdJudge, RejectsTheStateOfAnotherSequence) {
  for (const bool power_cut : {kKill, kPowerCut}) {
    EXPECT_FALSE(Accepts(power_cut, 4, states_[3]));
    EXPECT_FALSE(Accepts(power_cut, 4, states_[5]));
    EXPECT_FALSE(Accepts(power_cut, 5, states_[4]));
    EXPECT_FALSE(Accepts(power_cut, 6, states_[5]));  // nobody's
  }
}

TEST_F(CrowdJudge, RejectsHalfABatchAndAStaleRow) {
  // The first of those in the plan that has several rows.
  Batch batch = in_flight_;
  ASSERT_GE(batch.size(), 2u);
  State half = states_[4];
  db::Apply({batch[0]}, &half);
  EXPECT_NE(half, states_[4]);
  EXPECT_NE(half, states_[5]);
  EXPECT_FALSE(Accepts(kKill, 4, half));
  EXPECT_FALSE(Accepts(kKill, 5, half));
  State stale = states_[4];
  for (auto& rows : stale) {
    if (rows.empty()) continue;
    rows.begin()->second += "stale";
    break;
  }
  EXPECT_FALSE(Accepts(kKill, 4, stale));
  EXPECT_FALSE(Accepts(kPowerCut, 4, stale));
}

TEST_F(CrowdJudge, RejectsASequenceThatWasGivenOutTwice) {
  ledger_->threads[1].writes[1].sequence = 3;
  EXPECT_FALSE(Accepts(kKill, 4, states_[4]));
}

TEST_F(CrowdJudge, RejectsAnOpenThatFoundSomethingElse) {
  ledger_->recovered = base_.sequence + 1;
  EXPECT_TRUE(Accepts(kKill, 4, states_[4]));
  ledger_->recovered = base_.sequence + 2;
  EXPECT_FALSE(Accepts(kKill, 4, states_[4]));
}

// ---------------------------------------------------------------------------------- scripts

class ScriptJudge : public testing::Test {
 protected:
  // A step with a commit of its own before, at and after it.
  ScriptJudge() : script_(MakeScript(3, Durability::kSync, 1)) {
    at_ = 2;
    while (script_.commits[at_ - 1] == script_.commits[at_ - 2] ||
           script_.commits[at_] == script_.commits[at_ - 1] ||
           script_.commits[at_ + 1] == script_.commits[at_]) {
      ++at_;
    }
    crash_.done = at_;
    crash_.started = at_ + 1;
  }
  bool Accepts(Sequence sequence, const State& found) const {
    std::size_t x = 0;
    return Verdict(script_, crash_, sequence, found, &x).empty();
  }
  bool AcceptsStep(std::size_t x) const { return Accepts(script_.commits[x], script_.states[x]); }

  const Script script_;
  Crash crash_;
  std::size_t at_ = 0;
};

TEST_F(ScriptJudge, AKillLeavesTheStepThatWasDoneOrTheOneThatHadBegun) {
  EXPECT_TRUE(AcceptsStep(at_));
  EXPECT_TRUE(AcceptsStep(at_ + 1));
  EXPECT_FALSE(AcceptsStep(at_ - 1));
  EXPECT_FALSE(AcceptsStep(at_ - 2));
}

TEST_F(ScriptJudge, APowerCutLeavesNoLessThanWhatIsDurable) {
  crash_.power_cut = true;
  crash_.durable_step = at_ - 2;
  EXPECT_TRUE(AcceptsStep(at_ - 2));
  crash_.durable_step = at_ - 1;
  EXPECT_FALSE(AcceptsStep(at_ - 2));
  EXPECT_TRUE(AcceptsStep(at_ - 1));
  crash_.durable = script_.commits[at_];
  EXPECT_FALSE(AcceptsStep(at_ - 1));
  EXPECT_TRUE(AcceptsStep(at_));
}

TEST_F(ScriptJudge, RejectsTheStateOfAnotherStepAndAStaleRow) {
  EXPECT_FALSE(Accepts(script_.commits[at_], script_.states[at_ - 1]));
  EXPECT_FALSE(Accepts(script_.commits[at_], script_.states[at_ + 1]));
  EXPECT_FALSE(Accepts(script_.commits[at_ + 1], script_.states[at_]));
  State stale = script_.states[at_];
  stale[0][U64Key(1)] += "stale";
  EXPECT_FALSE(Accepts(script_.commits[at_], stale));
}

}  // namespace
}  // namespace kyro::proofs
