// SPDX-License-Identifier: Apache-2.0
#include "proofs/real/crowd.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include "base/status_util.h"
#include "db/inspect.h"
#include "proofs/real/crowd_write.h"

namespace kyro::proofs {

using db::FourSpaces;
using db::Op;
using db::U64Key;
using db::U64Of;
using support::SeededRandom;

// The keyspace of the loader; the writers have the others.
constexpr std::size_t kLoaded = 2;
constexpr std::size_t kWritten[] = {0, 1, 3};

CrowdWrite WriteOf(const CrowdPlan& plan, std::size_t thread, std::uint64_t number) {
  SeededRandom random(((plan.seed * 1'000'003 + plan.round) * 64 + thread) * 1'000'003 + number);
  const std::string tag = std::to_string(plan.round) + "." + std::to_string(thread) + "." +
                          std::to_string(number) + ".";
  CrowdWrite write;
  write.durability = plan.options.durability;
  if (thread == kCrowdLoader) {
    write.durability = Durability::kSync;  // bulk loads are durable in every mode
    for (std::uint64_t key = 1 + random.Below(3); key < 30; key += 1 + random.Below(5)) {
      write.batch.push_back({kLoaded, true, U64Key(key * 977), tag});
    }
    return write;
  }
  if (random.OneIn(8)) write.durability = Durability::kSync;
  for (std::uint64_t count = random.OneIn(3) ? 1 : 2 + random.Below(5); count > 0; --count) {
    Op op;
    op.space = kWritten[random.Below(std::size(kWritten))];
    op.put = !random.OneIn(4);
    const std::uint64_t key = random.Below(40);
    op.key = FourSpaces()[op.space].kind == KeyKind::kU64 ? U64Key(key * key)
                                                          : "k" + std::to_string(key);
    if (op.put) op.value = tag + random.String(random.Below(120));
    write.batch.push_back(std::move(op));
  }
  return write;
}

Options CrowdOptions(Durability durability) {
  Options options = db::TinyOptions();
  options.delta_bytes = 16 << 10;
  options.wal_file_bytes = 16 << 10;
  options.batch_bytes_max = 32 << 10;
  options.segment_bytes = 16 << 10;
  options.durability = durability;
  options.sync_interval = std::chrono::milliseconds(2);
  return options;
}

namespace {

void Raise(std::atomic<Sequence>* to, Sequence value) {
  Sequence now = to->load();
  while (now < value && !to->compare_exchange_weak(now, value)) {
  }
}

class Member {
 public:
  Member(const CrowdPlan& plan, const std::string& world, db::OpenDb* open, CrowdLedger* ledger)
      : plan_(plan), world_(world), open_(open), ledger_(ledger) {}

  void Write(std::size_t thread) {
    for (std::uint64_t i = 0; i < kCrowdWritesMax; ++i) {
      const CrowdWrite write = WriteOf(plan_, thread, i);
      ledger_->threads[thread].issued = i + 1;
      if (!Answer(thread, i, write, open_->Write(write.batch, {.durability = write.durability}))) {
        return;
      }
    }
  }

  void Load() {
    SeededRandom random(plan_.seed * 31 + plan_.round);
    for (std::uint64_t i = 0; i < kCrowdWritesMax; ++i) {
      const CrowdWrite write = WriteOf(plan_, kCrowdLoader, i);
      ledger_->threads[kCrowdLoader].issued = i + 1;
      if (!Answer(kCrowdLoader, i, write, BulkLoad(write.batch))) return;
      if (!GoOn(Chore(&random, i), "a chore")) return;
    }
  }

  // Until the others are done.
  void Read(const std::atomic<int>* writing) {
    while (writing->load() > 0) {
      const auto point = open_->db.read_point();
      if (!point.ok()) return static_cast<void>(GoOn(point.status(), "read_point"));
      Raise(&ledger_->seen, point->sequence());
      Raise(&ledger_->durable, open_->db.stats().durable);
      std::this_thread::yield();
    }
  }

 private:
  Result<Sequence> BulkLoad(const db::Batch& rows) {
    KYRO_ASSIGN_OR_RETURN(auto space, open_->db.OpenKeyspace<U64>(FourSpaces()[kLoaded].name));
    KYRO_ASSIGN_OR_RETURN(auto loader, space.NewBulkLoader());
    for (const Op& row : rows) KYRO_RETURN_IF_ERROR(loader.Add(U64Of(row.key), row.value));
    return loader.Finish();
  }

  Status Chore(SeededRandom* random, std::uint64_t i) {
    Db& db = open_->db;
    switch (random->Below(8)) {
      case 0:
        return db.Fold();
      case 1:
        return db.RebuildIndex();
      case 2: {
        const std::string path =
            world_ + "/made" + std::to_string(plan_.round) + "." + std::to_string(i);
        KYRO_RETURN_IF_ERROR(db.Checkpoint(path).status());
        ++ledger_->checkpoints;
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
        return Status::Ok();
      }
      case 3:
      case 4: {
        const Sequence before = db.stats().visible;
        KYRO_RETURN_IF_ERROR(db.Sync());
        Raise(&ledger_->durable, before);
        return Status::Ok();
      }
      default:
        return Status::Ok();
    }
  }

  // Notes the answer. False if the thread is to stop.
  bool Answer(std::size_t thread, std::uint64_t i, const CrowdWrite& write,
              const Result<Sequence>& sequence) {
    ThreadLedger& mine = ledger_->threads[thread];
    if (sequence.ok()) {
      mine.writes[i].sequence = *sequence;
      mine.writes[i].durable = write.durability == Durability::kSync ? 1 : 0;
      mine.answered = i + 1;
      return true;
    }
    // Of an unknown outcome nothing is noted: the write stays in flight.
    if (sequence.status().code() != StatusCode::kUnknownOutcome) mine.answered = i + 1;
    return GoOn(sequence.status(), "a write");
  }

  bool GoOn(const Status& status, const char* what) {
    if (status.ok()) return true;
    if (ledger_->failing == 0) ledger_->error.Set(std::string(what) + ": " + status.ToString());
    return false;
  }

  const CrowdPlan& plan_;
  const std::string& world_;
  db::OpenDb* const open_;
  CrowdLedger* const ledger_;
};

Status Crowd(const CrowdPlan& plan, const std::string& world, CrowdLedger* ledger) {
  KYRO_ASSIGN_OR_RETURN(Db db, Db::Open(world + "/db", plan.options));
  ledger->recovered = db.stats().visible + 1;
  db::OpenDb open(std::move(db));
  KYRO_RETURN_IF_ERROR(open.OpenSpaces());
  ledger->opened = 1;
  Member member(plan, world, &open, ledger);
  std::atomic<int> writing{static_cast<int>(kCrowdThreads)};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kCrowdWriters; ++t) {
    threads.emplace_back([&, t] {
      member.Write(t);
      --writing;
    });
  }
  threads.emplace_back([&] {
    member.Load();
    --writing;
  });
  threads.emplace_back([&] { member.Read(&writing); });
  for (std::thread& thread : threads) thread.join();
  return open.db.Close();
}

}  // namespace

int RunCrowd(const CrowdPlan& plan, const std::string& world, CrowdLedger* ledger) {
  const Status status = Crowd(plan, world, ledger);
  if (!status.ok() && ledger->failing == 0) ledger->error.Set(status.ToString());
  return status.ok() && ledger->error.empty() ? 0 : 1;
}

}  // namespace kyro::proofs
