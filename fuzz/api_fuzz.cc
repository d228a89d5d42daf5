// SPDX-License-Identifier: Apache-2.0
//
// The input is a program over the public API, run on a simulated disk with background work that
// runs when the program says so, against std::map. It writes, reads in every way, keeps views,
// flushes, folds, retrains, verifies, closes and opens, kills and cuts the power. Every answer is
// the map's; a power cut may only take back what no sync had covered (G1 to G7).
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
#include "support/test_env.h"

namespace kyro::fuzz {
namespace {

using db::AnySpace;
using db::AnyView;
using db::Map;
using db::Rows;
using support::CrashKind;

constexpr std::size_t kSpaces = 2;
constexpr std::size_t kStepsMax = 100;
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
    world_->fs().StopJournal();
    history_.emplace_back(0, State{});
    Open();
  }

  void Run() {
    for (std::size_t step = 0; step < kStepsMax && !input_->empty(); ++step) Step();
    CheckHeld();
    CheckAll();
    held_.clear();
    Close();
    Open();
    KYRO_REQUIRE(db_->stats().was_clean, "closed, but recovered");
    CheckAll();
    Must(db_->Verify());
    Close();
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

  // ------------------------------------------------------------------------ open and close

  void Open() {
    auto opened = db::Door::Open("/db", options_, world_->env());
    Must(opened.status());
    db_.emplace(*std::move(opened));
    for (std::size_t i = 0; i < kSpaces; ++i) {
      auto space = db::OpenSpace(&*db_, kNames[i], kKinds[i]);
      Must(space.status());
      spaces_[i] = *std::move(space);
    }
  }
  void Close() {
    Must(db_->Close());
    CheckStats();
    Drop();
    Settle(last());
  }
  void Drop() {
    for (auto& space : spaces_) space = nullptr;
    db_.reset();
  }
  void CheckStats() {
    const Stats stats = db_->stats();
    KYRO_REQUIRE(stats.model_fallbacks == 0, std::to_string(stats.model_fallbacks));
    KYRO_REQUIRE(stats.unread_errors == 0, std::to_string(stats.unread_errors));
    KYRO_REQUIRE(stats.upkeep_failures == 0, std::to_string(stats.upkeep_failures));
  }
  void Crash(CrashKind kind, std::uint64_t seed) {
    CheckHeld();
    CheckStats();
    held_.clear();
    world_->fs().StopAt(0);
    auto after = world_->Crash(kind, world_->fs().event_count(), seed);
    Drop();
    world_ = std::move(after);
    world_->fs().StopJournal();
    Open();
    // What is there now is the history up to some commit, and nothing that was synced is missing.
    const Sequence found = db_->stats().visible;
    const Sequence least = kind == CrashKind::kPowerCut ? synced_ : last();
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
        Must(db_->Sync());
        return Settle(last());
      case 10:
        return Must(db::Door::Flush(*db_));
      case 11:
        return Must(db::Door::WaitForUpkeep(*db_));
      case 12:
        return Must(db_->Fold());
      case 13:
        return Must(db_->RebuildIndex());
      case 14:
        return Must(db_->Verify());
      case 15:
        held_.clear();
        Close();
        return Open();
      case 16:
        return Crash(CrashKind::kKill, 0);
      case 17:
        return Crash(CrashKind::kPowerCut, input_->U8());
      default:
        return Background(op);
    }
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
    if (durability == Durability::kSync) Settle(last());  // nothing can go back any more
    State next = durability == Durability::kSync ? std::move(history_.back().second) : now();
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
        Must(put ? spaces_[space]->Put(key, value, mode) : spaces_[space]->Delete(key, mode));
      } else if (put) {
        spaces_[space]->BatchPut(&batch, key, value);
      } else {
        spaces_[space]->BatchDelete(&batch, key);
      }
    }
    if (ops > 1) {
      const auto sequence = db_->Write(batch, mode);
      Must(sequence.status());
      KYRO_REQUIRE(*sequence == last() + 1, std::to_string(*sequence));
    }
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
  std::unique_ptr<support::TestEnv> world_ = std::make_unique<support::TestEnv>();
  // States by the sequence of the commit that made them: the newest, and those that a power cut
  // may go back to.
  std::deque<std::pair<Sequence, State>> history_;
  Sequence synced_ = 0;
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
