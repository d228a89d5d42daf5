// SPDX-License-Identifier: Apache-2.0
//
// The steps of a Program, in their order.
#include <algorithm>
#include <filesystem>
#include <type_traits>

#include "base/status_util.h"
#include "proofs/fault/program.h"

namespace kyro::proofs {
namespace {

std::string KeyOf(std::size_t space, std::uint64_t number) {
  if (db::FourSpaces()[space].kind == KeyKind::kU64) return db::U64Key(number * number * 977);
  return "k" + std::to_string(number);
}

}  // namespace

const std::vector<Program::Named>& Program::Steps() {
  static const std::vector<Named> steps = {
      {"open", &Program::StepOpen},
      {"puts", &Program::StepPuts},
      {"batches", &Program::StepBatches},
      {"flush", &Program::StepFlush},
      {"overwrite", &Program::StepOverwrite},
      {"upkeep", &Program::StepUpkeep},
      {"weak writes", &Program::StepWeak},
      {"idle", &Program::StepIdle},
      {"bulk load", &Program::StepBulkLoad},
      {"checkpoint", &Program::StepCheckpoint},
      {"drop", &Program::StepDrop},
      {"fold", &Program::StepFold},
      {"rebuild", &Program::StepRebuild},
      {"verify", &Program::StepVerify},
      {"failed sync", &Program::StepFailedSync},
      {"reads", &Program::StepReads},
      {"close", &Program::StepClose},
      {"read-only", &Program::StepReadOnly},
      {"copied", &Program::StepCopied},
      {"burst", &Program::StepBurst},
      {"kill", &Program::StepKill},
      {"recover", &Program::StepOpen},
      {"puts again", &Program::StepPuts},
      {"close again", &Program::StepClose},
  };
  return steps;
}

db::Batch Program::Rows(std::uint64_t from, std::uint64_t count, std::size_t bytes) {
  db::Batch batch;
  for (std::uint64_t i = from; i < from + count; ++i) {
    for (std::size_t space = 0; space < db::FourSpaces().size(); ++space) {
      batch.push_back(
          {space, true, KeyOf(space, i), std::string(bytes, static_cast<char>('a' + i % 26))});
    }
  }
  return batch;
}

void Program::StepOpen() {
  (void)Ready();
}

void Program::StepPuts() {
  for (const Op& op : Rows(1, Few(1, 2), 40)) Write({op});
  Write({{0, false, KeyOf(0, 2), ""}});
}

void Program::StepBatches() {
  Write(Rows(3, Few(1, 4), 60));
  Write({{1, false, KeyOf(1, 3), ""}, {2, true, KeyOf(2, 3), ""}, {3, true, "", "empty key"}});
}

void Program::StepFlush() {
  if (Ready() && Judge("Flush", Call([&] { return db::Door::Flush(*db_); }))) oracle_.Synced();
}

void Program::StepOverwrite() {
  for (std::uint64_t i = 1; i < Few(4, 7); ++i) {
    Write({{i % 4, i % 3 != 0, KeyOf(i % 4, i), std::string(200, 'o')},
           {(i + 1) % 4, true, KeyOf((i + 1) % 4, i + 20), std::string(200, 'p')}});
    (void)world_->executor().RunOne();
  }
}

void Program::StepUpkeep() {
  StepFlush();
  if (db_.has_value()) (void)Judge("upkeep", Call([&] { return db::Door::WaitForUpkeep(*db_); }));
}

void Program::StepWeak() {
  Write({{0, true, KeyOf(0, 30), "os"}}, Durability::kOs);
  Write(Rows(31, 1, 20), Durability::kInterval);
  Write({{1, true, KeyOf(1, 30), "os"}}, Durability::kOs);
  if (!Ready()) return;
  const Status synced = Call([&] { return db_->Sync(); });
  if (Judge("Sync", synced)) {
    oracle_.Synced();
  } else {
    (void)Mend();
  }
  Write({{3, true, KeyOf(3, 32), "later"}}, Durability::kInterval);
}

// Time passes: interval syncs, marks, upkeep.
void Program::StepIdle() {
  (void)world_->executor().Advance(std::chrono::milliseconds(150));
  if (db_.has_value()) (void)Mend();
}

void Program::BulkLoad(std::size_t space, const db::Batch& rows) {
  if (!Ready()) return;
  Keyspace<U64>& keyspace = *numbers_[space / 2];
  Status status;
  {
    auto loader = Call([&] { return keyspace.NewBulkLoader(); });
    status = loader.status();
    // It does not look what Add returns: a load that lost a row must not finish.
    for (std::size_t i = 0; loader.ok() && i < rows.size(); ++i) {
      const Status added = Call([&] { return loader->Add(db::U64Of(rows[i].key), rows[i].value); });
      if (status.ok()) status = added;
    }
    if (loader.ok()) {
      const Status finished = Call([&] { return loader->Finish().status(); });
      if (!status.ok() && finished.ok()) Wrong("a bulk load that lost a row finishes");
      status = finished;
    }
    Do([&] { loader = Status(StatusCode::kAborted); });
  }
  if (Judge("bulk load", status)) return oracle_.Synced(), oracle_.Commit(rows, true);
  if (status.code() == StatusCode::kUnknownOutcome) oracle_.Doubt(rows);
  (void)Mend();
}

void Program::StepBulkLoad() {
  db::Batch rows;
  for (std::uint64_t i = 1; i < Few(3, 9); ++i)
    rows.push_back({0, true, KeyOf(0, 2 * i), std::string(700, 'b')});
  BulkLoad(0, rows);
}

void Program::StepCheckpoint() {
  if (!Ready()) return;
  const std::filesystem::path to = world_->path("copy");
  Status status = Call([&] { return db_->Checkpoint(to).status(); });
  // Whatever it returned: if it is there, it is whole.
  copied_ = oracle_.now();
  if (!Judge("Checkpoint", status)) return static_cast<void>(Mend());
  oracle_.Synced();
  copy_made_ = true;
}

void Program::StepDrop() {
  if (!Ready()) return;
  const Status status = Call([&] { return db_->DropKeyspace(db::FourSpaces()[3].name); });
  if (Judge("DropKeyspace", status)) {
    oracle_.Empty(3);
    Do([&] { words_[1].reset(); });
  } else {
    if (status.code() == StatusCode::kUnknownOutcome) oracle_.DoubtEmpty(3);
    (void)Mend();
  }
  (void)Ready();
  Write(Rows(3, 1, 25));
}

void Program::StepFold() {
  if (!Ready()) return;
  if (Judge("Fold", Call([&] { return db_->Fold(); }))) {
    oracle_.Synced();
  } else {
    (void)Mend();
  }
}

void Program::StepRebuild() {
  if (Ready()) (void)Judge("RebuildIndex", Call([&] { return db_->RebuildIndex(); }));
}

void Program::StepVerify() {
  if (!Ready()) return;
  (void)Judge("Verify", Call([&] { return db_->Verify(); }));
  (void)Judge("Warm", Call([&] { return db_->Warm({.huge_pages = true}); }));
  const auto list = Call([&] { return db_->ListKeyspaces(); });
  if (Judge("ListKeyspaces", list.status()) && list->size() != db::FourSpaces().size()) {
    Wrong("ListKeyspaces shows " + std::to_string(list->size()));
  }
}

// A sync that really fails, so that Resume has work to do in every run.
void Program::StepFailedSync() {
  if (world_->sim() == nullptr || !Ready()) return;
  const db::Batch batch = {{2, true, KeyOf(2, 2), "undetermined"}};
  world_->FailNextSync(true);
  const Status status = WriteOnce(batch, {});
  world_->FailNextSync(false);
  Note(StatusCodeName(status.code()));
  if (status.ok()) return oracle_.Commit(batch, true);  // if it is not durable a crash will tell
  sync_failed_ = true;
  if (status.code() == StatusCode::kUnknownOutcome) oracle_.Doubt(batch);
  const Status resumed = Call([&] { return db_->Resume(); });
  if (Judge("Resume", resumed)) {
    sync_failed_ = false;
    if (oracle_.in_doubt()) oracle_.Resumed();
  } else {
    (void)Mend();
  }
  Write(Rows(2, 1, 30));
}

void Program::StepBurst() {
  for (std::uint64_t i = 0; i < Few(5, 9); ++i) {
    Write({{i % 4, true, KeyOf(i % 4, 40 + i), std::string(500, 'q')},
           {(i + 2) % 4, i % 3 != 0, KeyOf((i + 2) % 4, i), std::string(200, 'r')}});
  }
}

void Program::StepKill() {
  if (world_->sim() == nullptr) return StepClose();
  world_->Kill();
  clean_ = false;
  for (auto& space : numbers_) space.reset();
  for (auto& space : words_) space.reset();
  db_.reset();
  closed_.reset();
  world_->Bury();
}

void Program::StepReadOnly() {
  options_.read_only = true;
  if (Ready()) {
    StepReads();
    (void)Judge("Verify", Call([&] { return db_->Verify(); }));
  }
  Close();
  options_.read_only = false;
}

void Program::StepCopied() {
  options_.access = Access::kCopy;
  if (Ready()) StepReads();
  Write(Rows(9, 1, 35));
  StepFlush();
  Close();
  options_.access = Access::kMap;
}

void Program::StepClose() {
  Close();
}

// ---------------------------------------------------------------------------------- reading

namespace {

template <class K>
typename K::Key KeyIn(const std::string& key) {
  if constexpr (std::is_same_v<K, U64>) {
    return db::U64Of(key);
  } else {
    return key;
  }
}

}  // namespace

// Every key by Get, MultiGet and an iterator that goes backward; all must agree with `want`.
template <class K>
Status Program::Walk(Keyspace<K>* space, const db::Map& want) {
  std::vector<typename K::Key> keys;
  for (const auto& [key, value] : want) keys.push_back(KeyIn<K>(key));
  std::vector<Lookup> lookups(keys.size());
  auto view = Call([&] { return space->view(); });
  KYRO_RETURN_IF_ERROR(view.status());
  KYRO_RETURN_IF_ERROR(Call([&] { return view->MultiGet(keys, lookups); }));
  std::size_t i = 0;
  std::string value;
  for (const auto& [key, wanted] : want) {
    if (!lookups[i].present() || lookups[i].value() != wanted) Wrong("MultiGet differs");
    const Status got = Call([&] { return space->Get(keys[i], &value); });
    if (got.ok() ? value != wanted : got.code() == StatusCode::kNotFound) Wrong("Get differs");
    KYRO_RETURN_IF_ERROR(got);
    ++i;
  }
  auto it = Call([&]() -> Result<Iterator<K>> { return view->NewIterator(); });
  Do([&] { it->SeekToLast(); });
  for (auto row = want.rbegin(); row != want.rend() && it->status().ok(); ++row) {
    if (!it->Valid() || it->value() != row->second) {
      if (it->status().ok()) Wrong("an iterator differs");
      break;
    }
    Do([&] { it->Prev(); });
  }
  if (it->Valid()) Wrong("an iterator shows too much");
  std::uint64_t rows = 0;
  Status scanned;
  Do([&] {
    Scan<K> scan = view->scan({.lo = KeyIn<K>(std::string(8, '\0')), .hi = {}});
    for (auto row : scan) rows += !row.value.empty();
    scanned = scan.status();
  });
  KYRO_RETURN_IF_ERROR(scanned);
  return it->status();
}

void Program::StepReads() {
  if (!Ready()) return;
  for (std::size_t i = 0; i < db::FourSpaces().size(); ++i) {
    const db::Map& want = oracle_.now()[i];
    const bool number = db::FourSpaces()[i].kind == KeyKind::kU64;
    const Status status = number ? Walk(&*numbers_[i / 2], want) : Walk(&*words_[i / 2], want);
    if (!status.ok() && !world_->ReadsMayFail()) Wrong("a read fails: " + status.ToString());
    (void)Judge("read", status);
  }
}

}  // namespace kyro::proofs
