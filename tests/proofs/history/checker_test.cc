// SPDX-License-Identifier: Apache-2.0
//
// The checkers of proof_history against histories whose verdict is known. Stamps are written out:
// P(0, b, e, ...) is what thread 0 did from b to e.
#include "proofs/history/checker.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace kyro::proofs {
namespace {

const Cell kX{0, "x"};
const Cell kY{1, "y"};

class Maker {
 public:
  explicit Maker(Content start = {}, Sequence base = 10) {
    history_.base = base;
    history_.start = std::move(start);
    history_.threads.resize(4);
  }
  Maker& Sparse() {
    history_.dense = false;
    return *this;
  }
  Maker& W(std::size_t thread, Stamp begin, Stamp end, Sequence sequence,
           std::vector<Change> changes) {
    return Add(thread, {Op::Kind::kCommit, begin, end, sequence, std::move(changes), {}});
  }
  Maker& Put(std::size_t thread, Stamp begin, Stamp end, Cell cell, std::string value) {
    return W(thread, begin, end, 0, {{std::move(cell), std::move(value)}});
  }
  Maker& Delete(std::size_t thread, Stamp begin, Stamp end, Cell cell) {
    return W(thread, begin, end, 0, {{std::move(cell), {}}});
  }
  Maker& Get(std::size_t thread, Stamp begin, Stamp end, Cell cell, Value value) {
    return Add(thread, {Op::Kind::kGet, begin, end, 0, {}, {Seen::Lookup(cell, value)}});
  }
  Maker& View(std::size_t thread, Stamp begin, Stamp end, Sequence sequence,
              std::vector<Seen> seen) {
    return Add(thread, {Op::Kind::kView, begin, end, sequence, {}, std::move(seen)});
  }
  operator const History&() const { return history_; }  // NOLINT: implicit by intent

 private:
  Maker& Add(std::size_t thread, Op op) {
    history_.threads[thread].push_back(std::move(op));
    return *this;
  }
  History history_;
};

Seen Of(const Cell& cell, Value value) {
  return Seen::Lookup(cell, std::move(value));
}
Seen Whole(std::size_t space, std::vector<std::pair<std::string, std::string>> rows) {
  Seen seen;
  seen.lo.space = space;
  seen.rows = std::move(rows);
  return seen;
}

enum class Sees : std::uint8_t { kBoth, kOrderOnly };  // which checkers must reject

void ExpectRejected(const History& history, Sees sees = Sees::kBoth) {
  EXPECT_FALSE(CheckOrder(history).accepted());
  EXPECT_EQ(CheckKeys(history).accepted(), sees == Sees::kOrderOnly) << CheckKeys(history).why;
}

void ExpectAccepted(const History& history) {
  EXPECT_EQ(CheckKeys(history).why, "");
  EXPECT_EQ(CheckOrder(history).why, "");
}

// ---------------------------------------------------------------------------------- rejected

TEST(RejectedHistory, StaleRead) {
  ExpectRejected(Maker({{kX, "old"}}).W(0, 1, 2, 11, {{kX, "new"}}).Get(1, 3, 4, kX, "old"));
}

TEST(RejectedHistory, StaleReadOfAnUnnumberedPut) {
  ExpectRejected(Maker({{kX, "old"}}).Put(0, 1, 2, kX, "new").Get(1, 3, 4, kX, "old"));
}

TEST(RejectedHistory, AbsentAfterAnAcknowledgedPut) {
  ExpectRejected(Maker().W(0, 1, 2, 11, {{kX, "a"}}).Get(1, 3, 4, kX, {}));
}

TEST(RejectedHistory, PresentAfterAnAcknowledgedDelete) {
  ExpectRejected(Maker({{kX, "a"}}).Delete(0, 1, 2, kX).Get(1, 3, 4, kX, "a"));
}

TEST(RejectedHistory, PhantomValue) {
  ExpectRejected(Maker({{kX, "a"}}).W(0, 1, 6, 11, {{kX, "b"}}).Get(1, 2, 3, kX, "never written"));
}

TEST(RejectedHistory, PhantomRowInAScan) {
  ExpectRejected(Maker().View(0, 1, 2, 10, {Whole(0, {{"ghost", "boo"}})}));
}

TEST(RejectedHistory, ARowThatNobodyWritesIsMissingFromAScan) {
  ExpectRejected(Maker({{kX, "row"}}).View(0, 1, 2, 10, {Whole(0, {})}));
}

TEST(RejectedHistory, FutureRead) {
  ExpectRejected(Maker().Get(1, 1, 2, kX, "a").W(0, 3, 4, 11, {{kX, "a"}}));
}

TEST(RejectedHistory, NewThenOldInOneThread) {
  ExpectRejected(Maker({{kX, "old"}})
                     .W(0, 1, 10, 11, {{kX, "new"}})
                     .Get(1, 2, 3, kX, "new")
                     .Get(1, 4, 5, kX, "old"));
}

TEST(RejectedHistory, NewThenOldInTwoThreads) {
  ExpectRejected(Maker({{kX, "old"}})
                     .W(0, 1, 10, 11, {{kX, "new"}})
                     .Get(1, 2, 3, kX, "new")
                     .Get(2, 4, 5, kX, "old"));
}

TEST(RejectedHistory, LostUpdate) {  // both were acknowledged, yet the first one stands again
  ExpectRejected(Maker()
                     .Put(0, 1, 2, kX, "a")
                     .Put(1, 3, 4, kX, "b")
                     .Get(2, 5, 6, kX, "b")
                     .Get(2, 7, 8, kX, "a"));
}

TEST(RejectedHistory, TwoReadersDisagreeOnTheOrderOfTwoWrites) {
  ExpectRejected(Maker()
                     .Put(0, 1, 20, kX, "a")
                     .Put(1, 2, 19, kX, "b")
                     .Get(2, 3, 4, kX, "a")
                     .Get(2, 7, 8, kX, "b")
                     .Get(3, 5, 6, kX, "b")
                     .Get(3, 9, 10, kX, "a"));
}

TEST(RejectedHistory, HalfABatchByGets) {
  ExpectRejected(Maker({{kX, "x0"}, {kY, "y0"}})
                     .W(0, 1, 10, 11, {{kX, "x1"}, {kY, "y1"}})
                     .Get(1, 2, 3, kX, "x1")
                     .Get(1, 4, 5, kY, "y0"),
                 Sees::kOrderOnly);
}

TEST(RejectedHistory, HalfABatchInAView) {
  ExpectRejected(Maker({{kX, "x0"}, {kY, "y0"}})
                     .W(0, 1, 10, 11, {{kX, "x1"}, {kY, "y1"}})
                     .View(1, 2, 3, 11, {Of(kX, "x1"), Of(kY, "y0")}),
                 Sees::kOrderOnly);
}

TEST(RejectedHistory, ATornSnapshotOfTwoKeys) {  // y's write came after x's, and only y's is seen
  ExpectRejected(Maker({{kX, "x0"}, {kY, "y0"}})
                     .W(0, 1, 2, 11, {{kX, "x1"}})
                     .W(0, 3, 8, 12, {{kY, "y1"}})
                     .View(1, 4, 5, 12, {Of(kX, "x0"), Of(kY, "y1")}));
}

TEST(RejectedHistory, ATornSnapshotThatNoKeyAloneShows) {
  ExpectRejected(Maker({{kX, "x0"}, {kY, "y0"}})
                     .W(0, 1, 8, 11, {{kX, "x1"}})
                     .W(2, 2, 9, 12, {{kY, "y1"}})
                     .View(1, 4, 5, 12, {Of(kX, "x0"), Of(kY, "y1")}),
                 Sees::kOrderOnly);
}

TEST(RejectedHistory, OneViewShowsTwoValuesOfOneKey) {
  ExpectRejected(Maker({{kX, "old"}})
                     .W(0, 1, 10, 11, {{kX, "new"}})
                     .View(1, 2, 3, 10, {Of(kX, "old"), Of(kX, "new")}),
                 Sees::kOrderOnly);
}

TEST(RejectedHistory, AViewWithoutAnAcknowledgedCommit) {
  ExpectRejected(Maker().W(0, 1, 2, 11, {{kX, "a"}}).View(1, 3, 4, 10, {}), Sees::kOrderOnly);
}

TEST(RejectedHistory, AViewAheadOfTheCommitsThatBegan) {
  ExpectRejected(Maker().View(1, 1, 2, 11, {}).W(0, 3, 4, 11, {{kX, "a"}}), Sees::kOrderOnly);
}

TEST(RejectedHistory, AViewWhoseContentIsNewerThanItsSequence) {
  ExpectRejected(
      Maker({{kX, "old"}}).W(0, 1, 10, 11, {{kX, "new"}}).View(1, 2, 3, 10, {Of(kX, "new")}),
      Sees::kOrderOnly);
}

TEST(RejectedHistory, ViewsOfOneThreadGoBackwards) {
  ExpectRejected(Maker().W(0, 1, 10, 11, {{kX, "a"}}).View(1, 2, 3, 11, {}).View(1, 4, 5, 10, {}),
                 Sees::kOrderOnly);
}

TEST(RejectedHistory, SequencesAgainstRealTime) {  // the later commit has the smaller number
  ExpectRejected(Maker().W(0, 1, 2, 12, {{kX, "a"}}).W(1, 3, 4, 11, {{kX, "b"}}), Sees::kOrderOnly);
}

TEST(RejectedHistory, SequencesAgainstWhatReadersSee) {
  ExpectRejected(Maker()
                     .W(0, 1, 20, 11, {{kX, "a"}})
                     .W(1, 2, 19, 12, {{kX, "b"}})
                     .Get(2, 3, 4, kX, "b")
                     .Get(2, 5, 6, kX, "a"),
                 Sees::kOrderOnly);
}

TEST(RejectedHistory, OneSequenceForTwoCommits) {
  ExpectRejected(Maker().W(0, 1, 2, 11, {{kX, "a"}}).W(1, 3, 4, 11, {{kX, "b"}}), Sees::kOrderOnly);
}

TEST(RejectedHistory, ASequenceThatNoCommitAccountsFor) {
  ExpectRejected(Maker().W(0, 1, 2, 12, {{kX, "a"}}), Sees::kOrderOnly);
}

TEST(RejectedHistory, ADeletedRowComesBackInAScan) {
  ExpectRejected(
      Maker({{kX, "a"}}).W(0, 1, 2, 11, {{kX, {}}}).View(1, 3, 4, 11, {Whole(0, {{"x", "a"}})}));
}

TEST(RejectedHistory, AScanLeavesOutARowBehindItsLastOne) {
  const Cell a{0, "a"};
  ExpectRejected(
      Maker({{a, "1"}}).W(0, 1, 2, 11, {{kX, "2"}}).View(1, 3, 4, 11, {Whole(0, {{"a", "1"}})}));
}

TEST(RejectedHistory, AnUnknownOutcomeThatAReaderSaw) {  // not in the history: it was not applied
  ExpectRejected(Maker().Sparse().W(0, 1, 2, 11, {{kX, "a"}}).Get(1, 3, 4, kX, "unsynced"));
}

TEST(RejectedHistory, AnUnnumberedPutInTheOneGapThatItCannotTake) {
  // 11 was acknowledged before the put began, 13 began after it ended; but 12 is taken.
  ExpectRejected(Maker()
                     .W(0, 1, 2, 11, {{kX, "a"}})
                     .Put(1, 3, 4, kY, "b")
                     .W(0, 5, 6, 12, {{kX, "c"}})
                     .View(2, 7, 8, 12, {Of(kY, {})}));
}

// ---------------------------------------------------------------------------------- accepted

TEST(AcceptedHistory, Empty) {
  ExpectAccepted(Maker());
}

TEST(AcceptedHistory, AReadDuringAWriteSeesEither) {
  ExpectAccepted(Maker({{kX, "old"}})
                     .W(0, 1, 10, 11, {{kX, "new"}})
                     .Get(1, 2, 3, kX, "old")
                     .Get(1, 4, 5, kX, "new"));
}

TEST(AcceptedHistory, AnOldReadThatBeganBeforeTheWriteEnded) {
  ExpectAccepted(Maker({{kX, "old"}})
                     .Get(1, 1, 9, kX, "old")
                     .W(0, 2, 3, 11, {{kX, "new"}})
                     .Get(2, 4, 5, kX, "new"));
}

TEST(AcceptedHistory, OverlappingWritesInTheOrderThatReadersSaw) {
  ExpectAccepted(Maker()
                     .Put(0, 1, 20, kX, "a")
                     .Put(1, 2, 19, kX, "b")
                     .Get(2, 3, 4, kX, "b")
                     .Get(3, 5, 6, kX, "a"));
}

TEST(AcceptedHistory, AbsentPresentAbsentWithinOverlappingPutAndDelete) {
  ExpectAccepted(Maker()
                     .Put(0, 1, 20, kX, "a")
                     .Delete(1, 2, 19, kX)
                     .Get(2, 3, 4, kX, {})
                     .Get(2, 5, 6, kX, "a")
                     .Get(2, 7, 8, kX, {}));
}

TEST(AcceptedHistory, ABatchIsSeenWholeByLaterViews) {
  ExpectAccepted(Maker({{kX, "x0"}})
                     .W(0, 1, 10, 11, {{kX, "x1"}, {kY, "y1"}})
                     .View(1, 2, 3, 10, {Of(kX, "x0"), Of(kY, {}), Whole(1, {})})
                     .View(1, 4, 5, 11, {Of(kX, "x1"), Whole(1, {{"y", "y1"}})}));
}

TEST(AcceptedHistory, AViewShowsItsSequenceHoweverLateItIsRead) {
  ExpectAccepted(Maker({{kX, "x0"}})
                     .View(1, 1, 2, 10, {Of(kX, "x0"), Of(kX, "x0")})
                     .W(0, 3, 4, 11, {{kX, "x1"}}));
}

TEST(AcceptedHistory, TheLastOperationOfABatchOnAKeyWins) {
  ExpectAccepted(Maker().W(0, 1, 2, 11, {{kX, "a"}, {kX, {}}, {kX, "b"}}).Get(1, 3, 4, kX, "b"));
}

TEST(AcceptedHistory, UnnumberedPutsFillTheGaps) {
  ExpectAccepted(Maker()
                     .Put(0, 1, 10, kX, "a")
                     .W(1, 2, 3, 12, {{kX, "b"}})
                     .Put(2, 4, 11, kY, "c")
                     .View(3, 12, 13, 13, {Of(kX, "b"), Of(kY, "c")}));
}

TEST(AcceptedHistory, UnnumberedPutsWhoseOrderOnlyALateViewTells) {
  // Both orders of the first two are possible until the view at 12 shows that the second came last.
  ExpectAccepted(Maker()
                     .Put(0, 1, 10, kX, "a")
                     .Put(1, 2, 9, kX, "b")
                     .W(2, 3, 30, 13, {{kY, "c"}})
                     .View(3, 11, 12, 12, {Of(kX, "a"), Of(kY, {})}));
}

TEST(AcceptedHistory, NumbersMayBeSkippedAfterAFailedSync) {
  ExpectAccepted(Maker()
                     .Sparse()
                     .W(0, 1, 2, 11, {{kX, "a"}})
                     .View(1, 3, 4, 15, {Of(kX, "a")})
                     .W(0, 5, 6, 19, {{kX, "b"}})
                     .Get(1, 7, 8, kX, "b"));
}

TEST(AcceptedHistory, ManyConcurrentWritesOfOneKey) {
  Maker maker;
  for (std::uint64_t i = 0; i < 40; ++i) {
    for (std::size_t t = 0; t < 3; ++t) {
      const Stamp begin = 1 + i * 10 + t;
      maker.Put(t, begin, begin + 5, kX, std::to_string(i * 3 + t));
    }
  }
  ExpectAccepted(maker.Get(3, 1000, 1001, kX, "118"));
  ExpectRejected(maker.Get(3, 1002, 1003, kX, "116"));
}

TEST(Overlap, IsCountedByOperation) {
  const History history =
      Maker().Get(0, 1, 4, kX, {}).Get(1, 2, 3, kX, {}).Get(0, 5, 6, kX, {}).Get(1, 7, 8, kX, {});
  EXPECT_EQ(Operations(history), 4u);
  EXPECT_EQ(Overlapping(history), 2u);
}

TEST(CheckOrder, ReturnsTheCommitsInTheirOrder) {
  Maker maker;  // the verdict's order points into its history
  const Verdict verdict =
      CheckOrder(maker.Put(0, 1, 10, kX, "a").W(1, 2, 3, 12, {{kX, "b"}}).Put(0, 11, 12, kX, "c"));
  ASSERT_EQ(verdict.why, "");
  ASSERT_EQ(verdict.order.size(), 3u);
  EXPECT_EQ(verdict.order[0].first, 11u);
  EXPECT_EQ(*verdict.order[0].second->changes[0].value, "a");
  EXPECT_EQ(verdict.order[1].first, 12u);
  EXPECT_EQ(*verdict.order[2].second->changes[0].value, "c");
}

}  // namespace
}  // namespace kyro::proofs
