// SPDX-License-Identifier: Apache-2.0
#include "proofs/history/world.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <thread>

#include "base/test_point.h"
#include "db/inspect.h"
#include "proofs/history/checker.h"
#include "proofs/history/client.h"
#include "support/sanitized.h"

namespace kyro::proofs {
namespace {

// Keys that are written, and rows between them that never change, so that segments and their models
// are more than a handful of rows.
constexpr std::uint64_t kHotKeys = 10;
constexpr std::uint64_t kRowsBetween = 5;

std::string KeyAt(std::size_t space, std::uint64_t position) {
  if (space == 0) return db::U64Key(position * position * 1000003);
  const std::string digits = std::to_string(position);
  return "key " + std::string(4 - std::min<std::size_t>(4, digits.size()), '0') + digits;
}

#ifdef KYRO_TEST_POINTS
// Between these and what follows them a whole flush may come.
constexpr std::string_view kLongPoints[] = {"read.view_begins", "read.state_pinned",
                                            "commit.turning"};
constexpr int kLongPause = 1000;

void ReachPoint(const char* name) {
  thread_local std::uint64_t visits = 0;
  const bool is_long =
      std::find(std::begin(kLongPoints), std::end(kLongPoints), name) != std::end(kLongPoints);
  if (!is_long || ++visits % 8 != 0) return GiveWayAtRandom();
  for (int i = 0; i < kLongPause; ++i) std::this_thread::yield();
}
#endif

}  // namespace

WorldPlan::WorldPlan(std::uint64_t world_seed) : seed(world_seed) {
  support::SeededRandom random(seed * 0x9E3779B97F4A7C15 + 1);
  constexpr std::optional<Durability> kDurabilities[] = {Durability::kSync, Durability::kOs, {}};
  durability = kDurabilities[random.Below(3)];
  on_disk = random.OneIn(10);
  bulk_loads = random.OneIn(4);
  checkpoints = random.OneIn(6);
  failing_sync = random.OneIn(4);
  if (failing_sync) durability = Durability::kSync;
  wide_values = random.OneIn(2);
  histories = support::kSanitized ? 6 : 12;
  operations = static_cast<int>(random.Between(10, 40));
}

std::string WorldPlan::text() const {
  std::string text = "seed " + std::to_string(seed);
  text += !durability                        ? ", mixed durability"
          : *durability == Durability::kSync ? ", kSync"
                                             : ", kOs";
  if (on_disk) text += ", on disk";
  if (bulk_loads) text += ", bulk loads";
  if (checkpoints) text += ", checkpoints";
  if (failing_sync) text += ", failing syncs";
  return text;
}

void GiveWayAtRandom() {
  thread_local std::uint64_t state = std::hash<std::thread::id>()(std::this_thread::get_id());
  state = state * 6364136223846793005 + 1442695040888963407;
  const std::uint64_t dice = state >> 58;
  if (dice == 0) {
    for (int i = 0; i < 20; ++i) std::this_thread::yield();
  } else if (dice < 16) {
    std::this_thread::yield();
  }
}

class World::GivingWay final : public io::Clock {
 public:
  explicit GivingWay(io::Clock* clock) : clock_(clock) {}
  std::uint64_t NowMicros() const noexcept override { return clock_->NowMicros(); }
  std::uint64_t MonotonicNanos() const noexcept override {
    GiveWayAtRandom();
    return clock_->MonotonicNanos();
  }
  void Sleep(std::chrono::microseconds duration) noexcept override { clock_->Sleep(duration); }

 private:
  io::Clock* const clock_;
};

World::World(const WorldPlan& plan, Tally* tally)
    : plan_(plan), tally_(tally), env_(io::SystemEnv()), path_("/db") {
  sim_.StopJournal();
  if (plan_.on_disk) {
    const auto directory =
        std::filesystem::temp_directory_path() /
        ("kyro-history-" + std::to_string(::getpid()) + "-" + std::to_string(plan_.seed));
    std::filesystem::create_directories(directory);
    path_ = directory / "db";
  }
  fs_ = std::make_unique<support::FaultFs>(plan_.on_disk ? env_.fs : &sim_);
  fs_->Watch(support::FsOps::All(), [](support::FsOp, std::string_view) { GiveWayAtRandom(); });
  clock_ = std::make_unique<GivingWay>(env_.clock);
  env_.fs = fs_.get();
  env_.clock = clock_.get();
  options_.delta_bytes = std::size_t{8} << 10 << plan_.seed % 2;
  options_.wal_file_bytes = 16 << 10;
  options_.segment_bytes = 8 << 10;
  options_.sync_interval = std::chrono::milliseconds(1);
  options_.access = plan_.seed % 2 == 0 ? Access::kMap : Access::kCopy;
  held_.resize(kClients);
#ifdef KYRO_TEST_POINTS
  test_point_hook.store(ReachPoint);
#endif
}

World::~World() {
  held_.clear();
  db_.reset();
  if (!plan_.on_disk) return;
  std::error_code ignored;
  std::filesystem::remove_all(std::filesystem::path(path_).parent_path(), ignored);
}

void World::Violation(const std::string& what) {
  tally_->Violation("world " + plan_.text() + ": " + what);
}

bool World::Fine(const Status& status, const char* what) {
  if (status.ok()) return true;
  // A bulk load has its keyspace for itself; after a failed sync nothing is written until Resume.
  const bool known = plan_.failing_sync || (plan_.bulk_loads && status.code() == StatusCode::kBusy);
  if (!known) Violation(std::string(what) + ": " + status.ToString());
  return false;
}

std::string World::NewValue(support::SeededRandom* random) {
  std::string value =
      "v" + std::to_string(100000 + values_.fetch_add(1, std::memory_order_relaxed));
  if (plan_.wide_values) value += std::string(random->OneIn(8) ? 600 : random->Below(40), '.');
  return value;
}

std::string World::RandomKey(std::size_t space, support::SeededRandom* random) const {
  return KeyAt(space, random->Below(kHotKeys) * (kRowsBetween + 1));
}

// ---------------------------------------------------------------------------------- one world

bool World::Open() {
  auto db = db::Door::Open(path_, options_, env_);
  if (!db.ok()) return Violation("open: " + db.status().ToString()), false;
  db_.emplace(*std::move(db));
  spaces_.clear();
  const std::pair<const char*, KeyKind> kinds[] = {{"numbers", KeyKind::kU64},
                                                   {"names", KeyKind::kBytes}};
  for (const auto& [name, kind] : kinds) {
    auto space = db::OpenSpace(&*db_, name, kind);
    if (!space.ok()) return Violation("open: " + space.status().ToString()), false;
    spaces_.push_back(*std::move(space));
  }
  auto numbers = db_->OpenKeyspace<U64>("numbers");
  if (!numbers.ok()) return Violation("open: " + numbers.status().ToString()), false;
  numbers_.emplace(*std::move(numbers));
  return true;
}

// The rows that stay.
void World::Fill() {
  WriteBatch batch;
  for (std::size_t space = 0; space < spaces_.size(); ++space) {
    for (std::uint64_t i = 0; i < kHotKeys * (kRowsBetween + 1); ++i) {
      if (i % (kRowsBetween + 1) == 0) continue;
      spaces_[space]->BatchPut(&batch, KeyAt(space, i), "row");
      content_[{space, KeyAt(space, i)}] = "row";
    }
  }
  const auto sequence = db_->Write(batch);
  if (!sequence.ok()) return Violation("fill: " + sequence.status().ToString());
  known_ = *sequence;
  start_ = content_;
}

void World::Run() {
  if (!Open()) return;
  Fill();
  const std::uint64_t before = tally_->violations();
  for (int i = 0; i < plan_.histories && tally_->violations() == before; ++i) RunHistory(i);
  // What is known is wrong after a violation: more of them would say nothing new.
  if (tally_->violations() == before) Finish();
}

void World::RunHistory(int number) {
  History history;
  history.base = known_;
  history.start = content_;
  history.dense = !plan_.failing_sync;
  history.threads.resize(kClients + 1);
  std::atomic<int> running{kClients};
  std::atomic<bool> go{false};
  support::FaultFs::Id failing = 0;
  if (plan_.failing_sync) {
    support::SeededRandom random(plan_.seed + static_cast<std::uint64_t>(number));
    // A file of the log is made under another name, and its handle keeps it.
    const auto log = [](std::string_view name) { return name.find(".wal") != name.npos; };
    failing =
        fs_->Inject({.ops = {support::FsOp::kSync}, .name = log, .nth = random.Between(1, 40)});
  }
  std::vector<std::thread> threads;
  for (int c = 0; c < kClients; ++c) {
    threads.emplace_back([&, c] {
      while (!go.load(std::memory_order_acquire)) std::this_thread::yield();
      const std::uint64_t seed = (plan_.seed * 1000 + static_cast<std::uint64_t>(number)) * 16;
      Client client(this, c, seed + static_cast<std::uint64_t>(c));
      history.threads[static_cast<std::size_t>(c)] = client.Run(plan_.operations);
      running.fetch_sub(1, std::memory_order_release);
    });
  }
  threads.emplace_back([&] {
    while (!go.load(std::memory_order_acquire)) std::this_thread::yield();
    Upkeep(plan_.seed * 77 + static_cast<std::uint64_t>(number), running);
  });
  go.store(true, std::memory_order_release);
  for (std::thread& thread : threads) thread.join();
  if (plan_.failing_sync) tally_->Count("failed syncs", fs_->Hits(failing));
  fs_->Clear();
  history.threads[kClients] = std::move(upkeep_ops_);
  upkeep_ops_.clear();
  if (Settle(number) && TakeLastView(&history)) Check(history, number);
}

// Ends a read-only state that the history left behind.
bool World::Settle(int number) {
  const Status status = db_->Resume();
  if (status.ok()) return true;
  Violation("history " + std::to_string(number) + ": resume: " + status.ToString());
  return false;
}

// ---------------------------------------------------------------------------------- background

void World::Upkeep(std::uint64_t seed, const std::atomic<int>& running) {
  support::SeededRandom random(seed);
  do {
    UpkeepOnce(&random);
  } while (running.load(std::memory_order_acquire) > 0);
}

void World::UpkeepOnce(support::SeededRandom* random) {
  switch (random->Below(8)) {
    case 0:
    case 1:
      Fine(db::Door::Flush(*db_), "flush");
      break;
    case 2:
    case 3:
      Fine(db_->Fold(), "fold");
      break;
    case 4:
      Fine(db_->RebuildIndex(), "rebuild");
      break;
    case 5:
      Fine(db_->Sync(), "sync");
      break;
    case 6:
      if (plan_.bulk_loads) BulkLoad(random);
      break;
    default:
      if (plan_.checkpoints) Checkpoint();
      if (plan_.failing_sync) (void)db_->Resume();
      break;
  }
}

void World::BulkLoad(support::SeededRandom* random) {
  auto loader = numbers_->NewBulkLoader();
  if (!loader.ok()) return static_cast<void>(Fine(loader.status(), "new bulk loader"));
  Op op;
  op.kind = Op::Kind::kCommit;
  for (std::uint64_t i = 0; i < kHotKeys; ++i) {
    if (random->OneIn(2)) continue;
    const std::string key = KeyAt(0, i * (kRowsBetween + 1));
    const std::string value = NewValue(random);
    if (!Fine(loader->Add(db::U64Of(key), value), "bulk add")) return;
    Change& change = op.changes.emplace_back();
    change.cell.key = key;
    change.value = value;
  }
  if (op.changes.empty() || random->OneIn(4)) return;  // its destructor discards the rows
  op.begin = TakeStamp();
  const auto sequence = loader->Finish();
  op.end = TakeStamp();
  if (!sequence.ok()) return static_cast<void>(Fine(sequence.status(), "bulk finish"));
  op.sequence = *sequence;
  upkeep_ops_.push_back(std::move(op));
}

// A copy is a snapshot that was taken during the call.
void World::Checkpoint() {
  const std::string to = path_ + "-copy-" + std::to_string(TakeStamp());
  Op op;
  op.kind = Op::Kind::kView;
  op.begin = TakeStamp();
  const auto sequence = db_->Checkpoint(to);
  op.end = TakeStamp();
  if (!sequence.ok()) return static_cast<void>(Fine(sequence.status(), "checkpoint"));
  op.sequence = *sequence;
  auto copy = db::Door::Open(to, options_, env_);
  if (!copy.ok()) return Violation("open a checkpoint: " + copy.status().ToString());
  for (std::size_t space = 0; space < spaces_.size(); ++space) {
    auto opened = space == 0 ? db::OpenSpace(&*copy, "numbers", KeyKind::kU64)
                             : db::OpenSpace(&*copy, "names", KeyKind::kBytes);
    if (!opened.ok()) return Violation("open a checkpoint: " + opened.status().ToString());
    auto view = (*opened)->view();
    if (!view.ok()) return Violation("view of a checkpoint: " + view.status().ToString());
    Seen& seen = op.seen.emplace_back();
    seen.lo.space = space;
    const Status status = (*view)->Scan({}, {}, &seen.rows);
    if (!status.ok()) return Violation("scan of a checkpoint: " + status.ToString());
  }
  upkeep_ops_.push_back(std::move(op));
  tally_->Count("checkpoints");
}

// ---------------------------------------------------------------------------------- checking

Content World::ContentAt(Sequence sequence) const {
  Content content = start_;
  for (const auto& [at, changes] : log_) {
    if (at <= sequence) Apply(changes, &content);
  }
  return content;
}

void World::Check(const History& history, int number) {
  tally_->Count("histories");
  tally_->Count("operations", Operations(history));
  tally_->Count("overlapping", Overlapping(history));
  const std::string where = "history " + std::to_string(number) + ": ";
  const Verdict keys = CheckKeys(history);
  if (!keys.accepted()) Violation(where + keys.why);
  const Verdict order = CheckOrder(history);
  if (!order.accepted()) return Violation(where + order.why);
  for (const auto& [sequence, op] : order.order) {
    Apply(op->changes, &content_);
    log_.emplace_back(sequence, op->changes);
    known_ = sequence;
  }
  known_ = std::max(known_, history.threads.back().back().sequence);
  CheckLateReads();
}

// Nobody writes any more: everything that was acknowledged is there. It is an operation like the
// others, so that it helps to settle the order of commits that overlapped.
bool World::TakeLastView(History* history) {
  Op op;
  op.kind = Op::Kind::kView;
  op.begin = TakeStamp();
  const auto point = db_->read_point();
  op.end = TakeStamp();
  if (!point.ok()) return Violation("read point: " + point.status().ToString()), false;
  op.sequence = point->sequence();
  const auto views = ViewsAt(*point);
  if (!views.ok()) return Violation("view: " + views.status().ToString()), false;
  op.seen = Everything(*views);
  history->threads.back().push_back(std::move(op));
  return true;
}

void World::CheckLateReads() {
  for (const LateRead& read : late_) {
    const Content content = ContentAt(read.sequence);
    if (Matches(content, read.seen)) continue;
    Violation(std::string(read.where) + " at sequence " + std::to_string(read.sequence) + ": " +
              Difference(read.seen, Expected(content, read.seen)));
  }
  tally_->Count("late reads", late_.size());
  late_.clear();
}

Result<std::vector<std::shared_ptr<db::AnyView>>> World::ViewsAt(const ReadPoint& point) {
  std::vector<std::shared_ptr<db::AnyView>> views;
  for (const auto& space : spaces_) {
    auto view = space->view(point);
    if (!view.ok()) return std::move(view).status();
    views.push_back(*std::move(view));
  }
  return views;
}

std::vector<Seen> World::Everything(const std::vector<std::shared_ptr<db::AnyView>>& views) {
  std::vector<Seen> all;
  for (std::size_t space = 0; space < views.size(); ++space) {
    if (views[space] == nullptr) continue;
    Seen& seen = all.emplace_back();
    seen.lo.space = space;
    const Status status = views[space]->Scan({}, {}, &seen.rows);
    if (!status.ok()) Violation("scan: " + status.ToString());
  }
  return all;
}

// Views stay readable after Close; what is recovered is what was there.
void World::Finish() {
  const Stats stats = db_->stats();
  tally_->Count("flushes", stats.flushes);
  tally_->Count("merges", stats.merges);
  tally_->Count("retrains", stats.retrains);
  if (stats.unread_errors != 0) Violation("errors of cursors that nobody read");
  const Status closed = db_->Close();
  if (!closed.ok()) Violation("close: " + closed.ToString());
  for (const auto& client : held_) {
    for (const Held& held : client) {
      for (Seen& seen : Everything(held.views)) {
        late_.push_back({held.sequence, std::move(seen), "a view read after Close"});
      }
    }
  }
  CheckLateReads();
  held_.clear();
  spaces_.clear();
  numbers_.reset();
  db_.reset();
  if (!Open()) return;
  const auto point = db_->read_point();
  const auto views = point.ok() ? ViewsAt(*point) : point.status();
  if (!views.ok()) return Violation("reopened: " + views.status().ToString());
  for (const Seen& seen : Everything(*views)) {
    if (!Matches(content_, seen)) {
      Violation("reopened: " + Difference(seen, Expected(content_, seen)));
    }
  }
}

}  // namespace kyro::proofs
