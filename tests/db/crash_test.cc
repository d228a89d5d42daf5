// SPDX-License-Identifier: Apache-2.0
//
// Crashes of the whole Db at every event of the file system: what is found afterwards is the commit
// order cut at one sequence (G3), with whole batches (G2), nothing acknowledged lost (G1), however
// often recovery itself dies (G4), and what Open returned stays (G5).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <functional>

#include "db/model.h"
#include "support/sanitized.h"

namespace kyro::db {
namespace {

using support::CrashKind;
using support::TestEnv;
using support::Unsynced;

// ---------------------------------------------------------------------------------- the oracle

// What happened, in commit order, and when. A moment is a number of events of the SimFs.
struct History {
  History() : states(1, State(FourSpaces().size())) {}

  // states[p] is what the database holds after p commits.
  std::vector<State> states;
  std::vector<std::uint64_t> issued;  // [i]: the moment before commit i + 1
  // (moment, p): from then on at least p commits survive a kill, or a power cut.
  std::vector<std::pair<std::uint64_t, Sequence>> killed, cut;

  void Issue(std::uint64_t moment, const Batch& batch) {
    issued.push_back(moment);
    states.push_back(states.back());
    Apply(batch, &states.back());
  }
};

struct Bounds {
  Sequence lo = 0, hi = 0;
};

Bounds BoundsAt(const History& history, std::uint64_t moment, bool power_cut) {
  Bounds bounds;
  for (const auto& [from, p] : power_cut ? history.cut : history.killed) {
    if (from <= moment) bounds.lo = std::max(bounds.lo, p);
  }
  bounds.hi =
      static_cast<Sequence>(std::count_if(history.issued.begin(), history.issued.end(),
                                          [&](std::uint64_t issued) { return issued < moment; }));
  return bounds;
}

// Why this is no state that a crash may leave; empty if it is one. `p` is the sequence that the
// recovered database says it is at.
std::string Verdict(const History& history, const Bounds& bounds, Sequence p, const State& found) {
  const std::string range =
      " (want " + std::to_string(bounds.lo) + " to " + std::to_string(bounds.hi) + ")";
  if (p < bounds.lo) return "lost: at " + std::to_string(p) + range;
  if (p > bounds.hi) return "from the future: at " + std::to_string(p) + range;
  const std::string difference = Difference(found, history.states[p]);
  return difference.empty() ? "" : "at " + std::to_string(p) + range + ": " + difference;
}

// An oracle that accepts a shifted history proves nothing.
TEST(CrashOracle, RejectsWhatNoCrashMayLeave) {
  History history;
  Batch batch = {{0, true, U64Key(1), "a1"}, {1, true, "k", "a2"}};
  history.Issue(10, batch);
  history.killed.emplace_back(15, 1);
  history.Issue(20, {{0, true, U64Key(1), "b"}, {1, true, "k", "b"}, {2, true, U64Key(7), "b"}});
  history.killed.emplace_back(25, 2);
  history.Issue(30, {{0, false, U64Key(1), ""}, {3, true, "p", "c"}});

  const Bounds bounds = BoundsAt(history, 31, false);
  ASSERT_EQ(bounds.lo, 2u);
  ASSERT_EQ(bounds.hi, 3u);
  EXPECT_EQ(BoundsAt(history, 30, false).hi, 2u);
  EXPECT_EQ(BoundsAt(history, 31, true).lo, 0u);
  EXPECT_EQ(Verdict(history, bounds, 2, history.states[2]), "");
  EXPECT_EQ(Verdict(history, bounds, 3, history.states[3]), "");
  // An acknowledged commit is missing.
  EXPECT_NE(Verdict(history, bounds, 1, history.states[1]), "");
  // A shifted prefix: the content of one sequence under the name of another.
  EXPECT_NE(Verdict(history, bounds, 2, history.states[3]), "");
  EXPECT_NE(Verdict(history, bounds, 3, history.states[2]), "");
  EXPECT_NE(Verdict(history, bounds, 4, history.states[3]), "");
  // Half a batch, in one keyspace and in the other.
  State half = history.states[2];
  half[3]["p"] = "c";
  EXPECT_NE(Verdict(history, bounds, 3, half), "");
  EXPECT_NE(Verdict(history, bounds, 2, half), "");
  half = history.states[2];
  half[0].erase(U64Key(1));
  EXPECT_NE(Verdict(history, bounds, 3, half), "");
  EXPECT_NE(Verdict(history, bounds, 2, half), "");
  // One stale value, one row too many, one too few.
  State stale = history.states[2];
  stale[1]["k"] = "a2";
  EXPECT_NE(Verdict(history, bounds, 2, stale), "");
  State more = history.states[2];
  more[3]["x"] = "";
  EXPECT_NE(Verdict(history, bounds, 2, more), "");
  State fewer = history.states[2];
  fewer[2].clear();
  EXPECT_NE(Verdict(history, bounds, 2, fewer), "");
}

// ---------------------------------------------------------------------------------- the workload

Options CrashOptions(Durability durability) {
  Options options = TinyOptions();
  options.delta_bytes = 4096;
  options.wal_file_bytes = 4096;
  options.batch_bytes_max = 16384;
  options.durability = durability;
  options.sync_interval = std::chrono::milliseconds(5);
  return options;
}

// Runs on a SimFs that keeps its journal; stops at the first write whose outcome is unknown.
class Workload {
 public:
  Workload(std::uint64_t seed, Durability durability)
      : world(seed), options_(CrashOptions(durability)), random_(seed) {}

  void Run(int steps) {
    auto opened = OpenFour(options_, world.env());
    if (!opened.ok()) return Note(opened.status());
    db_ = *std::move(opened);
    for (int i = 0; i < steps && failed.ok(); ++i) Step();
    if (failed.ok()) Close();
    db_ = nullptr;
  }

  TestEnv world;
  History history;
  Status failed;  // the first error
  std::uint64_t flushes = 0, merges = 0, rotations = 0, retrains = 0, closes = 0, loads = 0;

 private:
  std::uint64_t Moment() { return world.fs().event_count(); }
  void Note(const Status& status) {
    if (failed.ok()) failed = status;
  }

  Op AnyOp() {
    Op op;
    op.space = random_.Below(FourSpaces().size());
    op.put = !random_.OneIn(3);
    const std::uint64_t key = random_.Below(25);
    op.key = FourSpaces()[op.space].kind == KeyKind::kU64
                 ? U64Key(key == 0 ? ~std::uint64_t{0} : key * key * 977)
                 : "k" + std::to_string(key);
    if (op.put) {
      op.value = std::to_string(history.issued.size() + 1) + random_.String(random_.Below(60));
    }
    return op;
  }
  void Write() {
    Batch batch;
    const std::uint64_t count = random_.OneIn(3) ? 2 + random_.Below(6) : 1;
    for (std::uint64_t i = 0; i < count; ++i) batch.push_back(AnyOp());
    if (random_.OneIn(40) && batch[0].put) batch[0].value += random_.String(5000);
    history.Issue(Moment(), batch);
    const auto sequence = db_->Write(batch);
    if (!sequence.ok()) return Note(sequence.status());
    EXPECT_EQ(*sequence, history.issued.size());
    history.killed.emplace_back(Moment(), *sequence);
    if (options_.durability == Durability::kSync) history.cut.emplace_back(Moment(), *sequence);
    history.cut.emplace_back(Moment(), db_->db.stats().durable);
  }
  void Step() {
    const std::uint64_t dice = random_.Below(100);
    if (dice < 70) return Write();
    if (dice < 80) return static_cast<void>(world.executor().RunOne());
    if (dice < 86) {
      world.executor().Advance(std::chrono::milliseconds(12));
      return history.cut.emplace_back(Moment(), db_->db.stats().durable), void();
    }
    if (dice < 90) {
      const Status synced = db_->db.Sync();
      Note(synced);
      if (synced.ok()) history.cut.emplace_back(Moment(), history.issued.size());
      return;
    }
    if (dice < 93) return Note(Door::Flush(db_->db));
    if (dice < 95) return Note(Door::WaitForUpkeep(db_->db));
    if (dice < 96) return Note(db_->db.Fold());
    if (dice < 97) return Note(db_->db.RebuildIndex());
    if (dice < 99) return BulkLoad();
    Reopen();
  }
  void BulkLoad() {
    Batch rows;
    for (std::uint64_t key = 0; key < 10; ++key) {
      rows.push_back({0, true, U64Key(key * key * 977), "load" + random_.String(20)});
    }
    auto space = db_->db.OpenKeyspace<U64>(FourSpaces()[0].name);
    auto loader = space->NewBulkLoader();
    if (!loader.ok()) return Note(loader.status());
    for (const Op& row : rows) Note(loader->Add(U64Of(row.key), row.value));
    history.Issue(Moment(), rows);
    const auto sequence = loader->Finish();
    if (!sequence.ok()) return Note(sequence.status());
    EXPECT_EQ(*sequence, history.issued.size());
    history.killed.emplace_back(Moment(), *sequence);
    history.cut.emplace_back(Moment(), *sequence);  // durable in every mode
    ++loads;
  }
  void Close() {
    Note(db_->db.Close());
    if (!failed.ok()) return;
    history.cut.emplace_back(Moment(), history.issued.size());  // Close makes everything durable
    const Stats stats = db_->db.stats();
    flushes += stats.flushes;
    merges += stats.merges;
    rotations += stats.log_rotations;
    retrains += stats.retrains;
    ++closes;
    db_ = nullptr;
  }
  void Reopen() {
    Close();
    if (!failed.ok()) return;
    auto opened = OpenFour(options_, world.env());
    if (!opened.ok()) return Note(opened.status());
    db_ = *std::move(opened);
  }

  const Options options_;
  support::SeededRandom random_;
  std::unique_ptr<OpenDb> db_;
};

// ---------------------------------------------------------------------------------- recovering

struct Recovery {
  std::string verdict;  // empty: all is well
  Sequence p = 0;
};

// Opens, reads everything, verifies every file.
Recovery Recover(TestEnv* world, const Options& options, const History& history,
                 const Bounds& bounds) {
  Recovery result;
  auto db = Door::Open("/db", options, world->env());
  if (!db.ok()) return {"Open: " + db.status().ToString(), 0};
  result.p = db->stats().visible;
  auto found = ReadAll(&*db);
  if (!found.ok()) return {"ReadAll: " + found.status().ToString(), 0};
  result.verdict = Verdict(history, bounds, result.p, *found);
  if (const Status verified = db->Verify(); result.verdict.empty() && !verified.ok()) {
    result.verdict = "Verify: " + verified.ToString();
  }
  const Stats stats = db->stats();
  if (stats.model_fallbacks != 0 || stats.unread_errors != 0) result.verdict += " fallbacks";
  if (!stats.unknown_files.empty()) result.verdict += " unknown file " + stats.unknown_files[0];
  world->fs().StopAt(0);  // a crash, as far as the files are concerned
  return result;
}

// Writes, reopens cleanly, and finds it all.
std::string GoOn(TestEnv* world, const Options& options, Sequence p, const State& before) {
  auto db = OpenFour(options, world->env());
  if (!db.ok()) return "Open to go on: " + db.status().ToString();
  State state = before;
  for (int i = 0; i < 3; ++i) {
    const Batch batch = {{0, true, U64Key(5), "on" + std::to_string(i)},
                         {1, i % 2 == 0, "k1", "on"},
                         {2, false, U64Key(977), ""}};
    const auto sequence = (*db)->Write(batch);
    if (!sequence.ok()) return "Write: " + sequence.status().ToString();
    if (*sequence <= p) return "sequence " + std::to_string(*sequence) + " used again";
    p = *sequence;
    Apply(batch, &state);
  }
  if (const Status closed = (*db)->db.Close(); !closed.ok()) return "Close: " + closed.ToString();
  *db = nullptr;
  auto again = Door::Open("/db", options, world->env());
  if (!again.ok()) return "Open again: " + again.status().ToString();
  if (!again->stats().was_clean) return "not clean after a Close";
  auto found = ReadAll(&*again);
  if (!found.ok()) return "ReadAll again: " + found.status().ToString();
  return Difference(*found, state);
}

struct Crash {
  CrashKind kind;
  Unsynced unsynced = Unsynced::kSeeded;
  std::uint64_t seed = 0;

  std::string Text() const {
    if (kind == CrashKind::kKill) return "kill";
    if (kind == CrashKind::kKillTorn) return "torn kill " + std::to_string(seed);
    return "power cut " + std::string(support::UnsyncedName(unsynced)) + " " + std::to_string(seed);
  }
  bool power_cut() const { return kind == CrashKind::kPowerCut; }
  std::unique_ptr<TestEnv> At(TestEnv* world, std::uint64_t event) const {
    return world->Crash(kind, event, seed, unsynced);
  }
};

std::vector<Crash> AllCrashes(std::uint64_t seed) {
  std::vector<Crash> crashes = {{CrashKind::kKill}, {CrashKind::kKillTorn, {}, seed}};
  for (const Unsynced corner : support::kUnsyncedCorners) {
    crashes.push_back({CrashKind::kPowerCut, corner});
  }
  for (std::uint64_t i = 0; i < 2; ++i) {
    crashes.push_back({CrashKind::kPowerCut, Unsynced::kSeeded, seed * 2 + i});
  }
  return crashes;
}

std::uint64_t states_checked = 0;

std::string Describe(TestEnv* world, std::uint64_t event) {
  const auto& fs = world->fs();
  return event < fs.event_count() ? fs.Describe(event) : "the end";
}

// Everything that must hold of one crash of `before` at `event`, where `bounds` says what may have
// been committed.
class Aftermath {
 public:
  Aftermath(const History& history, const Options& options)
      : history_(history), options_(options) {}

  void Check(TestEnv* before, std::uint64_t event, const Crash& crash, const Bounds& bounds,
             bool thorough) {
    SCOPED_TRACE(crash.Text() + " at " + Describe(before, event));
    const auto world = crash.At(before, event);
    const Recovery recovery = Recovered(world.get(), bounds);
    if (!thorough || testing::Test::HasFailure()) return;
    const std::uint64_t events = world->fs().event_count();
    // What Open returned stays, whatever comes (G5).
    for (const Crash& next : AllCrashes(event)) {
      SCOPED_TRACE("then " + next.Text() + " after Open");
      const auto later = next.At(world.get(), events);
      Recovered(later.get(), {recovery.p, recovery.p});
      if (testing::Test::HasFailure()) return;
    }
    // Recovery dies in the middle (G4); and what follows dies again.
    for (std::uint64_t at = 0; at < events; at += 1 + events / 7) {
      for (const Crash& next : {Crash{CrashKind::kKill}, Crash{CrashKind::kKillTorn, {}, at},
                                Crash{CrashKind::kPowerCut, Unsynced::kAllOld},
                                Crash{CrashKind::kPowerCut, Unsynced::kSeeded, event + at}}) {
        SCOPED_TRACE("then " + next.Text() + " in recovery at " + Describe(world.get(), at));
        const auto later = next.At(world.get(), at);
        // A kill loses nothing that was there; a power cut after a kill may still take what was
        // never synced, but not what was acknowledged.
        Bounds then = bounds;
        if (!next.power_cut() || crash.power_cut()) then = {recovery.p, recovery.p};
        if (next.power_cut() && !crash.power_cut()) then.lo = synced_;
        Recovered(later.get(), then);
        if (testing::Test::HasFailure()) return;
      }
    }
    const auto on = Crash{CrashKind::kKill}.At(world.get(), events);
    ASSERT_EQ(GoOn(on.get(), options_, recovery.p, history_.states[recovery.p]), "");
  }

  // What survives a power cut at the moment of the first crash.
  void set_synced(Sequence synced) { synced_ = synced; }

 private:
  Recovery Recovered(TestEnv* world, const Bounds& bounds) {
    ++states_checked;
    Recovery recovery = Recover(world, options_, history_, bounds);
    EXPECT_EQ(recovery.verdict, "");
    return recovery;
  }

  const History& history_;
  const Options options_;
  Sequence synced_ = 0;
};

void SweepCrashes(std::uint64_t seed, Durability durability, int steps, std::uint64_t stride) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  states_checked = 0;
  Workload workload(seed, durability);
  workload.Run(steps);
  ASSERT_TRUE(workload.failed.ok()) << workload.failed.ToString();
  EXPECT_GE(workload.flushes, 3u);
  EXPECT_GE(workload.merges, 3u);
  EXPECT_GE(workload.rotations, 3u);
  EXPECT_GE(workload.loads, 1u);
  EXPECT_GE(workload.retrains + workload.closes, 2u);
  const std::uint64_t events = workload.world.fs().event_count();
  Aftermath aftermath(workload.history, CrashOptions(durability));
  std::uint64_t turn = 0;
  for (std::uint64_t event = 0; event <= events; event += stride * support::kSparse) {
    const Bounds cut = BoundsAt(workload.history, event, true);
    const Bounds killed = BoundsAt(workload.history, event, false);
    aftermath.set_synced(cut.lo);
    const std::vector<Crash> crashes = AllCrashes(event);
    for (std::size_t i = 0; i < crashes.size(); ++i) {
      const bool thorough = turn++ % 61 == 0;
      Bounds bounds = crashes[i].power_cut() ? cut : killed;
      // A torn write is of the event that is just happening.
      if (crashes[i].kind == CrashKind::kKillTorn) {
        bounds.hi = BoundsAt(workload.history, event + 1, false).hi;
      }
      aftermath.Check(&workload.world, event, crashes[i], bounds, thorough);
      if (testing::Test::HasFailure()) return;
    }
  }
  std::printf("seed %llu: %zu commits, %llu events, %llu states\n",
              static_cast<unsigned long long>(seed), workload.history.issued.size(),
              static_cast<unsigned long long>(events),
              static_cast<unsigned long long>(states_checked));
}

TEST(DbCrash, LeavesAPrefixInSyncMode) {
  SweepCrashes(1, Durability::kSync, 150, 7);
  SweepCrashes(2, Durability::kSync, 150, 11);
}
TEST(DbCrash, LeavesAPrefixInIntervalMode) {
  SweepCrashes(3, Durability::kInterval, 150, 11);
}
TEST(DbCrash, LeavesAPrefixInOsMode) {
  SweepCrashes(4, Durability::kOs, 150, 11);
}

// A sync that failed leaves bytes in the page cache that the disk does not have: recovery must not
// build on them.
TEST(DbCrash, AfterAFailedSyncWhatOpenReturnedStays) {
  states_checked = 0;
  std::uint64_t unknown = 0;
  for (std::uint64_t nth = 1; nth < 400; nth += support::kSanitized ? 8 : 3) {
    SCOPED_TRACE("sync " + std::to_string(nth) + " fails");
    Workload workload(5, Durability::kSync);
    workload.world.fs().FailSync(nth);
    workload.Run(120);
    if (workload.failed.ok()) continue;  // only the background met it
    unknown += workload.failed.code() == StatusCode::kUnknownOutcome;
    const std::uint64_t event = workload.world.fs().event_count();
    Aftermath aftermath(workload.history, CrashOptions(Durability::kSync));
    const Bounds bounds = BoundsAt(workload.history, event, false);
    aftermath.set_synced(BoundsAt(workload.history, event, true).lo);
    aftermath.Check(&workload.world, event, {CrashKind::kKill}, bounds, true);
    if (HasFailure()) return;
  }
  EXPECT_GT(unknown, support::kSanitized ? 0u : 10u);
  std::printf("failed syncs: %llu states\n", static_cast<unsigned long long>(states_checked));
}

}  // namespace
}  // namespace kyro::db
