// SPDX-License-Identifier: Apache-2.0
//
// A flush that Close stops, at each moment in it. What it is for otherwise, and what its failures
// do, is tested through the Db.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "upkeep/installer_world.h"
#include "upkeep/upkeep.h"

namespace kyro::upkeep {
namespace {

using support::FsOp;
using support::FsOps;

class FlushTest : public InstallerWorld {
 protected:
  FlushTest() {
    options_.on_event = [this](const Event& event) { events_.push_back(event); };
    upkeep_ = std::make_unique<Upkeep>(env_.EnvOver(&faults_), directory_.get(), options_,
                                       installer_.get(), &states_);
    flush_queue_ = *env_.executor().NewQueue("flush");
    maintenance_queue_ = *env_.executor().NewQueue("upkeep");
    upkeep_->Start(flush_queue_.get(), maintenance_queue_.get());
  }

  // One row, in a frozen generation that waits for its flush.
  void FreezeOneRow() {
    delta::Delta<U64>* rows = *active().Ensure<U64>(1);
    ASSERT_TRUE(rows->Reserve(delta::Delta<U64>::OpBytes(8, 1)).ok());
    rows->Put(7, 1, "x");
    FreezeActive(1);
    durable_ = 1;
  }
  // Runs the flush; at its call number `nth` that changes the file system Close stops upkeep.
  // Returns how many such calls there were.
  std::uint64_t FlushStoppedAt(std::uint64_t nth) {
    std::uint64_t calls = 0;
    faults_.Watch(FsOps::Changes(), [&](FsOp, std::string_view) {
      if (++calls == nth) upkeep_->Stop();
    });
    upkeep_->FlushSoon();
    EXPECT_TRUE(env_.executor().RunOne("flush"));
    faults_.Watch(FsOps{}, nullptr);
    return calls;
  }

  UpkeepOptions options_;
  std::vector<Event> events_;
  std::unique_ptr<Upkeep> upkeep_;
  std::unique_ptr<io::JobQueue> flush_queue_, maintenance_queue_;  // stopped first
};

TEST_F(FlushTest, AGenerationBecomesARun) {
  FreezeOneRow();
  EXPECT_GT(FlushStoppedAt(0), 10u);
  EXPECT_EQ(upkeep_->counters().flushes, 1u);
  EXPECT_EQ(states_.Pin()->generation_count, 1u);
  EXPECT_EQ(OnDisk().keyspaces[0].runs.size(), 1u);
  EXPECT_EQ(events_.size(), 1u);
}

class StoppedFlushTest : public FlushTest, public testing::WithParamInterface<std::uint64_t> {};

// Close would report what it asked for as a background error; it did, now and then, under load.
TEST_P(StoppedFlushTest, IsNoFailureAndLeavesTheGenerationOrTheWholeRun) {
  FreezeOneRow();
  FlushStoppedAt(GetParam());
  EXPECT_EQ(upkeep_->last_error().code(), StatusCode::kOk) << upkeep_->last_error().ToString();
  EXPECT_TRUE(upkeep_->flush_error().ok());
  EXPECT_EQ(upkeep_->counters().failures, 0u);
  for (const Event& event : events_) EXPECT_TRUE(event.status.ok()) << event.status.ToString();
  const bool flushed = upkeep_->counters().flushes == 1;
  EXPECT_EQ(states_.Pin()->generation_count, flushed ? 1u : 2u);
  EXPECT_EQ(OnDisk().keyspaces[0].runs.size(), flushed ? 1u : 0u);
  // Nothing is left of a stopped one, and nothing posted.
  if (!flushed) {
    EXPECT_EQ(env_.fs().ListNames("/db"), std::vector<std::string>{"MANIFEST"});
  }
  EXPECT_EQ(env_.executor().pending("flush"), 0u);
}

INSTANTIATE_TEST_SUITE_P(AtEachCall, StoppedFlushTest, testing::Range<std::uint64_t>(1, 25));

}  // namespace
}  // namespace kyro::upkeep
