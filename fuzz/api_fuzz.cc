// SPDX-License-Identifier: Apache-2.0
//
// The input is a program over the public API, run on a simulated disk with background work that
// runs when the program says so, against std::map. It writes, reads in every way, keeps views,
// loads in bulk, drops keyspaces, makes checkpoints, flushes, folds, retrains, verifies, closes and
// opens; it makes calls of the file system fail, resumes, kills and cuts the power, between calls
// and in the middle of them, and of recovery too. Every answer is the map's; a power cut may only
// take back what no sync had covered; an error other than kUnknownOutcome was not applied (G1 to
// G7).
#include <algorithm>
#include <array>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "db/any_space.h"
#include "db/inspect.h"
#include "fuzz/fuzz.h"
#include "support/fault_fs.h"
#include "support/test_env.h"

namespace kyro::fuzz {
namespace {

using db::AnySpace;
using db::AnyView;
using db::Map;
using db::Rows;
using support::CrashKind;
using support::FsOp;

constexpr std::size_t kSpaces = 2;
constexpr std::size_t kStepsMax = 80;
constexpr std::size_t kHeldMax = 4;
constexpr std::string_view kNames[kSpaces] = {"cells", "words"};
constexpr KeyKind kKinds[kSpaces] = {KeyKind::kU64, KeyKind::kBytes};

using State = std::array<Map, kSpaces>;

void Must(const Status& status) {
  KYRO_REQUIRE(status.ok(), status.ToString());
}

class Program {
 public:
  explicit Program(Input* input) : input_(input) {
    const std::uint8_t how = input_->U8();
    options_.delta_bytes = std::size_t{4096} << (how % 2);
    options_.wal_file_bytes = 4096;
    options_.batch_bytes_max = 1 << 20;  // more than any batch here
    options_.segment_bytes = 4096;
    options_.durability = static_cast<Durability>(how / 2 % 3);
    options_.access = (how & 8) != 0 ? Access::kCopy : Access::kMap;
    NewWorld(std::make_unique<support::TestEnv>());
    history_.emplace_back(0, State{});
    Must(Open());
  }

  void Run() {
    for (std::size_t step = 0; step < kStepsMax && !input_->empty(); ++step) {
      Step();
      if (world_->fs().stopped()) Crash();
    }
    PutFuseOut();
    Heal();
    CheckHeld();
    CheckAll();
    held_.clear();
    Must(Close());
    Must(Open());
    KYRO_REQUIRE(db_->stats().was_clean, "closed, but recovered");
    CheckAll();
    Must(db_->Verify());
    Must(Close());
  }

 private:
  struct Held {
    std::size_t space;
    std::shared_ptr<AnyView> view;
    Map map;
  };

  const State& now() const { return history_.back().second; }
  Sequence last() const { return history_.back().first; }

  // ------------------------------------------------------------------------ choices

  std::size_t Space() { return input_->U8() % kSpaces; }
  // Few, so that they are met again, with the extremes among them.
  std::string Key(std::size_t space) {
    const std::uint8_t choice = input_->U8();
    if (kKinds[space] == KeyKind::kU64) {
      if (choice >= 0xf8) return db::U64Key(~std::uint64_t{0} >> (choice - 0xf8) * 9);
      return db::U64Key(choice % 2 == 0 ? choice : std::uint64_t{choice} << (choice % 50));
    }
    if (choice >= 0xf0) return std::string(choice - 0xf0, choice % 2 == 0 ? '\0' : '\xff');
    return "key" + std::to_string(choice);
  }
  std::string Value() {
    const std::uint8_t bytes = input_->U8();
    const std::size_t count = bytes >= 0xf8 ? std::size_t{700} * (bytes - 0xf7) : bytes % 64;
    return std::string(count, static_cast<char>(last())) + (count % 3 == 0 ? "" : "tail");
  }
  WriteOptions Mode() {
    WriteOptions options;
    const std::uint8_t how = input_->U8();
    if (how >= 0xc0) options.durability = static_cast<Durability>(how % 3);
    return options;
  }

  // ------------------------------------------------------------------------ failures

  // Something was told to fail, or did, since the last time everything was sound.
  bool MayFail() const { return faulty_ || world_->fs().stopped(); }
  // Whether it is OK. If not there must be a reason, and the error must say which.
  bool Ok(const Status& status) const {
    if (status.ok()) return true;
    KYRO_REQUIRE(MayFail(), status.ToString());
    // Whether a keyspace is gone is unknown after a drop that failed in doubt: no more writes to
    // it.
    const bool dropping = std::count(dropping_.begin(), dropping_.end(), true) != 0;
    if (dropping && status.code() == StatusCode::kClosed) return false;
    switch (status.code()) {
      case StatusCode::kInternal:
      case StatusCode::kDataLoss:
      case StatusCode::kInvalidArgument:
      case StatusCode::kNotFound:
      case StatusCode::kClosed:
        KYRO_REQUIRE(!"an error of a kind that a failing call may cause", status.ToString());
      default:
        return false;
    }
  }
  void Break() {
    const std::uint8_t how = input_->U8();
    constexpr StatusCode kCodes[] = {StatusCode::kIoError, StatusCode::kNoSpace,
                                     StatusCode::kResourceExhausted};
    constexpr support::FsOps kOps[] = {{FsOp::kSync},
                                       {FsOp::kWrite},
                                       {FsOp::kCreate},
                                       {FsOp::kRename},
                                       {FsOp::kSyncDirectory},
                                       {FsOp::kMap, FsOp::kOpen},
                                       {FsOp::kLink, FsOp::kUnlink},
                                       support::FsOps::Changes()};
    const std::uint64_t nth = 1 + input_->U8() % 24;
    faulty_ = had_faults_ = true;
    if (how >= 0xe0) return world_->fs().FailSync(nth);  // what it should have written is lost
    support::Fault fault;
    fault.ops = kOps[how % 8];
    fault.nth = nth;
    fault.sticky = how % 3 == 0;
    fault.code = kCodes[how / 8 % 3];
    faults_->Inject(fault);
  }
  void StopFailing() {
    faults_->Clear();
    world_->fs().FailSync(~std::uint64_t{0});
  }
  // No call fails any more; Resume, or a reopening where only that helps, makes everything sound.
  void Heal() {
    if (!faulty_) return;
    StopFailing();
    // A flush that failed waits a while before it is tried again, and is in the way until then.
    Status resumed = db_->Resume();
    for (int tries = 0; tries < 8 && !resumed.ok() && resumed.code() != StatusCode::kReadOnly;
         ++tries) {
      world_->executor().Advance(std::chrono::seconds(10));
      resumed = db_->Resume();
    }
    if (world_->fs().stopped()) return;
    if (resumed.ok()) {
      pending_.reset();  // not applied, for ever
      // Sequences whose outcome was unknown are counted past.
      const Sequence visible = db_->stats().visible;
      KYRO_REQUIRE(visible >= last(), std::to_string(visible));
      if (visible > last()) history_.emplace_back(visible, now());
      Status flushed = db::Door::Flush(*db_);
      for (int tries = 0; tries < 8 && !flushed.ok(); ++tries) {
        world_->executor().Advance(std::chrono::seconds(10));
        flushed = db::Door::Flush(*db_);
      }
      if (world_->fs().stopped()) return;
      Must(flushed);
      faulty_ = false;
      return CheckAll();
    }
    KYRO_REQUIRE(resumed.code() == StatusCode::kReadOnly, resumed.ToString());
    Reopen();
  }
  // The world stops at an event from now: in the middle of whatever is done then.
  void PutFuseOut() {
    if (world_->fs().stopped()) Crash();
    world_->fs().StopAt(~std::uint64_t{0});
    fuse_ = false;
  }
  void LightFuse() {
    fuse_ = true;
    world_->fs().StopAt(world_->fs().event_count() + input_->U8() % 48);
  }

  // ------------------------------------------------------------------------ open and close

  void NewWorld(std::unique_ptr<support::TestEnv> world) {
    faults_.reset();
    world_ = std::move(world);
    world_->fs().StopJournal();
    faults_ = std::make_unique<support::FaultFs>(&world_->fs());
    env_ = world_->EnvOver(faults_.get());
    faulty_ = fuse_ = false;
  }
  Status Open() {
    auto opened = db::Door::Open("/db", options_, env_);
    if (!opened.ok()) return opened.status();
    db_.emplace(*std::move(opened));
    had_faults_ = faulty_;
    return OpenSpaces();
  }
  // A keyspace whose drop was cut short may be gone, with everything in it.
  Status OpenSpaces() {
    const auto list = db_->ListKeyspaces();
    Must(list.status());
    for (std::size_t i = 0; i < kSpaces; ++i) {
      const bool there = std::any_of(list->begin(), list->end(), [&](const KeyspaceInfo& info) {
        return info.name == kNames[i];
      });
      if (!there && dropping_[i]) ForgetSpace(i);
      dropping_[i] = false;
      auto space = db::OpenSpace(&*db_, kNames[i], kKinds[i]);
      if (!space.ok()) return space.status();
      spaces_[i] = *std::move(space);
    }
    return Status::Ok();
  }
  void ForgetSpace(std::size_t space) {
    for (auto& [sequence, state] : history_) state[space].clear();
    if (pending_) (*pending_)[space].clear();
  }
  Status Close() {
    Heal();
    const Status status = db_->Close();
    // The last error of the background is told here, if it was not the last thing that happened.
    if (!status.ok() && (world_->fs().stopped() || !had_faults_)) {
      Ok(status);
      return status;
    }
    CheckStats();
    Drop();
    if (status.ok()) Settle(last());
    return Status::Ok();
  }
  void Drop() {
    for (auto& space : spaces_) space = nullptr;
    db_.reset();
  }
  void CheckStats() {
    if (!db_) return;
    const Stats stats = db_->stats();
    KYRO_REQUIRE(stats.model_fallbacks == 0, std::to_string(stats.model_fallbacks));
    KYRO_REQUIRE(stats.unread_errors == 0, std::to_string(stats.unread_errors));
  }
  void Crash() {
    const std::uint8_t how = input_->U8();
    const CrashKind kind = how % 2 == 0 ? CrashKind::kKill : CrashKind::kPowerCut;
    CheckHeld();
    CheckStats();
    held_.clear();
    Sequence least = kind == CrashKind::kPowerCut ? synced_ : last();
    if (!world_->fs().stopped()) world_->fs().StopAt(0);
    auto after = world_->Crash(kind, world_->fs().event_count(), how);
    Drop();
    NewWorld(std::move(after));
    // Recovery may be cut short itself.
    for (int nested = 0; nested < 2 && how % 8 >= 6; ++nested) {
      LightFuse();
      const Status status = Open();
      if (status.ok() && !world_->fs().stopped()) break;
      if (!status.ok()) Ok(status);
      if (nested > 0) least = synced_;  // what a kill left was synced by nobody yet
      after = world_->Crash(nested == 0 ? kind : CrashKind::kPowerCut, world_->fs().event_count(),
                            how + 1u);
      Drop();
      NewWorld(std::move(after));
    }
    world_->fs().StopAt(~std::uint64_t{0});
    if (!db_) Must(Open());
    Recovered(least);
  }
  // What is there now is the history up to some commit, and nothing that was safe is missing.
  void Recovered(Sequence least) {
    const Sequence found = db_->stats().visible;
    if (pending_ && found > last()) history_.emplace_back(found, *std::move(pending_));
    pending_.reset();
    KYRO_REQUIRE(found >= least && found <= last(), std::to_string(found) + " of " +
                                                        std::to_string(last()) + " commits, " +
                                                        std::to_string(least) + " were safe");
    while (history_.size() > 1 && last() > found) history_.pop_back();
    KYRO_REQUIRE(last() == found, "a sequence that no commit had");
    Settle(found);  // what was recovered is durable
    CheckAll();
  }

  // ------------------------------------------------------------------------ steps

  void Step() {
    const std::uint8_t op = input_->U8();
    if (op < 96) return Write(1);
    switch (op % 20) {
      case 0:
      case 1:
        return Write(2 + op % 7);
      case 2:
        return Write(40);
      case 3:
      case 4:
        return CheckGet();
      case 5:
        return CheckView(Take(Space()));
      case 6:
        return Hold();
      case 7:
        return CheckHeld();
      case 8:
        return HoldAtReadPoint();
      case 9:
        if (Ok(db_->Sync())) Settle(last());
        return;
      case 10:
        return static_cast<void>(Ok(db::Door::Flush(*db_)));
      case 11:
        return static_cast<void>(Ok(db::Door::WaitForUpkeep(*db_)));
      case 12:
        return static_cast<void>(Ok(db_->Fold()));
      case 13:
        return static_cast<void>(Ok(db_->RebuildIndex()));
      case 14:
        return static_cast<void>(Ok(db_->Verify()));
      case 15:
        held_.clear();
        if (Close().ok()) Ok(Open());
        return;
      case 16:
        return Crash();
      case 17:
        return op < 180 ? LightFuse() : Break();
      case 18:
        return Rare();
      default:
        return Background(op);
    }
  }
  void Rare() {
    switch (input_->U8() % 6) {
      case 0:
        return BulkLoad();
      case 1:
        return Checkpoint();
      case 2:
        return DropKeyspace();
      case 3:
        return static_cast<void>(Ok(db_->Warm({.huge_pages = true})));
      case 4:
        return Heal();
      default:
        return BulkLoad();
    }
  }
  void BulkLoad() {
    const std::size_t space = Space();
    Map rows;
    for (std::size_t n = input_->U8() % 16; n > 0; --n) {
      const std::string key = Key(space);
      rows[key] = Value();
    }
    const bool finish = input_->U8() % 8 != 0;
    if (space == 0) {
      Load<U64>(space, rows, finish, [](const std::string& key) { return db::U64Of(key); });
    } else {
      Load<Bytes>(space, rows, finish,
                  [](const std::string& key) { return std::string_view(key); });
    }
  }
  template <class K, class Decode>
  void Load(std::size_t space, const Map& rows, bool finish, const Decode& decode) {
    auto keyspace = db_->OpenKeyspace<K>(kNames[space]);
    if (!Ok(keyspace.status())) return;
    auto loader = keyspace->NewBulkLoader();
    if (!Ok(loader.status())) return;
    for (const auto& [key, value] : rows) {
      if (!Ok(loader->Add(decode(key), value))) return;
    }
    if (!finish) return;  // the destructor discards the rows
    State next = now();
    for (const auto& [key, value] : rows) next[space][key] = value;
    const auto sequence = loader->Finish();
    if (sequence.status().code() == StatusCode::kUnknownOutcome) {
      KYRO_REQUIRE(!pending_, "a load after a failed sync that is said to be perhaps there");
      pending_ = std::move(next);
    }
    if (!Ok(sequence.status()) || rows.empty()) return;
    KYRO_REQUIRE(*sequence > last(), std::to_string(*sequence));
    history_.emplace_back(*sequence, std::move(next));
    Settle(*sequence);
  }
  // A database of its own with exactly what was acknowledged.
  void Checkpoint() {
    const std::string path = "/copy" + std::to_string(checkpoints_++);
    const auto sequence = db_->Checkpoint(path);
    if (!Ok(sequence.status()) || faulty_ || fuse_) return;
    KYRO_REQUIRE(*sequence == last(), std::to_string(*sequence));
    auto copy = db::Door::Open(path, options_, env_);
    Must(copy.status());
    for (std::size_t i = 0; i < kSpaces; ++i) {
      const auto space = db::OpenSpace(&*copy, kNames[i], kKinds[i]);
      Must(space.status());
      const auto view = (*space)->view();
      Must(view.status());
      CheckScan(Held{i, *view, now()[i]}, std::nullopt, std::nullopt);
    }
    Must(copy->Verify());
    Must(copy->Close());
  }
  void DropKeyspace() {
    const std::size_t space = Space();
    const Status status = db_->DropKeyspace(kNames[space]);
    if (status.ok()) {
      Settle(last());
      ForgetSpace(space);
    } else {
      dropping_[space] = true;
      Ok(status);
      return;
    }
    std::string value;
    KYRO_REQUIRE(spaces_[space]->Get(db::U64Key(0), &value).code() == StatusCode::kClosed,
                 "a handle on a dropped keyspace");
    auto made = db::OpenSpace(&*db_, kNames[space], kKinds[space]);
    if (Ok(made.status())) {
      spaces_[space] = *std::move(made);
    } else {
      Reopen();
    }
  }
  // Where a failing call left no handle to go on with.
  void Reopen() {
    held_.clear();
    StopFailing();
    (void)db_->Close();
    Drop();
    faulty_ = false;
    if (Ok(Open())) Recovered(last());
  }
  void Background(std::uint8_t op) {
    if (op % 3 == 0) {
      world_->executor().Advance(std::chrono::milliseconds(1 + op));
    } else {
      world_->executor().RunOne();
    }
  }

  void Write(std::size_t ops) {
    WriteBatch batch;
    const WriteOptions mode = Mode();
    const Durability durability = mode.durability.value_or(options_.durability);
    const bool safe = durability == Durability::kSync && !faulty_ && !fuse_;
    if (safe) Settle(last());  // nothing can go back any more
    State next = safe ? std::move(history_.back().second) : now();
    Status status;
    for (std::size_t i = 0; i < ops; ++i) {
      const std::size_t space = Space();
      const std::string key = Key(space);
      const bool put = input_->U8() % 4 != 0;
      const std::string value = put ? Value() : "";
      if (put) {
        next[space][key] = value;
      } else {
        next[space].erase(key);
      }
      if (ops == 1) {
        status = put ? spaces_[space]->Put(key, value, mode) : spaces_[space]->Delete(key, mode);
      } else if (put) {
        spaces_[space]->BatchPut(&batch, key, value);
      } else {
        spaces_[space]->BatchDelete(&batch, key);
      }
    }
    if (ops > 1) {
      const auto sequence = db_->Write(batch, mode);
      status = sequence.status();
      if (sequence.ok()) KYRO_REQUIRE(*sequence == last() + 1, std::to_string(*sequence));
    }
    if (status.code() == StatusCode::kUnknownOutcome && !pending_) pending_ = std::move(next);
    if (!Ok(status)) return;
    history_.emplace_back(last() + 1, std::move(next));
    KYRO_REQUIRE(db_->stats().visible == last(), "acknowledged, but not visible");
    if (durability == Durability::kSync) Settle(last());
  }
  // Everything up to `sequence` is durable: states before it are dropped.
  void Settle(Sequence sequence) {
    synced_ = sequence;
    while (history_.front().first < synced_) history_.pop_front();
  }

  // ------------------------------------------------------------------------ checks

  void CheckGet() {
    const std::size_t space = Space();
    const std::string key = Key(space);
    std::string value = "untouched";
    const Status status = spaces_[space]->Get(key, &value);
    const auto want = now()[space].find(key);
    if (want == now()[space].end()) {
      KYRO_REQUIRE(status.code() == StatusCode::kNotFound, status.ToString());
      KYRO_REQUIRE(value == "untouched", value);
    } else {
      Must(status);
      KYRO_REQUIRE(value == want->second, "another value");
    }
  }
  Held Take(std::size_t space) {
    auto view = spaces_[space]->view();
    Must(view.status());
    KYRO_REQUIRE((*view)->sequence() == last(), std::to_string((*view)->sequence()));
    return Held{space, *view, now()[space]};
  }
  void Hold() {
    if (held_.size() == kHeldMax) held_.pop_front();
    held_.push_back(Take(Space()));
  }
  void HoldAtReadPoint() {
    const auto point = db_->read_point();
    Must(point.status());
    const State then = now();
    Write(1);
    const std::size_t space = Space();
    auto view = spaces_[space]->view(*point);
    Must(view.status());
    if (held_.size() == kHeldMax) held_.pop_front();
    held_.push_back(Held{space, *view, then[space]});
  }
  void CheckHeld() {
    for (const Held& held : held_) CheckView(held);
  }
  void CheckAll() {
    for (std::size_t space = 0; space < kSpaces; ++space) {
      const Held held = Take(space);
      CheckScan(held, std::nullopt, std::nullopt);
      CheckGets(held);
    }
  }
  void CheckView(const Held& held) {
    switch (input_->U8() % 4) {
      case 0:
        return CheckGets(held);
      case 1:
        return CheckScan(held, Key(held.space), std::nullopt);
      case 2:
        return CheckScan(held, Key(held.space), Key(held.space));
      default:
        return CheckIterator(held);
    }
  }
  static void CheckLookup(const Held& held, const std::string& key, const Lookup& found) {
    const auto want = held.map.find(key);
    KYRO_REQUIRE(!found.failed(), found.status().ToString());
    KYRO_REQUIRE(found.present() == (want != held.map.end()), "there or not");
    if (found.present()) KYRO_REQUIRE(found.value() == want->second, "another value");
  }
  void CheckGets(const Held& held) {
    std::vector<std::string> keys = {Key(held.space), Key(held.space)};
    for (const auto& [key, value] : held.map) {
      keys.push_back(key);
      if (keys.size() == 40) break;
    }
    std::vector<Lookup> lookups;
    Must(held.view->MultiGet(keys, &lookups));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      CheckLookup(held, keys[i], lookups[i]);
      CheckLookup(held, keys[i], held.view->Get(keys[i]));
    }
  }
  static void CheckScan(const Held& held, const std::optional<std::string>& lo,
                        const std::optional<std::string>& hi) {
    Rows found;
    Must(held.view->Scan(lo, hi, &found));
    Rows want;
    for (auto it = lo ? held.map.lower_bound(*lo) : held.map.begin();
         it != held.map.end() && !(hi && it->first >= *hi); ++it) {
      want.emplace_back(*it);
    }
    KYRO_REQUIRE(found == want,
                 std::to_string(found.size()) + " rows, want " + std::to_string(want.size()));
  }
  void CheckIterator(const Held& held) {
    const auto it = held.view->NewIterator();
    auto at = held.map.end();
    const auto before = [&](Map::const_iterator of) {
      return of == held.map.begin() ? held.map.end() : std::prev(of);
    };
    for (std::uint8_t moves = input_->U8() % 24; moves > 0; --moves) {
      const std::uint8_t move = input_->U8();
      const std::string key = Key(held.space);
      if (move % 8 == 0) {
        it->SeekToFirst();
        at = held.map.begin();
      } else if (move % 8 == 1) {
        it->SeekToLast();
        at = before(held.map.end());
      } else if (move % 8 == 2 || at == held.map.end()) {
        it->Seek(key);
        at = held.map.lower_bound(key);
      } else if (move % 8 == 3) {
        it->SeekForPrev(key);
        at = before(held.map.upper_bound(key));
      } else if (move % 2 == 0) {
        it->Next();
        ++at;
      } else {
        it->Prev();
        at = before(at);
      }
      Must(it->status());
      KYRO_REQUIRE(it->Valid() == (at != held.map.end()), "at an end or not");
      if (!it->Valid()) continue;
      KYRO_REQUIRE(it->key() == at->first && it->value() == at->second, "another row");
    }
  }

  Input* const input_;
  Options options_;
  std::unique_ptr<support::TestEnv> world_;
  std::unique_ptr<support::FaultFs> faults_;  // over the world's
  io::Env env_{};
  bool faulty_ = false;      // calls were told to fail
  bool fuse_ = false;        // the world will stop
  bool had_faults_ = false;  // while this Db was open
  // States by the sequence of the commit that made them: the newest, and those that a power cut
  // may go back to.
  std::deque<std::pair<Sequence, State>> history_;
  Sequence synced_ = 0;
  std::optional<State> pending_;          // after a commit whose outcome is unknown
  std::array<bool, kSpaces> dropping_{};  // a drop failed: the next Open tells
  std::size_t checkpoints_ = 0;
  std::optional<Db> db_;
  std::array<std::unique_ptr<AnySpace>, kSpaces> spaces_;
  std::deque<Held> held_;  // gone before the Db and its world
};

}  // namespace
}  // namespace kyro::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kyro::fuzz::Input input(data, size);
  kyro::fuzz::Program(&input).Run();
  return 0;
}
