// SPDX-License-Identifier: Apache-2.0
#include "proofs/crash/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "proofs/crash/recovery.h"

namespace kyro::crash {
namespace {

using db::Batch;
using db::Door;
using db::FourSpaces;
using db::Op;
using support::CrashKind;
using support::SyncFailure;

constexpr std::uint64_t kKeys = 25;
// In one life, if a Resume helps.
constexpr int kFailures = 3;
// The keyspace that is dropped and made again, and the one that readers look at.
constexpr std::size_t kDropped = 2, kRead = 0;

Options OptionsOf(support::SeededRandom* random, Durability mode) {
  Options options;
  options.delta_bytes = std::size_t{8192} << random->Below(2);
  options.wal_file_bytes = 4096 + 4096 * random->Below(3);
  options.batch_bytes_max = 16384;
  options.segment_bytes = 4096;
  options.durability = mode;
  options.sync_interval = std::chrono::milliseconds(5);
  return options;
}

// One phase while it runs.
class Runner {
 public:
  Runner(Phase* phase, support::SeededRandom* random, WorkloadCounts* counts)
      : phase_(*phase), random_(*random), counts_(*counts), mode_(phase->options.durability) {}

  // Opens what is there, `steps` steps and every kind of step once, and ends without a word or,
  // if `close`, by a Close.
  void Run(int steps, bool close) {
    Open();
    std::vector<int> script = Script(steps);
    for (const int dice : script) {
      if (over_) break;
      Step(dice);
    }
    if (!over_ && close) Close();
    Abandon();
  }
  // The same with failures planted behind the last of the steps.
  void RunToFailure(int steps) {
    Open();
    for (int i = 0; i < steps && !over_; ++i) Step(static_cast<int>(random_.Below(60)));
    for (int i = 0; i < kFailures && !over_ && db_ != nullptr; ++i) Fail();
    Abandon();
  }

  const std::string& wrong() const { return wrong_; }

 private:
  History& history() { return phase_.history; }
  SimFs& fs() { return phase_.world->fs(); }
  Moment Now() { return fs().event_count(); }
  void Wrong(std::string what) {
    if (wrong_.empty()) wrong_ = fmt::format("{}: {}", phase_.title, what);
    over_ = true;
  }
  // An operation that had to work.
  bool Must(const Status& status, std::string_view what) {
    if (status.ok()) return true;
    if (!failing_) Wrong(fmt::format("{}: {}", what, status.ToString()));
    over_ = true;
    return false;
  }
  void EndSpan(Operation operation) {
    ++counts_.operations[static_cast<std::size_t>(operation)];
    phase_.spans.push_back({Now(), operation});
  }

  // What tells operations apart that the database does of its own accord.
  struct Counters {
    std::uint64_t rotations = 0, freezes = 0, flushes = 0, merges = 0, retrains = 0;
  };
  Counters Count() {
    const Stats stats = db_->db.stats();
    return {stats.log_rotations, stats.frozen_generations + stats.flushes, stats.flushes,
            stats.merges, stats.retrains};
  }
  void EndSpan(const Counters& before, Operation operation) {
    const Counters now = Count();
    if (now.merges > before.merges) {
      operation = Operation::kMerge;
    } else if (now.flushes > before.flushes) {
      operation = Operation::kFlush;
    } else if (now.freezes > before.freezes) {
      operation = Operation::kFreeze;
    } else if (now.rotations > before.rotations) {
      operation = Operation::kRotate;
    }
    EndSpan(operation);
  }

  void Open();
  void OpenSpace(std::size_t space);
  // What the destructor would still write is no part of the phase.
  void Abandon() {
    fs().SetObserver(nullptr);
    fs().StopAt(Now());
    db_ = nullptr;
  }
  void Look();
  std::vector<int> Script(int steps);
  void Step(int dice);
  Op AnyOp();
  void Write(Batch batch, Operation operation);
  void AnyWrite(Operation operation);
  void Sync();
  void Background(std::string_view queue);
  void Advance();
  void Flush();
  void Upkeep();
  void Whole(Status (*call)(Db*), Operation operation, std::string_view what);
  void Checkpoint();
  void BulkLoad();
  void DropAndMakeAgain();
  void Close();
  void Fail();
  void Plant();
  void Resume();

  Phase& phase_;
  support::SeededRandom& random_;
  WorkloadCounts& counts_;
  const Durability mode_;
  std::unique_ptr<db::OpenDb> db_;
  const db::AnySpace* looked_at_ = nullptr;
  bool failing_ = false;
  bool over_ = false;
  std::string wrong_;
};

// ---------------------------------------------------------------------------------- opening

void Runner::Open() {
  const bool crashed = phase_.unclean && Now() == 0;
  fs().SetObserver([this] { Look(); });
  auto opened = Door::Open("/db", phase_.options, phase_.world->env());
  if (!Must(opened.status(), "Open")) return;
  if (crashed) history().Opened(Now());
  EndSpan(opened->stats().was_clean ? Operation::kOther : Operation::kUncleanOpen);
  db_ = std::make_unique<db::OpenDb>(*std::move(opened));
  db_->spaces.resize(FourSpaces().size());
  for (std::size_t i = 0; i < FourSpaces().size() && !over_; ++i) OpenSpace(i);
  EndSpan(Operation::kOther);
  looked_at_ = over_ ? nullptr : db_->spaces[kRead].get();
}

void Runner::OpenSpace(std::size_t space) {
  const Moment begin = Now();
  history().Creating(begin, space);
  auto opened = db::OpenSpace(&db_->db, FourSpaces()[space].name, FourSpaces()[space].kind);
  if (!Must(opened.status(), "OpenKeyspace")) return;
  history().Created(Now(), space);
  db_->spaces[space] = *std::move(opened);
}

// A reader between any two events: what it sees survives a kill, and in kSync a power cut.
void Runner::Look() {
  if (looked_at_ == nullptr) return;
  const auto view = looked_at_->view();
  if (!view.ok()) return;
  history().Survives(
      Now(), (*view)->sequence(),
      mode_ == Durability::kSync ? History::Lasts::kPowerCut : History::Lasts::kKill);
}

// ---------------------------------------------------------------------------------- steps

// Faces of the dice of Step.
enum Face {
  kFacePut = 0,
  kFaceDelete = 24,
  kFaceBatch = 32,
  kFaceSync = 48,
  kFaceAdvance = 52,
  kFaceLogJob = 60,
  kFaceFlushJob,
  kFaceUpkeepJob,
  kFaceFlush,
  kFaceUpkeep,
  kFaceFold,
  kFaceRebuild,
  kFaceCheckpoint,
  kFaceBulkLoad,
  kFaceDrop,
  kFaceReopen,
  kFaces
};

std::vector<int> Runner::Script(int steps) {
  std::vector<int> script;
  for (int face = kFaceLogJob; face < kFaces; ++face) script.push_back(face);
  while (static_cast<int>(script.size()) < steps) {
    // Writes make up most of it.
    const bool write = !random_.OneIn(4);
    script.push_back(static_cast<int>(write ? random_.Below(kFaceAdvance)
                                            : random_.Between(kFaceAdvance, kFaceUpkeepJob)));
  }
  for (std::size_t i = script.size(); i > 1; --i)
    std::swap(script[i - 1], script[random_.Below(i)]);
  return script;
}

void Runner::Step(int dice) {
  switch (dice) {
    case kFaceLogJob:
      return Background("kyro-log");
    case kFaceFlushJob:
      return Background("kyro-flush");
    case kFaceUpkeepJob:
      return Background("kyro-upkeep");
    case kFaceFlush:
      return Flush();
    case kFaceUpkeep:
      return Upkeep();
    case kFaceFold:
      return Whole([](Db* db) { return db->Fold(); }, Operation::kFold, "Fold");
    case kFaceRebuild:
      return Whole([](Db* db) { return db->RebuildIndex(); }, Operation::kRebuild, "RebuildIndex");
    case kFaceCheckpoint:
      return Checkpoint();
    case kFaceBulkLoad:
      return BulkLoad();
    case kFaceDrop:
      return DropAndMakeAgain();
    case kFaceReopen:
      Close();
      if (!over_) Open();
      return;
    default:
      break;
  }
  if (dice < kFaceDelete) return AnyWrite(Operation::kPut);
  if (dice < kFaceBatch) return AnyWrite(Operation::kDelete);
  if (dice < kFaceSync) return AnyWrite(Operation::kBatch);
  dice < kFaceAdvance ? Sync() : Advance();
}

Op Runner::AnyOp() {
  Op op;
  do {
    op.space = random_.Below(FourSpaces().size());
  } while (db_->spaces[op.space] == nullptr);
  op.put = !random_.OneIn(4);
  const std::uint64_t key = random_.Below(kKeys);
  op.key = FourSpaces()[op.space].kind == KeyKind::kU64
               ? db::U64Key(key == 0 ? ~std::uint64_t{0} : key * key * 977)
               : "k" + std::to_string(key) + std::string(key < kKeys - 4 ? 0 : 100 * key, 'k');
  if (op.put)
    op.value = std::to_string(history().sequence() + 1) + random_.String(random_.Below(60));
  return op;
}

void Runner::AnyWrite(Operation operation) {
  Batch batch = {AnyOp()};
  if (operation == Operation::kBatch) {
    const std::uint64_t more = 1 + random_.Below(6);
    for (std::uint64_t i = 0; i < more; ++i) batch.push_back(AnyOp());
    for (std::size_t i = 0; i < 2; ++i)
      batch[i].space = FourSpaces()[i].kind == KeyKind::kU64 ? 0 : 1;
    batch[0] = {0, true, db::U64Key(5), std::to_string(history().sequence() + 1)};
    batch[1] = {1, true, "both", batch[0].value};
  } else {
    batch[0].put = operation == Operation::kPut;
    if (!batch[0].put) batch[0].value.clear();
  }
  // Records of several sectors, torn in many ways.
  if (random_.OneIn(4) && batch[0].put) batch[0].value += random_.String(400 << random_.Below(4));
  Write(std::move(batch), operation);
}

void Runner::Write(Batch batch, Operation operation) {
  WriteOptions options;
  if (mode_ != Durability::kSync && random_.OneIn(12)) options.durability = Durability::kSync;
  const bool synced = options.durability.value_or(mode_) == Durability::kSync;
  const Counters before = Count();
  const Sequence want = history().Issue(Now(), batch);
  ++counts_.commits;
  const auto sequence = db_->Write(batch, options);
  if (!sequence.ok() && sequence.status().code() == StatusCode::kUnknownOutcome) {
    history().Unknown();
  } else if (!sequence.ok()) {
    history().Refused(Now());
  } else if (*sequence != want) {
    return Wrong(fmt::format("a commit has sequence {}, want {}", *sequence, want));
  }
  EndSpan(before, operation);
  if (!Must(sequence.status(), "Write")) return;
  using Lasts = History::Lasts;
  history().Survives(Now(), *sequence, synced ? Lasts::kPowerCut : Lasts::kKill);
  history().Survives(Now(), db_->db.stats().durable, Lasts::kPowerCut);
}

void Runner::Sync() {
  const Status status = db_->db.Sync();
  EndSpan(Operation::kOther);
  if (status.ok()) history().Survives(Now(), history().sequence(), History::Lasts::kPowerCut);
  (void)Must(status, "Sync");
}

void Runner::Background(std::string_view queue) {
  const Counters before = Count();
  (void)phase_.world->executor().RunOne(queue);
  EndSpan(before, Operation::kOther);
}

void Runner::Advance() {
  const Counters before = Count();
  phase_.world->executor().Advance(std::chrono::milliseconds(12));
  EndSpan(before, Operation::kOther);
  // Two sync intervals and one idle time have passed.
  if (mode_ == Durability::kOs || failing_) return;
  history().Survives(Now(), history().sequence(), History::Lasts::kPowerCut);
}

void Runner::Flush() {
  const Status status = Door::Flush(db_->db);
  EndSpan(Operation::kFlush);
  if (status.ok()) history().Survives(Now(), history().sequence(), History::Lasts::kPowerCut);
  (void)Must(status, "Flush");
}

void Runner::Upkeep() {
  const Counters before = Count();
  const Status status = Door::WaitForUpkeep(db_->db);
  EndSpan(before, Operation::kOther);
  (void)Must(status, "WaitForUpkeep");
}

void Runner::Whole(Status (*call)(Db*), Operation operation, std::string_view what) {
  const Status status = call(&db_->db);
  EndSpan(operation);
  (void)Must(status, what);
}

void Runner::Checkpoint() {
  const Moment begin = Now();
  const std::string path = fmt::format("/copy{}", random_.Next());
  const auto sequence = db_->db.Checkpoint(path);
  EndSpan(Operation::kCheckpoint);
  if (!Must(sequence.status(), "Checkpoint")) return;
  if (*sequence != history().sequence()) {
    return Wrong(fmt::format("a checkpoint at {}, want {}", *sequence, history().sequence()));
  }
  phase_.checkpoints.push_back({path, begin, Now(), *sequence, history().state()});
  history().Survives(Now(), *sequence, History::Lasts::kPowerCut);
}

void Runner::BulkLoad() {
  Batch rows;
  for (std::uint64_t key = 0; key < 10; ++key) {
    rows.push_back({kRead, true, db::U64Key(key * key * 977), "load" + random_.String(20)});
  }
  auto space = db_->db.OpenKeyspace<U64>(FourSpaces()[kRead].name);
  auto loader = space->NewBulkLoader();
  if (loader.ok()) {
    for (const Op& row : rows) {
      if (!Must(loader->Add(db::U64Of(row.key), row.value), "BulkLoader::Add")) break;
    }
  }
  EndSpan(Operation::kBulkLoad);
  if (!Must(loader.status(), "NewBulkLoader") || over_) return;
  // Writes elsewhere go on meanwhile, and are in memory when the load ends.
  Write({{1, true, "meanwhile", std::to_string(history().sequence() + 1)}}, Operation::kPut);
  if (over_) return;
  const Sequence want = history().Issue(Now(), rows);
  const auto sequence = loader->Finish();
  if (!sequence.ok()) {
    const bool unknown = sequence.status().code() == StatusCode::kUnknownOutcome;
    unknown ? history().Unknown() : history().Refused(Now());
  } else if (*sequence != want) {
    return Wrong(fmt::format("a bulk load has sequence {}, want {}", *sequence, want));
  }
  EndSpan(Operation::kBulkLoad);
  if (!Must(sequence.status(), "BulkLoader::Finish")) return;
  history().Survives(Now(), *sequence, History::Lasts::kPowerCut);  // in every mode
}

void Runner::DropAndMakeAgain() {
  history().Dropping(Now(), kDropped);
  const Status status = db_->db.DropKeyspace(FourSpaces()[kDropped].name);
  status.ok() ? history().Dropped(Now(), kDropped) : history().DropFailed();
  if (status.ok()) db_->spaces[kDropped] = nullptr;
  EndSpan(Operation::kDropKeyspace);
  if (!Must(status, "DropKeyspace")) return;
  if (random_.OneIn(2)) Background("kyro-upkeep");
  OpenSpace(kDropped);
  EndSpan(Operation::kOther);
}

void Runner::Close() {
  looked_at_ = nullptr;
  const Status status = db_->db.Close();
  EndSpan(Operation::kCleanClose);
  if (status.ok()) history().Survives(Now(), history().sequence(), History::Lasts::kPowerCut);
  (void)Must(status, "Close");
  db_ = nullptr;
}

// ---------------------------------------------------------------------------------- failures

void Runner::Plant() {
  ++counts_.failures;
  failing_ = true;
  switch (random_.Below(6)) {
    case 0:
    case 1:
    case 2:
      return fs().FailSync(1 + random_.Below(2));
    case 3:
      return fs().FailWriteback(1 + random_.Below(2));
    case 4:
      return fs().FailSync(1 + random_.Below(3), SyncFailure::kReadOnly);
    default:
      return fs().FailDirectorySync(1 + random_.Below(2));
  }
}

// A sync fails in one of the ways of SimFs during one step or a few; then Resume, or the end.
void Runner::Fail() {
  Plant();
  for (int i = 0; i < 4 && !over_; ++i) {
    constexpr int kSteps[] = {kFacePut,      kFacePut,  kFaceBatch, kFaceDelete,
                              kFaceSync,     kFaceSync, kFaceFlush, kFaceCheckpoint,
                              kFaceBulkLoad, kFaceDrop, kFaceFold};
    const int likely = mode_ == Durability::kSync ? kFacePut : kFaceSync;  // what syncs the log
    Step(random_.OneIn(2) ? likely : kSteps[random_.Below(std::size(kSteps))]);
  }
  if (!over_ || !wrong_.empty() || db_ == nullptr) return;
  if (!random_.OneIn(4)) Resume();
}

// Whatever failed: when Resume says OK, the database goes on, and what was unknown is nowhere.
void Runner::Resume() {
  const Moment begin = Now();
  // With a log that works there is nothing to resume from, and nothing is promised.
  const bool failed = db_->db.stats().stall == StallReason::kLogFailed;
  const Status status = db_->db.Resume();
  if (status.ok() && failed) history().Resumed(begin, Now(), db_->db.stats().visible);
  EndSpan(Operation::kResume);
  if (!status.ok()) return;
  over_ = false;
  for (int i = 0; i < 4 && !over_; ++i)
    AnyWrite(random_.OneIn(2) ? Operation::kPut : Operation::kBatch);
  if (!over_ && random_.OneIn(2)) Flush();
  if (!over_ && random_.OneIn(3)) Close();
}

// ---------------------------------------------------------------------------------- phases

struct Cut {
  CrashAt at;
  std::unique_ptr<TestEnv> world;
};

// The crash that ends a phase: somewhere in its last third, or at its end.
Cut CutShort(Phase* phase, support::SeededRandom* random) {
  SimFs& fs = phase->world->fs();
  const Moment end = fs.event_count();
  Cut cut;
  cut.at.moment = random->OneIn(2) ? end : random->Between(end - end / 3, end);
  // A file system that a failed sync left read-only needs a new start of the machine.
  cut.at.power_cut = fs.read_only() || random->OneIn(3);
  cut.at.torn = !cut.at.power_cut && random->OneIn(2);
  const auto kind = cut.at.power_cut ? CrashKind::kPowerCut
                    : cut.at.torn    ? CrashKind::kKillTorn
                                     : CrashKind::kKill;
  cut.world = phase->world->Crash(kind, cut.at.moment, random->Next());
  return cut;
}

// The phase after it, or null with `*wrong` set.
std::unique_ptr<Phase> NextPhase(Phase* last, std::string title, support::SeededRandom* random,
                                 std::string* wrong) {
  Cut cut = CutShort(last, random);
  const auto copy = cut.world->Around(cut.world->fs().Copy());
  const Recovery recovery = Recover(copy.get(), last->options);
  *wrong = recovery.wrong;
  if (wrong->empty()) *wrong = last->history.Verdict(cut.at, recovery.contents);
  if (!wrong->empty()) {
    *wrong = fmt::format("{}, {}: {}", last->title, Text(cut.at), *wrong);
    return nullptr;
  }
  auto next = std::make_unique<Phase>();
  next->history = last->history.After(cut.at, recovery.contents);
  next->world = std::move(cut.world);
  next->options = last->options;
  next->title = fmt::format("{} after {}", title, Text(cut.at));
  next->unclean = true;
  return next;
}

}  // namespace

std::string_view OperationName(Operation operation) {
  constexpr std::string_view kNames[] = {
      "put",     "delete",     "batch", "rotate", "freeze", "flush", "merge",   "fold",
      "rebuild", "checkpoint", "bulk",  "drop",   "resume", "close", "recover", "other"};
  return kNames[static_cast<std::size_t>(operation)];
}

std::string_view ModeName(Durability mode) {
  constexpr std::string_view kNames[] = {"sync", "interval", "os"};
  return kNames[static_cast<std::size_t>(mode)];
}

Operation Phase::During(Moment event) const {
  const auto at =
      std::upper_bound(spans.begin(), spans.end(), event,
                       [](Moment moment, const Span& span) { return moment < span.end; });
  return at == spans.end() ? Operation::kOther : at->operation;
}

Workload RunWorkload(std::uint64_t seed, Durability mode, int steps) {
  Workload workload;
  support::SeededRandom random(seed);
  auto phase = std::make_unique<Phase>();
  phase->world = std::make_unique<TestEnv>(seed);
  phase->options = OptionsOf(&random, mode);
  phase->title = "first life";
  // Everything once; a failure; everything once more, to a clean close.
  constexpr std::string_view kTitles[] = {"first life", "second life", "third life", "fourth life"};
  for (std::size_t i = 0; i < std::size(kTitles); ++i) {
    if (i > 0) {
      phase = NextPhase(&workload.phases.back(), std::string(kTitles[i]), &random, &workload.wrong);
      if (phase == nullptr) return workload;
    }
    Runner runner(phase.get(), &random, &workload.counts);
    i % 2 == 0 ? runner.Run(steps, i == 2) : runner.RunToFailure(steps / 3);
    workload.wrong = runner.wrong();
    workload.phases.push_back(std::move(*phase));
    if (!workload.wrong.empty()) return workload;
  }
  return workload;
}

}  // namespace kyro::crash
