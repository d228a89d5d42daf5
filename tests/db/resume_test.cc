// SPDX-License-Identifier: Apache-2.0
//
// Resume: writing again after an I/O error, without reopening and without a lie about any write.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "db/model.h"
#include "support/fault_fs.h"

namespace kyro::db {
namespace {

using support::CrashKind;
using support::FaultFs;
using support::FsOp;
using support::FsOps;
using support::NameEndsWith;
using support::TestEnv;

class ResumeTest : public testing::Test {
 protected:
  ResumeTest() : faults_(&world_.fs()), want_(FourSpaces().size()) {}

  void Open(const Options& options) {
    options_ = options;
    auto opened = OpenFour(options, world_.EnvOver(&faults_));
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    db_ = *std::move(opened);
  }
  Status Put(std::uint64_t key, const std::string& value, const WriteOptions& options = {}) {
    const Batch batch = {{0, true, U64Key(key), value},
                         {1, true, "k" + std::to_string(key), value}};
    const auto sequence = db_->Write(batch, options);
    if (!sequence.ok()) return sequence.status();
    Apply(batch, &want_);
    return Status::Ok();
  }
  void ExpectHolds(const char* where) {
    auto found = ReadAll(&db_->db);
    ASSERT_TRUE(found.ok()) << where;
    EXPECT_EQ(Difference(*found, want_), "") << where;
  }
  // In every crash of this moment the database holds exactly what was acknowledged.
  void ExpectSurvives(const char* where) {
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      const CrashKind kind = seed == 0 ? CrashKind::kKill : CrashKind::kPowerCut;
      auto crashed = world_.Crash(kind, world_.fs().event_count(), seed);
      auto again = OpenFour(options_, crashed->env());
      ASSERT_TRUE(again.ok()) << where << ": " << again.status().ToString();
      EXPECT_EQ(Difference(*ReadAll(&(*again)->db), want_), "") << where << ", seed " << seed;
      EXPECT_TRUE((*again)->db.Verify().ok()) << where;
      EXPECT_TRUE((*again)->spaces[0]->Put(U64Key(99), "goes on", {}).ok()) << where;
    }
  }

  TestEnv world_;
  FaultFs faults_;
  Options options_;
  State want_;
  std::unique_ptr<OpenDb> db_;
};

TEST_F(ResumeTest, AfterAFailedSyncWhatWasUnknownIsNeverCommitted) {
  Open(TinyOptions());
  for (std::uint64_t key = 0; key < 10; ++key) ASSERT_TRUE(Put(key, "before").ok());
  world_.fs().FailSync(1);
  EXPECT_EQ(Put(1, "unknown").code(), StatusCode::kUnknownOutcome);
  EXPECT_EQ(Put(2, "refused").code(), StatusCode::kReadOnly);
  const Sequence visible = db_->db.stats().visible;
  const Status resumed = db_->db.Resume();
  ASSERT_TRUE(resumed.ok()) << resumed.ToString();
  EXPECT_EQ(db_->db.stats().stall, StallReason::kNone);
  ExpectHolds("resumed");
  ExpectSurvives("resumed");
  // Sequences are never used again: the unknown group had the next one.
  EXPECT_EQ(db_->db.stats().visible, visible + 1);
  ASSERT_TRUE(Put(3, "after").ok());
  EXPECT_EQ(db_->db.stats().visible, visible + 2);
  ExpectHolds("written on");
  ExpectSurvives("written on");
  EXPECT_TRUE(db_->db.Close().ok());
  db_ = nullptr;
  Open(TinyOptions());
  ExpectHolds("reopened");
}

// In the weaker modes writes were visible that the failed sync did not make durable: Resume does.
TEST_F(ResumeTest, WhatWasVisibleIsDurableAfterwards) {
  Open(TinyOptions());
  for (std::uint64_t key = 0; key < 30; ++key) {
    ASSERT_TRUE(Put(key, "unsynced", {.durability = Durability::kOs}).ok());
  }
  world_.fs().FailSync(1);
  EXPECT_FALSE(db_->db.Sync().ok());
  ExpectHolds("failed");
  ASSERT_TRUE(db_->db.Resume().ok());
  EXPECT_EQ(db_->db.stats().durable, db_->db.stats().visible);
  ExpectHolds("resumed");
  ExpectSurvives("resumed");
}

TEST_F(ResumeTest, IsOkAtOnceWhenThereIsNothingToResumeFrom) {
  Open(TinyOptions());
  EXPECT_TRUE(db_->db.Resume().ok());
  ASSERT_TRUE(Put(1, "x").ok());
  EXPECT_TRUE(db_->db.Resume().ok());
  EXPECT_EQ(db_->db.stats().flushes, 0u);
  ASSERT_TRUE(Put(2, "y").ok());
  ExpectHolds("still");
}

TEST_F(ResumeTest, FailsAndMayBeTriedAgainWhileTheDiskFails) {
  Open(TinyOptions());
  for (std::uint64_t key = 0; key < 10; ++key) ASSERT_TRUE(Put(key, "before").ok());
  world_.fs().FailSync(1);
  EXPECT_EQ(Put(1, "unknown").code(), StatusCode::kUnknownOutcome);
  faults_.Inject({.ops = {FsOp::kCreate}, .name = NameEndsWith(".tmp"), .sticky = true});
  const Sequence visible = db_->db.stats().visible;
  EXPECT_FALSE(db_->db.Resume().ok());
  EXPECT_FALSE(db_->db.Resume().ok());
  // The unknown write's sequence is taken only once that is durable: until then a reopening may
  // give it to another commit.
  EXPECT_EQ(db_->db.stats().visible, visible);
  EXPECT_EQ(Put(4, "no").code(), StatusCode::kReadOnly);
  ExpectHolds("disk still fails");
  faults_.Clear();
  // Failed flushes are put off for a while; then one succeeds.
  world_.executor().Advance(std::chrono::seconds(1));
  const Status resumed = db_->db.Resume();
  ASSERT_TRUE(resumed.ok()) << resumed.ToString();
  ASSERT_TRUE(Put(4, "yes").ok());
  ExpectHolds("resumed");
  ExpectSurvives("resumed");
}

// Every call of a Resume fails once; whatever it says, nothing acknowledged is lost, the unknown
// write stays unapplied once a Resume said OK, and the next try succeeds or says why not.
TEST_F(ResumeTest, EveryFailureInIt) {
  std::uint64_t hit = 0;
  std::uint64_t failed = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    SCOPED_TRACE(nth);
    ASSERT_LT(nth, 400u);
    TestEnv world;
    FaultFs faults(&world.fs());
    auto db = *OpenFour(TinyOptions(), world.EnvOver(&faults));
    State want(FourSpaces().size());
    for (std::uint64_t key = 0; key < 6; ++key) {
      const Batch batch = {{0, true, U64Key(key), "v"}};
      ASSERT_TRUE(db->Write(batch).ok());
      Apply(batch, &want);
    }
    world.fs().FailSync(1);
    ASSERT_EQ(db->spaces[0]->Put(U64Key(1), "unknown", {}).code(), StatusCode::kUnknownOutcome);
    const auto fault = faults.Inject({.ops = FsOps::All(), .nth = nth});
    const Status first = db->db.Resume();
    if (faults.Hits(fault) == 0) break;
    faults.Clear();
    ++hit;
    failed += !first.ok();
    world.executor().Advance(std::chrono::seconds(1));
    const Status second = db->db.Resume();
    if (second.ok()) {
      EXPECT_TRUE(db->spaces[0]->Put(U64Key(7), "after", {}).ok());
      Apply({{0, true, U64Key(7), "after"}}, &want);
    } else {
      EXPECT_EQ(second.code(), StatusCode::kReadOnly) << second.ToString();  // in doubt
    }
    EXPECT_EQ(Difference(*ReadAll(&db->db), want), "");
    for (const CrashKind kind : {CrashKind::kKill, CrashKind::kPowerCut}) {
      auto crashed = world.Crash(kind, world.fs().event_count(), nth);
      auto again = OpenFour(TinyOptions(), crashed->env());
      ASSERT_TRUE(again.ok()) << again.status().ToString();
      State recovered = *ReadAll(&(*again)->db);
      // Without a Resume that said OK, a crash may show the unknown write.
      if (!second.ok() && recovered[0][U64Key(1)] == "unknown") recovered[0][U64Key(1)] = "v";
      EXPECT_EQ(Difference(recovered, want), "");
    }
  }
  EXPECT_GT(hit, 30u);  // most are flushes that are tried again at once
  EXPECT_GT(failed, 1u);
}

TEST_F(ResumeTest, AfterAnOpenWithoutSpaceItRecoversInPlace) {
  Open(TinyOptions());
  for (std::uint64_t key = 0; key < 60; ++key) ASSERT_TRUE(Put(key, "v").ok());
  auto crashed = world_.Crash(CrashKind::kKill, world_.fs().event_count());
  crashed->fs().SetFreeBytes(0);
  auto full = OpenFour(TinyOptions(), crashed->env());
  ASSERT_TRUE(full.ok());
  const auto view = *(*full)->db.OpenKeyspace<U64>(FourSpaces()[0].name)->view();
  EXPECT_EQ((*full)->db.Resume().code(), StatusCode::kNoSpace);
  EXPECT_EQ((*full)->spaces[0]->Put(U64Key(1), "x", {}).code(), StatusCode::kNoSpace);
  crashed->fs().SetFreeBytes(std::uint64_t{1} << 40);
  const Status resumed = (*full)->db.Resume();
  ASSERT_TRUE(resumed.ok()) << resumed.ToString();
  EXPECT_EQ(Difference(*ReadAll(&(*full)->db), want_), "");
  EXPECT_EQ((*full)->db.stats().stall, StallReason::kNone);
  ASSERT_TRUE((*full)->spaces[0]->Put(U64Key(1), "x", {}).ok());
  EXPECT_EQ(view.Get(1).value(), "v");
  Apply({{0, true, U64Key(1), "x"}}, &want_);
  ASSERT_TRUE((*full)->db.Fold().ok());
  EXPECT_TRUE((*full)->db.Close().ok());
  *full = nullptr;
  auto again = OpenFour(TinyOptions(), crashed->env());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(Difference(*ReadAll(&(*again)->db), want_), "");
}

// The same with a failure in every call of the Resume that recovers: whatever it says, the next one
// goes on from there.
TEST_F(ResumeTest, EveryFailureInARecoveryThatWasPutOff) {
  Open(TinyOptions());
  for (std::uint64_t key = 0; key < 60; ++key) ASSERT_TRUE(Put(key, "v").ok());
  std::uint64_t failed = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    SCOPED_TRACE(nth);
    ASSERT_LT(nth, 400u);
    auto crashed = world_.Crash(CrashKind::kKill, world_.fs().event_count(), nth);
    FaultFs faults(&crashed->fs());
    crashed->fs().SetFreeBytes(0);
    auto full = OpenFour(TinyOptions(), crashed->EnvOver(&faults));
    ASSERT_TRUE(full.ok());
    crashed->fs().SetFreeBytes(std::uint64_t{1} << 40);
    const auto fault = faults.Inject({.ops = FsOps::All(), .nth = nth});
    const Status first = (*full)->db.Resume();
    const bool hit = faults.Hits(fault) != 0;
    faults.Clear();
    if (!hit) {
      EXPECT_TRUE(first.ok());
      break;
    }
    failed += !first.ok();
    const Status second = (*full)->db.Resume();
    if (second.ok()) {
      EXPECT_TRUE((*full)->spaces[0]->Put(U64Key(1), "v", {}).ok());
    } else {
      EXPECT_EQ(second.code(), StatusCode::kReadOnly) << second.ToString();  // in doubt
    }
    EXPECT_EQ(Difference(*ReadAll(&(*full)->db), want_), "");
    (void)(*full)->db.Close();
    *full = nullptr;
    auto again = OpenFour(TinyOptions(), crashed->env());
    ASSERT_TRUE(again.ok()) << again.status().ToString();
    EXPECT_EQ(Difference(*ReadAll(&(*again)->db), want_), "");
  }
  EXPECT_GT(failed, 20u);
}

TEST_F(ResumeTest, NothingHelpsButReopeningAfterAFailedDirectorySync) {
  Open(TinyOptions());
  ASSERT_TRUE(Put(1, "x").ok());
  faults_.Inject({.ops = {FsOp::kSyncDirectory}, .sticky = true});
  EXPECT_FALSE(db_->db.OpenKeyspace<U64>("new").ok());
  faults_.Clear();
  EXPECT_EQ(db_->db.Resume().code(), StatusCode::kReadOnly);
  (void)db_->db.Close();
  db_ = nullptr;
  Open(TinyOptions());
  ExpectHolds("reopened");
}

TEST_F(ResumeTest, AReadOnlyDatabaseStaysOne) {
  Open(TinyOptions());
  ASSERT_TRUE(db_->db.Close().ok());
  auto reader = Door::Open("/db", {.read_only = true}, world_.env());
  EXPECT_EQ(reader->Resume().code(), StatusCode::kReadOnly);
}

// Nothing was tried with the load: its outcome is known, unlike that of the write before it.
TEST_F(ResumeTest, ABulkLoadThatMeetsAFailedLogIsNotLoaded) {
  Open(TinyOptions());
  ASSERT_TRUE(Put(0, "before").ok());
  auto keyspace = db_->db.OpenKeyspace<U64>(FourSpaces()[0].name);
  ASSERT_TRUE(keyspace.ok());
  {
    auto loader = keyspace->NewBulkLoader();
    ASSERT_TRUE(loader.ok());
    ASSERT_TRUE(loader->Add(5, "loaded").ok());
    const auto wal = [](std::string_view name) { return name.find(".wal") != name.npos; };
    faults_.Inject({.ops = {FsOp::kSync}, .name = wal});
    ASSERT_EQ(db_->spaces[1]->Put("unknown", "x", {}).code(), StatusCode::kUnknownOutcome);
    EXPECT_EQ(loader->Finish().status().code(), StatusCode::kReadOnly);
  }
  ASSERT_TRUE(db_->db.Resume().ok());
  ExpectHolds("after Resume");
  ExpectSurvives("after Resume");
}

}  // namespace
}  // namespace kyro::db
