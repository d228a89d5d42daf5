// SPDX-License-Identifier: Apache-2.0
#include "db/model_run.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "db/model.h"
#include "db/view_check.h"
#include "io/env.h"
#include "support/fault_fs.h"

namespace kyro::db {

void ModelRunTotals::Add(const ModelRunTotals& other) {
  operations += other.operations;
  commits += other.commits;
  flushes += other.flushes;
  merges += other.merges;
  rotations += other.rotations;
  replays += other.replays;
  tombstones += other.tombstones;
  fallbacks += other.fallbacks;
  unread_errors += other.unread_errors;
  predictions += other.predictions;
  retrains += other.retrains;
  failures += other.failures;
  orphans += other.orphans;
  torn_bytes += other.torn_bytes;
  loads += other.loads;
  drops += other.drops;
  checkpoints += other.checkpoints;
  resumes += other.resumes;
  crashes += other.crashes;
  meddled += other.meddled;
  held_reads += other.held_reads;
}

namespace {

using support::CrashKind;
using support::FaultFs;
using support::FsOp;
using support::FsOps;
using support::TestEnv;
using support::Unsynced;

constexpr std::size_t kHeldMax = 16;

void AddStats(const Stats& stats, ModelRunTotals* totals) {
  totals->flushes += stats.flushes;
  totals->merges += stats.merges;
  totals->rotations += stats.log_rotations;
  totals->replays += stats.replayed_batches != 0;
  totals->tombstones += stats.tombstones_dropped;
  totals->fallbacks += stats.model_fallbacks;
  totals->unread_errors += stats.unread_errors;
  totals->predictions += stats.predictions;
  totals->retrains += stats.retrains;
  totals->failures += stats.upkeep_failures;
  totals->orphans += stats.orphans_deleted;
  totals->torn_bytes += stats.torn_bytes;
}

class ModelRun {
 public:
  ModelRun(const ModelRunOptions& run, ModelRunTotals* totals)
      : run_(run), random_(run.seed), totals_(totals), now_(FourSpaces().size()) {
    options_ = TinyOptions();
    options_.delta_bytes = std::size_t{4096} << random_.Below(3);
    options_.wal_file_bytes = std::size_t{4096} << random_.Below(3);
    options_.durability = run.durability;
    options_.sync_interval = std::chrono::milliseconds(5);
    options_.access = run.access;
    // A write in the middle of a flush waits in vain.
    if (!run.threads) options_.write_stall_max = std::chrono::milliseconds(5);
    Enter(std::make_unique<TestEnv>(run.seed));
  }
  ~ModelRun() {
    if (faults_ != nullptr) faults_->Watch({}, nullptr);
  }

  std::string Run();

 private:
  // A view, what it must show for as long as it lives, and perhaps an iterator at work on it.
  struct Held {
    std::size_t space;
    std::shared_ptr<AnyView> view;
    std::shared_ptr<const Map> map;
    std::shared_ptr<WatchedIterator> iterator;
  };

  // The world.
  void Enter(std::unique_ptr<TestEnv> world);
  io::Env env();
  void Open();
  void Close();
  void Reopen();
  void Crash();
  void Leave(CrashKind kind, Unsynced unsynced);

  // Random choices.
  std::size_t AnySpaceIndex() { return random_.Below(now_.size()); }
  std::string AnyKey(std::size_t space);
  std::string AnyValue();
  Op AnyOp();
  WriteOptions AnyWriteOptions();

  // Steps.
  void Step();
  void RareStep(std::uint64_t dice);
  void Background();
  void WriteOne();
  void WriteBatchOf(std::uint64_t count);
  void Settle(const Status& status, const Batch& batch);
  void BulkLoad();
  void BulkRows(AnyLoader* loader, const Map& rows);
  void DropAndMake();
  void Checkpoint();
  void CheckCopy(TestEnv* world, const io::Env& env, const std::string& path, bool write);
  void FailSyncAndResume();
  void Do(const Status& status, const char* what) {
    ++totals_->operations;
    RequireOk(status, what);
  }

  // Reads.
  void CheckGet();
  Held Take(std::size_t space);
  void Hold(Held held);
  void HoldAtReadPoint();
  void Check(const Held& held);
  void CheckOneHeld();
  void CheckHeld();
  void CheckAll();
  void CheckTotals() const;
  ViewCheck Checker(std::size_t space) {
    return ViewCheck(&random_, [this, space] { return AnyKey(space); });
  }

  // In the middle of things.
  void Meddle(FsOp op, std::string_view name);
  void Peek();

  const ModelRunOptions run_;
  support::SeededRandom random_;
  ModelRunTotals* const totals_;
  Options options_;
  std::unique_ptr<TestEnv> world_;
  std::unique_ptr<FaultFs> faults_;
  State now_;
  Sequence last_ = 0;
  std::uint64_t syncs_failed_ = 0;
  bool upkeep_failed_ = false;  // of the open Db, by one of them
  std::uint64_t copies_ = 0;
  std::uint32_t id_max_ = 0;  // of all keyspaces that ever were
  std::unique_ptr<OpenDb> db_;
  std::vector<Held> held_;  // gone before the Db and its world
  int step_ = 0;

  std::optional<std::size_t> loading_;  // the keyspace that a bulk load has
  // Set while things happen of which Meddle must know.
  bool meddling_ = false;
  bool peeks_ = false;  // a view may be taken
  // So many writes may begin: nobody leads the queue. Each may be the cause of another merge.
  int writes_left_ = 0;
  const State* coming_ = nullptr;  // what holds from last_ + 1 on, which may be visible already
  bool resuming_ = false;          // sequences jump
  std::optional<Wrong> wrong_;     // met while meddling
};

// Sets a member for the length of a block.
template <class T>
class During {
 public:
  During(T* member, T value) : member_(member), before_(std::exchange(*member, value)) {}
  ~During() { *member_ = before_; }
  During(const During&) = delete;
  During& operator=(const During&) = delete;

 private:
  T* const member_;
  const T before_;
};

std::string ModelRun::Run() {
  try {
    Open();
    for (step_ = 0; step_ < run_.steps; ++step_) {
      Step();
      if (wrong_) throw *wrong_;
    }
    CheckHeld();
    held_.clear();
    Reopen();
    CheckAll();
    Do(db_->db.Verify(), "Verify");
    Close();
    CheckTotals();
  } catch (const Wrong& wrong) {
    return "seed " + std::to_string(run_.seed) + ", step " + std::to_string(step_) + ": " +
           wrong.what;
  }
  return "";
}

// ---------------------------------------------------------------------------------- the world

void ModelRun::Enter(std::unique_ptr<TestEnv> world) {
  world->fs().StopJournal();
  auto faults = std::make_unique<FaultFs>(&world->fs());
  if (!run_.threads) {
    faults->Watch(FsOps::Changes(), [this](FsOp op, std::string_view name) { Meddle(op, name); });
  }
  world_ = std::move(world);
  faults_ = std::move(faults);
}

io::Env ModelRun::env() {
  io::Env env = world_->EnvOver(faults_.get());
  if (run_.threads) {
    env.executor = io::SystemEnv().executor;
    env.clock = io::SystemEnv().clock;
  }
  return env;
}

void ModelRun::Open() {
  ++totals_->operations;
  auto db = OpenFour(options_, env());
  RequireOk(db.status(), "Open");
  db_ = *std::move(db);
  const Sequence visible = db_->db.stats().visible;
  Require(visible == last_, [&] {
    return "Open: at " + std::to_string(visible) + ", want " + std::to_string(last_);
  });
  for (const auto& space : db_->spaces) id_max_ = std::max(id_max_, space->id());
  peeks_ = true;
}

void ModelRun::Close() {
  peeks_ = false;
  const Status closed = db_->db.Close();
  // It tells what the background met, if that was a sync that failed on purpose.
  if (!upkeep_failed_ || closed.code() != StatusCode::kIoError) Do(closed, "Close");
  upkeep_failed_ = false;
  AddStats(db_->db.stats(), totals_);
  db_ = nullptr;
}

void ModelRun::Reopen() {
  Close();
  Open();
  Require(db_->db.stats().was_clean, [] { return "not clean after a Close"; });
}

// With threads the moment is any moment of the background's; nothing is in flight here.
void ModelRun::Crash() {
  constexpr Unsynced kKinds[] = {Unsynced::kSeeded, Unsynced::kAllOld, Unsynced::kNewNamesOldBytes,
                                 Unsynced::kOldNamesNewBytes, Unsynced::kNewNamesGarbage};
  ++totals_->crashes;
  CheckHeld();
  held_.clear();
  if (random_.OneIn(2)) {
    Leave(CrashKind::kKill, Unsynced::kAllNew);
  } else {
    Do(db_->db.Sync(), "Sync");
    Leave(CrashKind::kPowerCut, kKinds[random_.Below(std::size(kKinds))]);
  }
  Open();
  CheckAll();
}

void ModelRun::Leave(CrashKind kind, Unsynced unsynced) {
  peeks_ = false;
  AddStats(db_->db.stats(), totals_);
  world_->fs().StopAt(0);
  auto after = world_->Crash(kind, support::SimFs::kNow, random_.Next(), unsynced);
  db_ = nullptr;
  Enter(std::move(after));
}

// ---------------------------------------------------------------------------------- choices

// Few enough keys that they are overwritten and deleted, with the extremes among them.
std::string ModelRun::AnyKey(std::size_t space) {
  if (FourSpaces()[space].kind == KeyKind::kU64) {
    switch (random_.Below(8)) {
      case 0:
        return U64Key(random_.OneIn(2) ? 0 : ~std::uint64_t{0});
      case 1:
        return U64Key((std::uint64_t{1} << random_.Below(64)) - random_.Below(2));
      default:
        return U64Key(1000 + random_.Below(300) * (space == 0 ? 1 : 0x123456789abcd));
    }
  }
  switch (random_.Below(8)) {
    case 0:
      return "";
    case 1:
      return std::string(random_.Below(4), '\0') + std::string(random_.Below(3), '\xff');
    default:
      return "key/" + std::to_string(random_.Below(300));
  }
}

std::string ModelRun::AnyValue() {
  std::string value = std::to_string(last_ + 1) + ":" + std::to_string(random_.Below(1000));
  if (random_.OneIn(3)) value += random_.String(random_.Below(100));
  if (random_.OneIn(200)) value += random_.String(6000);  // larger than a delta may be
  return random_.OneIn(20) ? "" : value;
}

Op ModelRun::AnyOp() {
  Op op;
  op.space = AnySpaceIndex();
  op.put = !random_.OneIn(3);
  op.key = AnyKey(op.space);
  if (op.put) op.value = AnyValue();
  return op;
}

WriteOptions ModelRun::AnyWriteOptions() {
  WriteOptions options;
  if (random_.OneIn(10)) options.durability = static_cast<Durability>(random_.Below(3));
  return options;
}

// ---------------------------------------------------------------------------------- steps

void ModelRun::Step() {
  const std::uint64_t dice = random_.Below(1000);
  if (dice < 420) return WriteOne();
  if (dice < 520) return WriteBatchOf(2 + random_.Below(12));
  if (dice < 530) return WriteBatchOf(100 + random_.Below(100));
  if (dice < 640) return CheckGet();
  if (dice < 690) return Check(Take(AnySpaceIndex()));
  if (dice < 720) return Hold(Take(AnySpaceIndex()));
  if (dice < 740) return HoldAtReadPoint();
  if (dice < 810) return CheckOneHeld();
  if (dice < 940) return Background();
  RareStep(dice - 940);
}

void ModelRun::RareStep(std::uint64_t dice) {
  if (dice < 8) return Do(db_->db.Sync(), "Sync");
  if (dice < 14) return Do(Door::Flush(db_->db), "Flush");
  if (dice < 20) return Do(Door::WaitForUpkeep(db_->db), "WaitForUpkeep");
  if (dice < 23) return Do(db_->db.Fold(), "Fold");
  if (dice < 27) return Do(db_->db.RebuildIndex(), "RebuildIndex");
  if (dice < 29) return Do(db_->db.Verify(), "Verify");
  if (dice < 36) return BulkLoad();
  if (dice < 39) return DropAndMake();
  if (dice < 42) return Checkpoint();
  if (dice < 46) return FailSyncAndResume();
  if (dice < 53) return Reopen();
  Crash();
}

// Writes may come in the middle of the job; after it every view still shows what it showed.
void ModelRun::Background() {
  if (run_.threads) return;
  {
    const During<int> writes(&writes_left_, 3);
    if (random_.OneIn(4)) {
      world_->executor().Advance(std::chrono::milliseconds(1 + random_.Below(30)));
    } else if (random_.OneIn(3)) {
      world_->executor().RunDue();
    } else {
      world_->executor().RunOne();
    }
  }
  if (!wrong_) CheckHeld();
}

// What became of a write. While a bulk load has a keyspace, writes to it are refused; and while a
// build further up the stack is waiting for this very write, there may be no room.
void ModelRun::Settle(const Status& status, const Batch& batch) {
  ++totals_->operations;
  const bool refused = loading_ && std::any_of(batch.begin(), batch.end(), [this](const Op& op) {
                         return op.space == *loading_;
                       });
  if (refused || (meddling_ && status.code() == StatusCode::kBusy)) {
    return Require(status.code() == StatusCode::kBusy, [&] {
      return "a write to a keyspace that a bulk load has: " + status.ToString();
    });
  }
  RequireOk(status, "a write");
  ++last_;
  ++totals_->commits;
  Apply(batch, &now_);
  const Sequence visible = db_->db.stats().visible;
  Require(visible == last_,
          [&] { return "visible " + std::to_string(visible) + ", want " + std::to_string(last_); });
}

void ModelRun::WriteOne() {
  const During<int> writes(&writes_left_, 0);
  const Op op = AnyOp();
  AnySpace& space = *db_->spaces[op.space];
  Settle(op.put ? space.Put(op.key, op.value, AnyWriteOptions())
                : space.Delete(op.key, AnyWriteOptions()),
         {op});
}

void ModelRun::WriteBatchOf(std::uint64_t count) {
  const During<int> writes(&writes_left_, 0);
  Batch batch;
  for (std::uint64_t i = 0; i < count; ++i) batch.push_back(AnyOp());
  const auto sequence = db_->Write(batch, AnyWriteOptions());
  const Sequence before = last_;
  Settle(sequence.status(), batch);
  Require(!sequence.ok() || *sequence == before + 1, [&] {
    return "a batch got sequence " + std::to_string(*sequence) + ", want " +
           std::to_string(before + 1);
  });
}

void ModelRun::BulkLoad() {
  const std::size_t space = AnySpaceIndex();
  Map rows;
  for (std::uint64_t i = 1 + random_.Below(200); i > 0; --i) rows[AnyKey(space)] = AnyValue();
  auto loader = db_->spaces[space]->NewLoader();
  RequireOk(loader.status(), "NewBulkLoader");
  const During<std::optional<std::size_t>> loading(&loading_, space);
  BulkRows(loader->get(), rows);
  if (random_.OneIn(4)) return;  // abandoned: nothing of it is there
  State then = now_;
  for (const auto& [key, value] : rows) then[space][key] = value;
  const During<const State*> coming(&coming_, &then);
  const auto sequence = (*loader)->Finish();
  RequireOk(sequence.status(), "BulkLoader::Finish");
  Require(*sequence == ++last_, [&] {
    return "a bulk load got sequence " + std::to_string(*sequence) + ", want " +
           std::to_string(last_);
  });
  now_ = then;
  ++totals_->loads;
  Check(Take(space));
}

// Life goes on between the rows.
void ModelRun::BulkRows(AnyLoader* loader, const Map& rows) {
  for (const auto& [key, value] : rows) {
    Do(loader->Add(key, value), "BulkLoader::Add");
    const std::uint64_t dice = random_.Below(100);
    if (dice < 10) WriteOne();
    if (dice == 10) WriteBatchOf(2 + random_.Below(6));
    if (dice == 11) Background();
    if (dice == 12) Check(Take(AnySpaceIndex()));
    if (wrong_) throw *wrong_;
  }
}

void ModelRun::DropAndMake() {
  const std::size_t space = AnySpaceIndex();
  const SpaceSpec& spec = FourSpaces()[space];
  // What was there is in a delta, in segments and in the log.
  for (int i = 0; i < 3; ++i) {
    const Batch batch = {{space, true, AnyKey(space), AnyValue()}};
    Settle(db_->Write(batch).status(), batch);
  }
  const During<bool> peeks(&peeks_, false);
  Do(db_->db.DropKeyspace(spec.name), "DropKeyspace");
  now_[space].clear();
  const Status late = db_->spaces[space]->Put(AnyKey(space), "late", {});
  Require(late.code() == StatusCode::kClosed,
          [&] { return "a write to a dropped keyspace: " + late.ToString(); });
  auto fresh = OpenSpace(&db_->db, spec.name, spec.kind);
  RequireOk(fresh.status(), "OpenKeyspace");
  db_->spaces[space] = *std::move(fresh);
  const std::uint32_t id = db_->spaces[space]->id();
  Require(id > id_max_, [&] { return "keyspace id " + std::to_string(id) + " used again"; });
  id_max_ = id;
  ++totals_->drops;
  Check(Take(space));
  CheckHeld();
}

void ModelRun::Checkpoint() {
  const std::string path = "/copy" + std::to_string(++copies_);
  const bool copies = random_.OneIn(2);
  if (copies) {
    faults_->Inject({.ops = {FsOp::kLink}, .sticky = true, .code = StatusCode::kUnsupported});
  }
  const auto sequence = db_->db.Checkpoint(path);
  faults_->Clear();
  RequireOk(sequence.status(), "Checkpoint");
  Require(*sequence == last_, [&] {
    return "a checkpoint at " + std::to_string(*sequence) + ", want " + std::to_string(last_);
  });
  ++totals_->checkpoints;
  // It is durable, and it is a database of its own.
  const auto cut = world_->Crash(CrashKind::kPowerCut, support::SimFs::kNow, random_.Next(),
                                 random_.OneIn(2) ? Unsynced::kAllOld : Unsynced::kSeeded);
  CheckCopy(cut.get(), cut->env(), path, /*write=*/false);
  const During<bool> peeks(&peeks_, false);
  if (!run_.threads) CheckCopy(world_.get(), world_->env(), path, /*write=*/true);
}

void ModelRun::CheckCopy(TestEnv* world, const io::Env& env, const std::string& path, bool write) {
  auto copy = Door::Open(path, options_, env);
  RequireOk(copy.status(), "Open of a checkpoint");
  const auto found = ReadAll(&*copy);
  RequireOk(found.status(), "reading a checkpoint");
  const std::string difference = Difference(*found, now_);
  Require(difference.empty(), [&] { return "a checkpoint: " + difference; });
  Do(copy->Verify(), "Verify of a checkpoint");
  if (write) {
    auto space = OpenSpace(&*copy, FourSpaces()[0].name, FourSpaces()[0].kind);
    RequireOk(space.status(), "OpenKeyspace in a checkpoint");
    Do((*space)->Put(U64Key(1), "only here", {}), "a write to a checkpoint");
  }
  Do(copy->Close(), "Close of a checkpoint");
  if (!write) world->fs().StopAt(0);
}

// A sync fails under a write. Whether the write will be there is not known until Resume says no.
void ModelRun::FailSyncAndResume() {
  const auto wal = support::NameEndsWith(".wal");
  Batch batch = {AnyOp(), AnyOp()};
  Settle(db_->Write(batch, {.durability = Durability::kSync}).status(), batch);
  batch[0] = {batch[0].space, true, batch[0].key, std::string(1000, 'u')};
  const std::uint64_t written = world_->fs().BytesWritten(wal);
  world_->fs().FailSync(1);
  ++syncs_failed_;
  const Status status = db_->Write(batch, {.durability = Durability::kSync}).status();
  if (status.code() != StatusCode::kUnknownOutcome) upkeep_failed_ = true;
  if (status.ok()) return Settle(status, batch);  // the background met it
  ++totals_->operations;
  CheckAll();
  if (status.code() == StatusCode::kReadOnly) return Do(db_->db.Resume(), "Resume");  // of a mark
  if (status.code() != StatusCode::kUnknownOutcome) return;
  // It may have been the sync of a seal, which is one sector, and the write was not even tried.
  const bool tried = world_->fs().BytesWritten(wal) - written > 1000;
  const Status refused = db_->spaces[0]->Put(AnyKey(0), "refused", {});
  Require(refused.code() == StatusCode::kReadOnly,
          [&] { return "a write after a failed sync: " + refused.ToString(); });
  {
    const During<bool> resuming(&resuming_, true);
    Do(db_->db.Resume(), "Resume");
  }
  ++totals_->resumes;
  const Sequence visible = db_->db.stats().visible;
  Require(visible >= last_ + (tried ? 1 : 0), [&] {
    return "Resume counts on from " + std::to_string(visible) + ", where an outcome was unknown";
  });
  last_ = visible;
  CheckAll();
  if (random_.OneIn(2)) Crash();
}

// ---------------------------------------------------------------------------------- reads

void ModelRun::CheckGet() {
  ++totals_->operations;
  const std::size_t space = AnySpaceIndex();
  const std::string key = AnyKey(space);
  std::string value = "untouched";
  const Status status = db_->spaces[space]->Get(key, &value);
  const auto want = now_[space].find(key);
  const bool there = want != now_[space].end();
  Require(status.code() == (there ? StatusCode::kOk : StatusCode::kNotFound),
          [&] { return "Get of " + Shown(key) + ": " + status.ToString(); });
  Require(value == (there ? want->second : "untouched"), [&] {
    return "Get of " + Shown(key) + ": found " + Shown(value) + ", want " +
           Shown(there ? want->second : "untouched");
  });
}

ModelRun::Held ModelRun::Take(std::size_t space) {
  ++totals_->operations;
  auto view = db_->spaces[space]->view();
  RequireOk(view.status(), "view");
  Require((*view)->sequence() == last_, [&] {
    return "a view at " + std::to_string((*view)->sequence()) + ", want " + std::to_string(last_);
  });
  return Held{space, *std::move(view), std::make_shared<const Map>(now_[space]), nullptr};
}

void ModelRun::Hold(Held held) {
  if (held_.size() >= kHeldMax) return;
  if (random_.OneIn(2)) {
    held.iterator = std::make_shared<WatchedIterator>(held.view->NewIterator(), held.map.get());
  }
  held_.push_back(std::move(held));
}

void ModelRun::HoldAtReadPoint() {
  const auto point = db_->db.read_point();
  RequireOk(point.status(), "read_point");
  const State then = now_;
  Require(point->sequence() == last_, [] { return "a read point at another sequence"; });
  for (std::uint64_t writes = random_.Below(5); writes > 0; --writes) WriteOne();
  for (std::size_t space = 0; space < now_.size(); ++space) {
    auto view = db_->spaces[space]->view(*point);
    RequireOk(view.status(), "view at a read point");
    Require((*view)->sequence() == point->sequence(),
            [] { return "a view at another sequence than its read point"; });
    Held held{space, *std::move(view), std::make_shared<const Map>(then[space]), nullptr};
    Check(held);
    if (random_.OneIn(2)) Hold(std::move(held));
  }
}

void ModelRun::Check(const Held& held) {
  ++totals_->operations;
  ViewCheck checker = Checker(held.space);
  checker.Some(*held.view, *held.map);
  if (held.iterator == nullptr) return;
  for (int i = 0; i < 3; ++i) held.iterator->Move(&random_, AnyKey(held.space));
}

void ModelRun::CheckOneHeld() {
  if (held_.empty()) return;
  const std::size_t i = random_.Below(held_.size());
  ++totals_->held_reads;
  Check(held_[i]);
  if (random_.OneIn(3)) held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(i));
}

void ModelRun::CheckHeld() {
  totals_->held_reads += held_.size();
  for (const Held& held : held_) Check(held);
}

void ModelRun::CheckAll() {
  const auto found = ReadAll(&db_->db);
  RequireOk(found.status(), "reading all");
  const std::string difference = Difference(*found, now_);
  Require(difference.empty(), [&] { return difference; });
  for (std::size_t space = 0; space < now_.size(); ++space) {
    ViewCheck checker = Checker(space);
    const Held held = Take(space);
    checker.All(*held.view, *held.map);
  }
}

// ------------------------------------------------------------------------- in the middle of things

// Called by the file system before it changes anything. Builds write to temporary files without
// holding a lock: there a commit, a flush, anything may come in between. A view can be taken
// anywhere.
void ModelRun::Meddle(FsOp op, std::string_view name) {
  if (meddling_ || db_ == nullptr || wrong_ || !peeks_) return;
  const During<bool> meddling(&meddling_, true);
  try {
    if (random_.OneIn(6)) Peek();
    const bool build = (op == FsOp::kCreate || op == FsOp::kWrite) &&
                       (name.ends_with(".keys.tmp") || name.ends_with(".data.tmp"));
    if (writes_left_ == 0 || !build || !random_.OneIn(4)) return;
    --writes_left_;
    ++totals_->meddled;
    if (random_.OneIn(3)) {
      world_->executor().RunOne("kyro-flush");
    } else {
      WriteBatchOf(1 + random_.Below(20));
    }
  } catch (const Wrong& wrong) {
    wrong_ = Wrong{"in the middle of " + std::string(support::FsOpName(op)) + " " +
                   std::string(name) + ": " + wrong.what};
  }
}

// Whatever is going on, a view shows what holds at its sequence, and nothing is visible before its
// time.
void ModelRun::Peek() {
  ++totals_->meddled;
  ++totals_->operations;
  const std::size_t space = AnySpaceIndex();
  const auto view = db_->spaces[space]->view();
  RequireOk(view.status(), "view");
  const Sequence at = (*view)->sequence();
  const bool ahead = at == last_ + 1 && coming_ != nullptr;
  Require(at == last_ || ahead || (resuming_ && at > last_),
          [&] { return "a view at " + std::to_string(at) + ", want " + std::to_string(last_); });
  ViewCheck checker = Checker(space);
  checker.Some(**view, ahead ? (*coming_)[space] : now_[space]);
}

// ---------------------------------------------------------------------------------- totals

void ModelRun::CheckTotals() const {
  const ModelRunTotals& totals = *totals_;
  const auto want = [](std::uint64_t found, std::uint64_t least, const char* of) {
    Require(found >= least, [&] {
      return "only " + std::to_string(found) + " " + of + ", want " + std::to_string(least);
    });
  };
  if (run_.steps >= 3000) {
    want(totals.flushes, 5, "flushes");
    want(totals.merges, 3, "merges");
    want(totals.rotations, 3, "rotations");
    want(totals.replays, 3, "replays");
    want(totals.tombstones, 100, "tombstones dropped");
    want(totals.predictions, 1, "predictions");
    want(totals.loads, 3, "bulk loads");
    want(totals.drops, 1, "drops");
    want(totals.checkpoints, 1, "checkpoints");
  }
  Require(totals.fallbacks == 0, [] { return "a model was wrong"; });
  Require(totals.unread_errors == 0, [] { return "a cursor met an error"; });
  Require(totals.failures <= syncs_failed_, [] { return "upkeep failed"; });
}

}  // namespace

std::string RunModel(const ModelRunOptions& options, ModelRunTotals* totals) {
  ModelRunTotals own;
  std::string wrong = ModelRun(options, &own).Run();
  totals->Add(own);
  return wrong;
}

}  // namespace kyro::db
