// SPDX-License-Identifier: Apache-2.0
//
// What the database does before it crashes: a workload of a seed and a durability mode, in phases.
// A phase is one life of the machine's disk: it begins with an empty disk, or with what a crash of
// the phase before left, and says for each event of its SimFs during which operation it happened.
// One thread; background jobs run when a step says so.
#ifndef KYRO_TESTS_PROOFS_CRASH_WORKLOAD_H_
#define KYRO_TESTS_PROOFS_CRASH_WORKLOAD_H_

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/history.h"
#include "support/test_env.h"

namespace kyro::crash {

using db::CrashAt;
using db::History;
using db::Moment;
using support::SimFs;
using support::TestEnv;

enum class Operation : std::uint8_t {
  kPut,
  kDelete,
  kBatch,
  kRotate,  // a write that turned to the next log file
  kFreeze,  // a write that froze its generation
  kFlush,
  kMerge,
  kFold,
  kRebuild,
  kCheckpoint,
  kBulkLoad,
  kDropKeyspace,
  kResume,
  kCleanClose,
  kUncleanOpen,
  kOther,  // opening and creating, syncs, marks, log files made ahead
};
inline constexpr std::size_t kOperations = 16;
inline constexpr std::size_t kNamedOperations = 15;
std::string_view OperationName(Operation operation);

inline constexpr std::size_t kModes = 3;
std::string_view ModeName(Durability mode);

// A checkpoint that was acknowledged.
struct CheckpointTaken {
  std::string path;
  Moment begin = 0, end = 0;  // from `end` on it is there
  Sequence sequence = 0;
  db::State state;
};

struct Phase {
  struct Span {
    Moment end;  // the operation's events are those from the end of the span before
    Operation operation;
  };

  std::unique_ptr<TestEnv> world;
  History history;
  std::vector<Span> spans;
  std::vector<CheckpointTaken> checkpoints;
  Options options;
  std::string title;
  bool unclean = false;  // begins with what a crash left

  // During which operation an event happened.
  Operation During(Moment event) const;
};

// How often things happened: a workload in which nothing happens proves nothing.
struct WorkloadCounts {
  std::uint64_t commits = 0;
  std::uint64_t failures = 0;  // of a sync, as planned
  std::array<std::uint64_t, kOperations> operations{};
};

struct Workload {
  std::vector<Phase> phases;
  WorkloadCounts counts;
  std::string wrong;  // what must not have happened; empty: nothing
};

// Deterministic in its arguments. `steps` is the length of a phase.
Workload RunWorkload(std::uint64_t seed, Durability mode, int steps);

}  // namespace kyro::crash

#endif  // KYRO_TESTS_PROOFS_CRASH_WORKLOAD_H_
