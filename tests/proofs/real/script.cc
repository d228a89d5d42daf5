// SPDX-License-Identifier: Apache-2.0
#include "proofs/real/script.h"

#include <memory>
#include <utility>

#include "base/status_util.h"
#include "db/inspect.h"
#include "io/env.h"
#include "support/fake_clock.h"
#include "support/seeded_random.h"
#include "support/step_executor.h"

namespace kyro::proofs {

using db::Batch;
using db::Door;
using db::FourSpaces;
using db::Op;
using db::U64Key;
using db::U64Of;
using support::SeededRandom;
using Kind = Step::Kind;

// The keyspace that is loaded in bulk, and the one that is dropped.
constexpr std::size_t kLoaded = 0;
constexpr std::size_t kDropped = 3;

const char* NameOf(Kind kind) {
  constexpr const char* kNames[] = {"put",        "delete", "batch", "bulk load", "sync",
                                    "flush",      "upkeep", "time",  "fold",      "rebuild",
                                    "checkpoint", "drop",   "reopen"};
  return kNames[static_cast<int>(kind)];
}

std::string Script::Text() const {
  constexpr const char* kNames[] = {"kSync", "kInterval", "kOs"};
  return "script " + std::to_string(seed) + " (" + kNames[static_cast<int>(options.durability)] +
         ")";
}

std::string DatabaseIn(const std::string& world) {
  return world + "/db";
}
std::string CheckpointIn(const std::string& world, std::size_t step) {
  return world + "/checkpoint" + std::to_string(step);
}

// ---------------------------------------------------------------------------------- writing one

namespace {

class Writer {
 public:
  Writer(std::uint64_t seed, Durability durability) : random_(seed) {
    script_.seed = seed;
    script_.options = db::TinyOptions();
    script_.options.delta_bytes = 4096;
    script_.options.wal_file_bytes = 4096;
    script_.options.batch_bytes_max = 16384;
    script_.options.segment_bytes = 16 << 10;
    script_.options.durability = durability;
    script_.options.sync_interval = std::chrono::milliseconds(5);
    script_.states.emplace_back(FourSpaces().size());
    script_.commits.push_back(0);
  }

  Script Write(int rounds) {
    constexpr Kind kOthers[] = {Kind::kUpkeep,  Kind::kFlush,  Kind::kSync,       Kind::kBulkLoad,
                                Kind::kAdvance, Kind::kUpkeep, Kind::kCheckpoint, Kind::kFold,
                                Kind::kRebuild, Kind::kDrop,   Kind::kUpkeep,     Kind::kReopen};
    for (int round = 0; round < rounds; ++round) {
      for (const Kind other : kOthers) {
        for (std::uint64_t i = 2 + random_.Below(6); i > 0; --i) AddWrite();
        if (other == Kind::kBulkLoad) {
          AddBulkLoad();
        } else {
          Add({other, {}, kDropped});
        }
      }
    }
    for (int i = 0; i < 4; ++i) AddWrite();
    return std::move(script_);
  }

 private:
  void Add(Step step) {
    db::State state = script_.states.back();
    db::Apply(step.batch, &state);
    if (step.kind == Kind::kDrop) state[step.space].clear();
    script_.commits.push_back(script_.commits.back() + (step.batch.empty() ? 0 : 1));
    script_.states.push_back(std::move(state));
    script_.steps.push_back(std::move(step));
  }
  Op AnyOp() {
    Op op;
    // Most go to two keyspaces, so that a flush need not write segments of all four.
    op.space = random_.OneIn(12) ? 2 + random_.Below(2) : random_.Below(2);
    op.put = !random_.OneIn(3);
    const std::uint64_t key = random_.Below(25);
    op.key = FourSpaces()[op.space].kind == KeyKind::kU64
                 ? U64Key(key == 0 ? ~std::uint64_t{0} : key * key * 977)
                 : "k" + std::to_string(key);
    // The step's number makes every state different.
    if (op.put) {
      op.value = std::to_string(script_.steps.size() + 1) + random_.String(random_.Below(90));
    }
    return op;
  }
  void AddWrite() {
    Step step{Kind::kBatch, {}, 0};
    const std::uint64_t count = random_.OneIn(2) ? 2 + random_.Below(6) : 1;
    for (std::uint64_t i = 0; i < count; ++i) step.batch.push_back(AnyOp());
    if (count == 1) step.kind = step.batch[0].put ? Kind::kPut : Kind::kDelete;
    if (random_.OneIn(25)) {
      step.kind = Kind::kBatch;
      Op large = AnyOp();
      large.put = true;
      large.value = random_.String(5000);
      step.batch.push_back(large);
    }
    Add(std::move(step));
  }
  void AddBulkLoad() {
    Step step{Kind::kBulkLoad, {}, 0};
    for (std::uint64_t key = 1; key <= 12; ++key) {
      step.batch.push_back({kLoaded, true, U64Key(key * key * 977 * 2),
                            std::to_string(script_.steps.size() + 1) + random_.String(20)});
    }
    Add(std::move(step));
  }

  Script script_;
  SeededRandom random_;
};

// ---------------------------------------------------------------------------------- running one

class Runner {
 public:
  Runner(const Script& script, const std::string& world, ScriptLedger* ledger,
         const std::function<void(std::size_t)>& before_step)
      : script_(script),
        world_(world),
        ledger_(ledger),
        before_step_(before_step),
        random_(script.seed) {}

  Status Run() {
    KYRO_RETURN_IF_ERROR(Open());
    ledger_->opened = 1;
    for (std::size_t x = 1; x <= script_.steps.size(); ++x) {
      ledger_->started = x;
      if (before_step_) before_step_(x);
      Status status = Do(script_.steps[x - 1], x);
      if (!status.ok()) {
        return Error(status.code(), "step {} ({}): {}", x, NameOf(script_.steps[x - 1].kind),
                     status.ToString());
      }
      NoteDurable(script_.steps[x - 1], x);
      ledger_->done = x;
    }
    return Close();
  }

 private:
  Status Open() {
    KYRO_ASSIGN_OR_RETURN(Db db, Door::Open(DatabaseIn(world_), script_.options, env_));
    db_ = std::make_unique<db::OpenDb>(std::move(db));
    return db_->OpenSpaces();
  }
  Status Close() {
    KYRO_RETURN_IF_ERROR(db_->db.Close());
    const Stats stats = db_->db.stats();
    ledger_->flushes += stats.flushes;
    ledger_->merges += stats.merges;
    ledger_->rotations += stats.log_rotations;
    ledger_->retrains += stats.retrains;
    db_ = nullptr;
    return Status::Ok();
  }

  Status Do(const Step& step, std::size_t x) {
    Db& db = db_->db;
    switch (step.kind) {
      case Kind::kPut:
        return db_->spaces[step.batch[0].space]->Put(step.batch[0].key, step.batch[0].value, {});
      case Kind::kDelete:
        return db_->spaces[step.batch[0].space]->Delete(step.batch[0].key, {});
      case Kind::kBatch:
        return CheckSequence(db_->Write(step.batch), x);
      case Kind::kBulkLoad:
        return BulkLoad(step, x);
      case Kind::kSync:
        return db.Sync();
      case Kind::kFlush:
        return Door::Flush(db);
      case Kind::kUpkeep:
        executor_.RunDue();
        return Status::Ok();
      case Kind::kAdvance:
        executor_.Advance(std::chrono::milliseconds(12));
        return Status::Ok();
      case Kind::kFold:
        return db.Fold();
      case Kind::kRebuild:
        return db.RebuildIndex();
      case Kind::kCheckpoint:
        return CheckSequence(db.Checkpoint(CheckpointIn(world_, x)), x);
      case Kind::kDrop:
        return DropAndMake(step.space);
      case Kind::kReopen:
        KYRO_RETURN_IF_ERROR(Close());
        return Open();
    }
    return Status::Ok();
  }

  Status CheckSequence(const Result<Sequence>& sequence, std::size_t x) const {
    KYRO_RETURN_IF_ERROR(sequence.status());
    if (*sequence == script_.commits[x]) return Status::Ok();
    return Error(StatusCode::kInternal, "sequence {}, want {}", *sequence, script_.commits[x]);
  }
  Status BulkLoad(const Step& step, std::size_t x) {
    KYRO_ASSIGN_OR_RETURN(auto space, db_->db.OpenKeyspace<U64>(FourSpaces()[kLoaded].name));
    KYRO_ASSIGN_OR_RETURN(auto loader, space.NewBulkLoader());
    for (const Op& row : step.batch) KYRO_RETURN_IF_ERROR(loader.Add(U64Of(row.key), row.value));
    return CheckSequence(loader.Finish(), x);
  }
  Status DropAndMake(std::size_t space) {
    const db::SpaceSpec& spec = FourSpaces()[space];
    KYRO_RETURN_IF_ERROR(db_->db.DropKeyspace(spec.name));
    KYRO_ASSIGN_OR_RETURN(db_->spaces[space], db::OpenSpace(&db_->db, spec.name, spec.kind));
    return Status::Ok();
  }

  // What the contract says survives a power cut from here on (S1).
  void NoteDurable(const Step& step, std::size_t x) {
    const bool committed = !step.batch.empty();
    const bool durable = step.kind == Kind::kSync || step.kind == Kind::kBulkLoad ||
                         step.kind == Kind::kDrop || step.kind == Kind::kReopen ||
                         (committed && script_.options.durability == Durability::kSync);
    if (durable) {
      ledger_->durable_step = x;
      ledger_->durable = script_.commits[x];
    }
    ledger_->durable = std::max<Sequence>(ledger_->durable, db_->db.stats().durable);
  }

  const Script& script_;
  const std::string world_;
  ScriptLedger* const ledger_;
  const std::function<void(std::size_t)>& before_step_;
  support::FakeClock clock_;
  support::StepExecutor executor_{&clock_};
  SeededRandom random_;
  const io::Env env_{io::SystemEnv().fs, &executor_, &clock_, &random_};
  std::unique_ptr<db::OpenDb> db_;
};

}  // namespace

Script MakeScript(std::uint64_t seed, Durability durability, int rounds) {
  return Writer(seed, durability).Write(rounds);
}

int RecoverScript(const Script& script, const std::string& world, std::uint64_t seed,
                  std::atomic<Sequence>* opened) {
  support::FakeClock clock;
  support::StepExecutor executor(&clock);
  SeededRandom random(seed);
  const io::Env env{io::SystemEnv().fs, &executor, &clock, &random};
  auto db = Door::Open(DatabaseIn(world), script.options, env);
  if (!db.ok()) return 1;  // the recovery that follows says why
  *opened = db->stats().visible + 1;
  return db->Close().ok() ? 0 : 1;
}

int RunScript(const Script& script, const std::string& world, ScriptLedger* ledger,
              const std::function<void(std::size_t)>& before_step) {
  const Status status = Runner(script, world, ledger, before_step).Run();
  if (status.ok()) return 0;
  ledger->error.Set(status.ToString());
  return 1;
}

}  // namespace kyro::proofs
