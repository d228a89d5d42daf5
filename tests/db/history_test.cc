// SPDX-License-Identifier: Apache-2.0
//
// The oracle of crashes is a test of its own: one that accepts a shifted history, half a batch or a
// stale read proves nothing.
#include "db/history.h"

#include <gtest/gtest.h>

namespace kyro::db {
namespace {

constexpr std::uint32_t kAllSpaces = 15;
constexpr bool kKill = false, kPowerCut = true;
using Lasts = History::Lasts;

CrashAt At(Moment moment, bool power_cut) {
  return {.moment = moment, .power_cut = power_cut};
}

// Keyspaces made by moment 5; commits at 10 (acknowledged at 15), 20 (25) and 30 (not).
class HistoryTest : public testing::Test {
 protected:
  HistoryTest() {
    for (std::size_t space = 0; space < FourSpaces().size(); ++space) {
      history_.Creating(space, space);
      history_.Created(space + 1, space);
    }
    Commit(10, 15, {{0, true, U64Key(1), "a1"}, {1, true, "k", "a2"}});
    Commit(20, 25, {{0, true, U64Key(1), "b"}, {1, true, "k", "b"}, {2, true, U64Key(7), "b"}});
    history_.Issue(30, {{0, false, U64Key(1), ""}, {3, true, "p", "c"}});
    states_.push_back(history_.state());
  }
  void Commit(Moment begin, Moment end, const Batch& batch) {
    if (states_.empty()) states_.push_back(history_.state());
    history_.Survives(end, history_.Issue(begin, batch), Lasts::kKill);
    states_.push_back(history_.state());
  }
  bool Accepts(const CrashAt& crash, Sequence sequence, const State& state,
               std::uint32_t spaces = kAllSpaces) const {
    return history_.Verdict(crash, {sequence, state, spaces}).empty();
  }

  History history_;
  std::vector<State> states_;  // by sequence
};

TEST_F(HistoryTest, AcceptsThePrefixesFromTheAcknowledgedToTheIssued) {
  EXPECT_TRUE(Accepts(At(31, kKill), 2, states_[2]));
  EXPECT_TRUE(Accepts(At(31, kKill), 3, states_[3]));
  EXPECT_FALSE(Accepts(At(30, kKill), 3, states_[3]));
  EXPECT_TRUE(Accepts({.moment = 30, .torn = true}, 3, states_[3]));
  for (Sequence p = 0; p <= 3; ++p) EXPECT_TRUE(Accepts(At(31, kPowerCut), p, states_[p])) << p;
  EXPECT_EQ(history_.LeastSequence(At(31, kKill)), 2u);
}

TEST_F(HistoryTest, RejectsAnAcknowledgedPointShiftedByOne) {
  EXPECT_FALSE(Accepts(At(31, kKill), 1, states_[1]));
  EXPECT_FALSE(Accepts(At(25, kKill), 1, states_[1]));
  EXPECT_TRUE(Accepts(At(24, kKill), 1, states_[1]));
  history_.Survives(31, 1, Lasts::kPowerCut);
  EXPECT_FALSE(Accepts(At(31, kPowerCut), 0, states_[0]));
  EXPECT_TRUE(Accepts(At(31, kPowerCut), 1, states_[1]));
}

TEST_F(HistoryTest, RejectsTheContentOfOneSequenceUnderTheNameOfAnother) {
  EXPECT_FALSE(Accepts(At(31, kKill), 2, states_[3]));
  EXPECT_FALSE(Accepts(At(31, kKill), 3, states_[2]));
  EXPECT_FALSE(Accepts(At(31, kKill), 4, states_[3]));
}

TEST_F(HistoryTest, RejectsHalfABatch) {
  State half = states_[2];
  half[3]["p"] = "c";  // the one half of commit 3
  EXPECT_FALSE(Accepts(At(31, kKill), 2, half));
  EXPECT_FALSE(Accepts(At(31, kKill), 3, half));
  half = states_[2];
  half[0].erase(U64Key(1));  // the other
  EXPECT_FALSE(Accepts(At(31, kKill), 2, half));
  EXPECT_FALSE(Accepts(At(31, kKill), 3, half));
}

TEST_F(HistoryTest, RejectsOneStaleReadOneRowTooManyOneTooFew) {
  State stale = states_[2];
  stale[1]["k"] = "a2";
  EXPECT_FALSE(Accepts(At(31, kKill), 2, stale));
  State more = states_[2];
  more[3]["x"] = "";
  EXPECT_FALSE(Accepts(At(31, kKill), 2, more));
  State fewer = states_[2];
  fewer[2].clear();
  EXPECT_FALSE(Accepts(At(31, kKill), 2, fewer));
}

TEST_F(HistoryTest, RejectsWhatAReaderSawAndAPowerCutTook) {
  history_.Survives(28, 2, Lasts::kPowerCut);  // seen, in kSync
  EXPECT_TRUE(Accepts(At(27, kPowerCut), 1, states_[1]));
  EXPECT_FALSE(Accepts(At(28, kPowerCut), 1, states_[1]));
}

TEST_F(HistoryTest, ARefusedCommitIsNeverThere) {
  history_.Refused(35);
  EXPECT_TRUE(Accepts(At(34, kKill), 3, states_[3]));
  EXPECT_FALSE(Accepts(At(35, kKill), 3, states_[3]));
  EXPECT_EQ(history_.sequence(), 2u);
  // Its sequence is the next one's.
  EXPECT_EQ(history_.Issue(40, {{0, true, U64Key(9), "d"}}), 3u);
  EXPECT_FALSE(Accepts(At(41, kKill), 3, states_[3]));
  EXPECT_TRUE(Accepts(At(41, kKill), 3, history_.state()));
}

TEST_F(HistoryTest, AnUnknownCommitMayBeThereUntilAResume) {
  history_.Unknown();
  EXPECT_EQ(history_.sequence(), 2u);
  EXPECT_TRUE(Accepts(At(50, kKill), 3, states_[3]));
  history_.Resumed(40, 50, 3);
  EXPECT_TRUE(Accepts(At(49, kKill), 3, states_[3]));
  EXPECT_TRUE(Accepts(At(49, kKill), 3, states_[2]));  // its sequence is taken, by nothing
  EXPECT_FALSE(Accepts(At(40, kKill), 3, states_[2]));
  EXPECT_FALSE(Accepts(At(50, kKill), 3, states_[3]));
  EXPECT_TRUE(Accepts(At(50, kPowerCut), 3, states_[2]));
  EXPECT_FALSE(Accepts(At(50, kPowerCut), 2, states_[2]));
}

TEST_F(HistoryTest, ADropTakesTheKeyspaceAndMakesWhatWasBeforeItDurable) {
  history_.Dropping(40, 2);
  State without = states_[3];
  without[2].clear();
  constexpr std::uint32_t kLeft = kAllSpaces & ~4u;
  EXPECT_FALSE(Accepts(At(40, kKill), 3, without, kLeft));
  EXPECT_TRUE(Accepts(At(41, kKill), 3, without, kLeft));
  EXPECT_TRUE(Accepts(At(41, kKill), 3, states_[3]));
  EXPECT_FALSE(Accepts(At(41, kPowerCut), 2, without, kLeft));  // the drop got ahead of the log
  history_.Dropped(50, 2);
  EXPECT_TRUE(Accepts(At(50, kPowerCut), 3, without, kLeft));
  EXPECT_FALSE(Accepts(At(50, kPowerCut), 3, without, kAllSpaces));
  EXPECT_FALSE(Accepts(At(50, kPowerCut), 3, states_[3], kLeft));
  EXPECT_FALSE(Accepts(At(50, kPowerCut), 2, without, kLeft));
}

TEST_F(HistoryTest, AKeyspaceThatWasMadeIsThere) {
  EXPECT_FALSE(Accepts(At(31, kPowerCut), 2, states_[2], kAllSpaces & ~8u));
  EXPECT_TRUE(Accepts(At(3, kPowerCut), 0, states_[0], 7));
  EXPECT_FALSE(Accepts(At(3, kPowerCut), 0, states_[0], 3));
  EXPECT_FALSE(Accepts(At(3, kPowerCut), 0, states_[0], kAllSpaces));
}

TEST_F(HistoryTest, AfterAKillAPowerCutMayTakeWhatWasNeverSyncedUntilOpenReturned) {
  history_.Survives(31, 1, Lasts::kPowerCut);
  const Contents found{3, states_[3], kAllSpaces};
  history_ = history_.After(At(31, kKill), found);
  for (Sequence p = 1; p <= 3; ++p) EXPECT_TRUE(Accepts(At(7, kPowerCut), p, states_[p])) << p;
  EXPECT_FALSE(Accepts(At(7, kPowerCut), 0, states_[0]));
  EXPECT_FALSE(Accepts(At(7, kKill), 2, states_[2]));
  history_.Opened(8);
  EXPECT_TRUE(Accepts(At(8, kPowerCut), 3, states_[3]));
  EXPECT_FALSE(Accepts(At(8, kPowerCut), 2, states_[2]));
  EXPECT_EQ(history_.Issue(9, {{0, true, U64Key(9), "d"}}), 4u);
}

TEST_F(HistoryTest, AfterAPowerCutNothingMoreIsTaken) {
  history_ = history_.After(At(31, kPowerCut), {1, states_[1], kAllSpaces});
  EXPECT_TRUE(Accepts(At(7, kPowerCut), 1, states_[1]));
  EXPECT_FALSE(Accepts(At(7, kPowerCut), 0, states_[0]));
  EXPECT_FALSE(Accepts(At(7, kPowerCut), 2, states_[2]));
}

}  // namespace
}  // namespace kyro::db
