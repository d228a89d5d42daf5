// SPDX-License-Identifier: Apache-2.0
//
// A world: one database that is small enough to flush, merge and turn its log all the time, real
// threads that use it at once, and a record of what they did. A world lives through several
// histories: one begins with what the last one left, and views may be held from one to the next.
//
// Schedules are shaken where it costs nothing to the code under test: threads give way at calls of
// the file system and of the clock, and, where the library is compiled with its test points, there.
#ifndef KYRO_TESTS_PROOFS_HISTORY_WORLD_H_
#define KYRO_TESTS_PROOFS_HISTORY_WORLD_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "db/any_space.h"
#include "io/env.h"
#include "kyro/db.h"
#include "proofs/history/history.h"
#include "proofs/proof.h"
#include "support/fault_fs.h"
#include "support/sanitized.h"
#include "support/seeded_random.h"
#include "support/sim_fs.h"

namespace kyro::proofs {

// What is special about a world; all of it follows from its seed.
struct WorldPlan {
  explicit WorldPlan(std::uint64_t seed);

  std::uint64_t seed;
  std::optional<Durability> durability;  // of every write; nothing: mixed
  bool on_disk = false;                  // a temporary directory instead of SimFs
  bool bulk_loads = false;               // among the background work
  bool checkpoints = false;              // the same
  bool failing_sync = false;             // now and then a sync of the log fails, and Resume follows
  bool wide_values = false;              // of many lengths, up to 600 bytes
  int histories = 0;
  int operations = 0;  // of each thread in each history

  std::string text() const;
};

// One seed, one way to give way: to spread threads over the places where they may meet.
void GiveWayAtRandom();

class World {
 public:
  static constexpr int kClients = 4;

  World(const WorldPlan& plan, Tally* tally);
  ~World();

  // Opens, runs all histories, closes, and looks at everything once more.
  void Run();

 private:
  class Client;
  struct Held {  // a view or read point that outlives the history it was taken in
    Sequence sequence = 0;
    std::vector<std::shared_ptr<db::AnyView>> views;  // by space; null: not of this space
    std::optional<std::size_t> op;  // where it was taken, if that was in the history under way
  };
  struct LateRead {  // through a view taken in an earlier history
    Sequence sequence;
    Seen seen;
    const char* where;
  };
  class GivingWay;

  bool Open();
  void Fill();
  void RunHistory(int number);
  void Upkeep(std::uint64_t seed, const std::atomic<int>& running);
  void UpkeepOnce(support::SeededRandom* random);
  void BulkLoad(support::SeededRandom* random);
  void Checkpoint();
  bool TakeLastView(History* history);
  void Check(const History& history, int number);
  void CheckLateReads();
  bool Settle(int number);
  void Finish();

  // ThreadSanitizer must see only the synchronization that the library makes: there stamps give
  // none. Elsewhere the calls stay between their stamps on every processor.
  Stamp TakeStamp() {
    constexpr auto kOrder =
        support::kThreadSanitized ? std::memory_order_relaxed : std::memory_order_seq_cst;
    return stamp_.fetch_add(1, kOrder);
  }
  Content ContentAt(Sequence sequence) const;
  std::vector<Seen> Everything(const std::vector<std::shared_ptr<db::AnyView>>& views);
  Result<std::vector<std::shared_ptr<db::AnyView>>> ViewsAt(const ReadPoint& point);
  std::string NewValue(support::SeededRandom* random);
  std::string RandomKey(std::size_t space, support::SeededRandom* random) const;
  void Violation(const std::string& what);
  // Reports it if it is an error that cannot be in this world.
  bool Fine(const Status& status, const char* what);

  const WorldPlan plan_;
  Tally* const tally_;
  support::SimFs sim_;
  std::unique_ptr<support::FaultFs> fs_;
  std::unique_ptr<GivingWay> clock_;
  io::Env env_;
  std::string path_;
  Options options_;

  std::optional<Db> db_;
  std::vector<std::unique_ptr<db::AnySpace>> spaces_;
  std::optional<Keyspace<U64>> numbers_;  // the first of them, for bulk loads

  // What is known to have happened, up to the last history.
  Sequence known_ = 0;
  Content start_;  // before the first of `log_`
  std::vector<std::pair<Sequence, std::vector<Change>>> log_;
  Content content_;

  std::atomic<Stamp> stamp_{0};
  std::atomic<std::uint64_t> values_{0};
  std::vector<std::vector<Held>> held_;  // by client

  std::vector<Op> upkeep_ops_;  // bulk loads and checkpoints
  std::mutex late_mutex_;
  std::vector<LateRead> late_;
};

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_HISTORY_WORLD_H_
