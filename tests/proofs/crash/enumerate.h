// SPDX-License-Identifier: Apache-2.0
//
// Every crash of a phase: what may be on the disk after each event, each state opened and judged.
//
// Of a power cut with at most 12 pending units that can differ (sectors, lengths, names) every
// combination of old and new is made; of more, each unit alone old and alone new, and samples.
// Each pending sector is made zeros and garbage, each length something between, with all others
// new and with all others old. The seed of samples and garbage is the event's number and the
// phase's.
//
// A disk image is recovered once: the next time only what it recovers to is judged, against what
// may be found then.
#ifndef KYRO_TESTS_PROOFS_CRASH_ENUMERATE_H_
#define KYRO_TESTS_PROOFS_CRASH_ENUMERATE_H_

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "proofs/crash/recovery.h"
#include "proofs/crash/workload.h"
#include "proofs/proof.h"

namespace kyro::crash {

// Hashes in an open table: 8 to 16 bytes each, because a long run has many.
class HashSet {
 public:
  bool Insert(std::uint64_t hash);  // false if it was there

 private:
  static std::uint64_t* Slot(std::vector<std::uint64_t>* slots, std::uint64_t hash);

  std::vector<std::uint64_t> slots_ = std::vector<std::uint64_t>(1024);  // 0: free
  std::size_t count_ = 0;
};

// Disk images that were recovered, by hash, and how many of them an operation and a mode had. Any
// thread.
class States {
 public:
  // False if the image was there already.
  bool Add(std::uint64_t hash, Operation operation, Durability mode);
  std::uint64_t Count(Operation operation, Durability mode) const;
  std::uint64_t Count() const;

 private:
  static constexpr std::size_t kShards = 16;
  struct Shard {
    std::mutex mutex;
    HashSet hashes;
  };
  std::array<Shard, kShards> shards_;
  std::array<std::array<std::atomic<std::uint64_t>, kModes>, kOperations> counts_{};
};

// How much of a phase is looked at.
struct Effort {
  std::array<bool, kOperations> fully{};  // operations whose events are enumerated fully,
  std::uint64_t states_max = 0;           // until one has this many states in one phase
  bool lightly = true;                    // all other events: three or four crashes of each
  std::uint64_t stride = 1;               // every how many-th event is looked at
  std::uint64_t nested_every = 0;  // every how many-th new state is crashed again in its recovery
  std::uint64_t go_on_every = 0;   // every how many-th new state is written on
};

class Enumerator {
 public:
  static constexpr std::size_t kExhaustiveMax = 12;
  static constexpr int kDepthMax = 3;

  // `where` says how to repeat it. All outlive the Enumerator.
  Enumerator(Phase* phase, const Effort& effort, std::string where, States* states,
             proofs::Tally* tally, int depth = 1);

  // Every event; stops at the third violation.
  void Run();

 private:
  using Image = std::unique_ptr<SimFs>;
  using What = std::function<std::string()>;
  struct Known {
    std::size_t point;
    std::uint32_t spaces;
  };

  void At(Moment moment);
  void Kills(Moment moment, bool fully);
  void Corners(Moment moment);
  void Corner(Moment moment, support::Unsynced corner);
  void Cuts(Moment moment);
  void Singles(const std::vector<support::PendingUnit>& pending, Moment moment);
  void Combinations(const std::vector<support::PendingUnit>& pending, Moment moment);
  void Cut(Moment moment, std::span<const support::Fate> fates);

  void Judge(Image image, const CrashAt& crash, const What& what);
  void Recovered(Image image, const CrashAt& crash, const What& what, std::uint64_t hash);
  std::string Checkpoints(SimFs* image, const CrashAt& crash);
  void Again(const SimFs& image, const CrashAt& crash, const db::Contents& contents,
             const std::string& what);
  void Wrong(const CrashAt& crash, const std::string& what, const std::string& verdict);

  Phase& phase_;
  const Effort effort_;
  const std::string where_;
  States& states_;
  proofs::Tally& tally_;
  const int depth_;
  std::array<std::uint64_t, kOperations> found_{};  // new states, by operation
  Operation operation_ = Operation::kOther;         // of the event being looked at
  std::unordered_map<std::uint64_t, Known> known_;
  std::uint64_t new_states_ = 0;
  int wrong_ = 0;
};

}  // namespace kyro::crash

#endif  // KYRO_TESTS_PROOFS_CRASH_ENUMERATE_H_
