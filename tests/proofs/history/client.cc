// SPDX-License-Identifier: Apache-2.0
#include "proofs/history/client.h"

#include <algorithm>
#include <optional>

namespace kyro::proofs {
namespace {

constexpr std::size_t kHeldMax = 3;

// A walk ends after so many rows, or at the end of the keyspace.
constexpr std::uint64_t kWalkMax = 70;

}  // namespace

std::vector<Op> World::Client::Run(int operations) {
  for (int i = 0; i < operations; ++i) {
    const std::uint64_t dice = random_.Below(100);
    if (dice < 10) {
      // A failed sync leaves holes in the sequence numbers: then every commit must tell its own.
      world_.plan_.failing_sync ? Write() : Put();
    } else if (dice < 14) {
      world_.plan_.failing_sync ? Write() : Delete();
    } else if (dice < 45) {
      Write();
    } else if (dice < 72) {
      Get();
    } else if (dice < 84) {
      TakeView();
    } else if (dice < 93) {
      TakeReadPoint();
    } else {
      ReadHeld();
    }
  }
  // What is held from here on is known in full: so the checker settles on the order of commits
  // that overlapped, and later reads have something to be compared with.
  for (Held& held : held_) {
    if (!held.op) continue;
    for (Seen& seen : world_.Everything(held.views)) {
      ops_[*held.op].seen.push_back(std::move(seen));
    }
    held.op.reset();
  }
  const std::lock_guard lock(world_.late_mutex_);
  std::move(late_.begin(), late_.end(), std::back_inserter(world_.late_));
  return std::move(ops_);
}

Op World::Client::Begin(Op::Kind kind) {
  Op op;
  op.kind = kind;
  op.begin = world_.TakeStamp();
  return op;
}

void World::Client::End(Op* op) {
  op->end = world_.TakeStamp();
}

WriteOptions World::Client::Durable() {
  if (world_.plan_.durability) return {.durability = world_.plan_.durability};
  return {.durability = static_cast<Durability>(random_.Below(3))};
}

void World::Client::Failed(const Status& status, const char* what) {
  world_.Violation(std::string(what) + ": " + status.ToString());
}

// An error is "not applied", for ever: then nobody may see the values. That holds of an unknown
// outcome too, until the database is reopened.
void World::Client::Commit(Op op, const Status& status) {
  if (status.ok()) return Record(std::move(op));
  world_.Fine(status, "write");
}

// ---------------------------------------------------------------------------------- operations

void World::Client::Put() {
  const std::size_t space = Space();
  const Cell cell{space, world_.RandomKey(space, &random_)};
  const std::string value = world_.NewValue(&random_);
  const WriteOptions options = Durable();
  Op op = Begin(Op::Kind::kCommit);
  const Status status = world_.spaces_[space]->Put(cell.key, value, options);
  End(&op);
  op.changes = {{cell, value}};
  Commit(std::move(op), status);
}

void World::Client::Delete() {
  const std::size_t space = Space();
  const Cell cell{space, world_.RandomKey(space, &random_)};
  const WriteOptions options = Durable();
  Op op = Begin(Op::Kind::kCommit);
  const Status status = world_.spaces_[space]->Delete(cell.key, options);
  End(&op);
  op.changes = {{cell, {}}};
  Commit(std::move(op), status);
}

void World::Client::Write() {
  WriteBatch batch;
  std::vector<Change> changes;
  const std::uint64_t count = random_.Between(1, 5);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::size_t space = Space();
    Change change{{space, world_.RandomKey(space, &random_)}, {}};
    if (random_.OneIn(5)) {
      world_.spaces_[space]->BatchDelete(&batch, change.cell.key);
    } else {
      change.value = world_.NewValue(&random_);
      world_.spaces_[space]->BatchPut(&batch, change.cell.key, *change.value);
    }
    changes.push_back(std::move(change));
  }
  const WriteOptions options = Durable();
  Op op = Begin(Op::Kind::kCommit);
  const auto sequence = world_.db_->Write(batch, options);
  End(&op);
  op.changes = std::move(changes);
  if (sequence.ok()) op.sequence = *sequence;
  Commit(std::move(op), sequence.status());
}

void World::Client::Get() {
  const std::size_t space = Space();
  Cell cell{space, world_.RandomKey(space, &random_)};
  std::string value;
  Op op = Begin(Op::Kind::kGet);
  const Status status = world_.spaces_[space]->Get(cell.key, &value);
  End(&op);
  if (!status.ok() && status.code() != StatusCode::kNotFound) return Failed(status, "get");
  op.seen.push_back(Seen::Lookup(std::move(cell), status.ok() ? Value(value) : std::nullopt));
  Record(std::move(op));
}

void World::Client::TakeView() {
  const std::size_t space = Space();
  Op op = Begin(Op::Kind::kView);
  auto view = world_.spaces_[space]->view();
  End(&op);
  if (!view.ok()) return Failed(view.status(), "view");
  op.sequence = (*view)->sequence();
  Held held;
  held.sequence = op.sequence;
  held.views.resize(world_.spaces_.size());
  held.views[space] = *std::move(view);
  ReadAndRecord(std::move(op), std::move(held));
}

void World::Client::TakeReadPoint() {
  Op op = Begin(Op::Kind::kView);
  const auto point = world_.db_->read_point();
  End(&op);
  if (!point.ok()) return Failed(point.status(), "read point");
  op.sequence = point->sequence();
  auto views = world_.ViewsAt(*point);
  if (!views.ok()) return Failed(views.status(), "view at a read point");
  for (const auto& view : *views) {
    if (view->sequence() == op.sequence) continue;
    world_.Violation("a view at read point " + std::to_string(op.sequence) + " has sequence " +
                     std::to_string(view->sequence()));
  }
  Held held;
  held.sequence = op.sequence;
  held.views = *std::move(views);
  ReadAndRecord(std::move(op), std::move(held));
}

void World::Client::ReadAndRecord(Op op, Held held) {
  for (std::uint64_t i = random_.Between(1, 3); i > 0; --i) ReadThrough(held, &op.seen);
  Record(std::move(op));
  if (!random_.OneIn(3)) return;
  if (held_.size() == kHeldMax) held_.erase(held_.begin());
  held.op = ops_.size() - 1;
  held_.push_back(std::move(held));
}

// Through a view that was taken a while ago, perhaps in another history.
void World::Client::ReadHeld() {
  if (held_.empty()) return;
  const Held& held = held_[random_.Below(held_.size())];
  if (held.op) return ReadThrough(held, &ops_[*held.op].seen);
  std::vector<Seen> seen;
  ReadThrough(held, &seen);
  for (Seen& each : seen) {
    late_.push_back({held.sequence, std::move(each), "a view held for long"});
  }
}

// ---------------------------------------------------------------------------------- reads

void World::Client::ReadThrough(const Held& held, std::vector<Seen>* seen) {
  std::size_t space = Space();
  if (held.views[space] == nullptr) space = 1 - space;
  const db::AnyView& view = *held.views[space];
  switch (random_.Below(6)) {
    case 0:
    case 1:
      return LookUp(space, view, seen);
    case 2:
      return LookUpMany(space, view, seen);
    case 3:
      return Scan(space, view, seen);
    case 4:
      return WalkForward(space, view, seen);
    default:
      return WalkBackward(space, view, seen);
  }
}

void World::Client::LookUp(std::size_t space, const db::AnyView& view, std::vector<Seen>* seen) {
  Cell cell{space, world_.RandomKey(space, &random_)};
  const Lookup lookup = view.Get(cell.key);
  if (lookup.failed()) return Failed(lookup.status(), "get through a view");
  const Value value = lookup.present() ? Value(lookup.value()) : std::nullopt;
  seen->push_back(Seen::Lookup(std::move(cell), value));
}

void World::Client::LookUpMany(std::size_t space, const db::AnyView& view,
                               std::vector<Seen>* seen) {
  std::vector<std::string> keys(random_.Between(1, 20));
  for (std::string& key : keys) key = world_.RandomKey(space, &random_);
  std::vector<Lookup> lookups;
  const Status status = view.MultiGet(keys, &lookups);
  if (!status.ok()) return Failed(status, "multiget");
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const Value value = lookups[i].present() ? Value(lookups[i].value()) : std::nullopt;
    seen->push_back(Seen::Lookup({space, keys[i]}, value));
  }
}

void World::Client::Scan(std::size_t space, const db::AnyView& view, std::vector<Seen>* seen) {
  Seen found;
  found.lo.space = space;
  std::optional<std::string> lo;
  if (!random_.OneIn(3)) found.lo.key = *(lo = world_.RandomKey(space, &random_));
  if (!random_.OneIn(3)) found.hi = world_.RandomKey(space, &random_);
  const Status status = random_.OneIn(2) ? view.Scan(lo, found.hi, &found.rows)
                                         : view.ScanBatches(lo, found.hi, &found.rows);
  if (!status.ok()) return Failed(status, "scan");
  if (lo && found.hi && *found.hi < *lo) {
    if (!found.rows.empty()) world_.Violation("rows in a range that is upside down");
    return;
  }
  seen->push_back(std::move(found));
}

void World::Client::WalkForward(std::size_t space, const db::AnyView& view,
                                std::vector<Seen>* seen) {
  Seen found;
  found.lo = {space, world_.RandomKey(space, &random_)};
  const auto it = view.NewIterator();
  std::uint64_t left = random_.Between(1, kWalkMax);
  for (it->Seek(found.lo.key); it->Valid() && left > 0; it->Next(), --left) {
    found.rows.emplace_back(it->key(), it->value());
  }
  if (!it->status().ok()) return Failed(it->status(), "walk");
  if (it->Valid()) found.hi = it->key();
  seen->push_back(std::move(found));
}

void World::Client::WalkBackward(std::size_t space, const db::AnyView& view,
                                 std::vector<Seen>* seen) {
  Seen found;
  found.lo.space = space;
  const std::string last = world_.RandomKey(space, &random_);
  found.hi = last + '\0';
  const auto it = view.NewIterator();
  std::uint64_t left = random_.Between(1, kWalkMax);
  for (it->SeekForPrev(last); it->Valid() && left > 0; it->Prev(), --left) {
    found.rows.emplace_back(it->key(), it->value());
  }
  if (!it->status().ok()) return Failed(it->status(), "walk back");
  std::reverse(found.rows.begin(), found.rows.end());
  if (it->Valid()) found.lo.key = it->key() + '\0';
  seen->push_back(std::move(found));
}

}  // namespace kyro::proofs
