// SPDX-License-Identifier: Apache-2.0
//
// A writer's life on a disk that dies at every event, and comes back with anything that it may come
// back with. What was acknowledged is there; what is there was written, in order, nothing between.
#include <gtest/gtest.h>

#include <string>

#include "wal/log_fixture.h"

namespace kyro::wal {
namespace {

using support::CrashKind;
using support::Unsynced;

// What was promised once `event` events had happened.
struct Promise {
  std::uint64_t event = 0;
  std::size_t written = 0;  // batches whose write had returned: a kill keeps them
  std::size_t synced = 0;   // batches whose sync had returned: a power cut keeps them
  ChainStart start;         // the manifest, as far as the log goes
};

// Files of 4 KiB, groups synced or not, marks, rotations, a failed write with its cut, a close.
class Life {
 public:
  explicit Life(std::uint64_t seed) : log(seed) {
    log.writer = log.Make(number_++);
    // The link is durable before the manifest names the file.
    EXPECT_TRUE(log.writer->AppendLink(log.Info(), Link{}).ok());
    EXPECT_TRUE(log.writer->Sync().ok());
    log.start.floor = log.start.newest = log.writer->id();
    Note();
    for (int i = 0; i < 40; ++i) Step(i);
    EXPECT_TRUE(log.writer->Sync().ok());
    synced_ = log.written.size();
    Note();
    EXPECT_TRUE(log.writer->AppendSeal(log.Info(), FileId{}).ok());
    EXPECT_TRUE(log.writer->TruncateToLength().ok());
  }

  Log log;
  std::vector<Promise> promises;

 private:
  void Note() {
    promises.push_back({log.fs->event_count(), log.written.size(), synced_, log.start});
  }

  void Step(int i) {
    const std::uint64_t what = log.random->Below(12);
    if (what == 0) {
      log.Mark();
    } else if (what == 1) {
      Fail();
    } else if (what == 2 || log.writer->length() + 2048 > log.writer->file_bytes()) {
      log.Rotate(number_++);
      synced_ = log.written.size();
    } else {
      std::vector<std::string> group;
      for (std::uint64_t n = log.random->Between(1, 3); n > 0; --n) {
        group.push_back(fmt::format("{}.{} ", i, n) + log.random->String(log.random->Below(900)));
      }
      EXPECT_TRUE(log.Group(group).ok());
    }
    Note();
    if (!log.random->OneIn(2)) return;
    EXPECT_TRUE(log.writer->Sync().ok());
    synced_ = log.written.size();
    // Rule W: the manifest never knows of more than what was synced.
    if (log.random->OneIn(3)) log.start.last_sequence = log.last;
    Note();
  }

  // The disk fills up in the middle of a record, which is void; the log goes on in another file.
  void Fail() {
    const std::size_t written = log.written.size();
    const Sequence last = log.last;
    log.fs->SetFreeBytes(1024);
    EXPECT_FALSE(log.Group({log.random->String(8000)}).ok());
    log.fs->SetFreeBytes(std::uint64_t{1} << 40);
    EXPECT_EQ(log.written.size(), written);
    EXPECT_EQ(log.last, last);
    log.CutOver(number_++);
    synced_ = written;
  }

  std::uint64_t number_ = 1;
  std::size_t synced_ = 0;
};

void ExpectKept(const Log& log, const Promise& promise, const std::vector<std::string>& written,
                std::size_t at_least) {
  Log after(1, log.fs->Copy());
  after.start = promise.start;
  const auto batches = after.Read();
  ASSERT_TRUE(batches.ok()) << batches.status().ToString();
  ASSERT_GE(batches->size(), at_least);
  ASSERT_LE(batches->size(), written.size());
  EXPECT_TRUE(std::equal(batches->begin(), batches->end(), written.begin()));
}

void CrashEverywhere(std::uint64_t seed) {
  SCOPED_TRACE(fmt::format("life {}", seed));
  const Life life(seed);
  std::size_t known = 0;
  for (std::uint64_t event = life.promises[0].event; event <= life.log.fs->event_count(); ++event) {
    while (known + 1 < life.promises.size() && life.promises[known + 1].event <= event) ++known;
    const Promise& promise = life.promises[known];
    SCOPED_TRACE("before " + (event < life.log.fs->event_count() ? life.log.fs->Describe(event)
                                                                 : std::string("the end")));
    const auto crash = [&](CrashKind kind, std::uint64_t crash_seed, Unsynced unsynced,
                           std::size_t at_least) {
      SCOPED_TRACE(fmt::format("crash {} seed {} {}", static_cast<int>(kind), crash_seed,
                               UnsyncedName(unsynced)));
      const Log image(1, life.log.fs->CrashImage(kind, event, crash_seed, unsynced));
      ExpectKept(image, promise, life.log.written, at_least);
    };
    crash(CrashKind::kKill, 0, Unsynced::kSeeded, promise.written);
    crash(CrashKind::kKillTorn, seed * 1000 + event, Unsynced::kSeeded, promise.written);
    for (const Unsynced unsynced : support::kUnsyncedCorners) {
      crash(CrashKind::kPowerCut, 0, unsynced, promise.synced);
    }
    for (std::uint64_t n = 0; n < 6; ++n) {
      crash(CrashKind::kPowerCut, event * 100 + n, Unsynced::kSeeded, promise.synced);
    }
    if (testing::Test::HasFailure()) return;
  }
}

TEST(WalCrash, WhatWasAcknowledgedSurvivesACrashAtEveryEvent) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    CrashEverywhere(seed);
    if (HasFailure()) return;
  }
}

// A failed fdatasync leaves pages that read well and are not on the disk. What is read after a kill
// may be gone after the power cut that follows, but never what was synced before.
TEST(WalCrash, AFailedSyncCostsNothingThatWasSyncedBefore) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Log log(seed + 1);
    log.Begin(1);
    log.Synced({"a", "b"});
    const std::size_t synced = log.written.size();
    ASSERT_TRUE(log.Group({log.random->String(700)}).ok());
    log.fs->FailSync(1);
    ASSERT_FALSE(log.writer->Sync().ok());
    const Promise promise{0, log.written.size(), synced, log.start};
    const Log killed(1, log.fs->CrashImage(CrashKind::kKill, log.fs->event_count()));
    ExpectKept(killed, promise, log.written, log.written.size());
    const Log cut(1, killed.fs->CrashImage(CrashKind::kPowerCut, killed.fs->event_count(), seed));
    ExpectKept(cut, promise, log.written, synced);
  }
}

}  // namespace
}  // namespace kyro::wal
