// SPDX-License-Identifier: Apache-2.0
//
// A crowd: several threads that write to one database at once, with all background threads, until
// their process is killed or the power fails. Batches go over several keyspaces; one thread loads
// in bulk, folds, rebuilds and checkpoints in between; one reads.
//
// What each thread wrote is a function of (seed, round, thread, number), so that the process that
// survives knows it. Shared memory tells how far each thread was and which sequences it was given;
// so the survivor knows the one commit order, but for the one write of each thread that was in
// flight. What is recovered must be that order cut at one sequence.
#ifndef KYRO_TESTS_PROOFS_REAL_CROWD_H_
#define KYRO_TESTS_PROOFS_REAL_CROWD_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "db/model.h"
#include "proofs/real/shared.h"

namespace kyro::proofs {

constexpr std::size_t kCrowdWriters = 3;
constexpr std::size_t kCrowdLoader = kCrowdWriters;  // the thread that loads in bulk
constexpr std::size_t kCrowdThreads = kCrowdWriters + 1;
constexpr std::size_t kCrowdWritesMax = 4000;  // of one thread

// The writes of one thread, from 0. It is at most one ahead of what was answered.
struct ThreadLedger {
  struct Write {
    std::atomic<Sequence> sequence{0};      // 0: refused for certain
    std::atomic<std::uint32_t> durable{0};  // 1: acknowledged as durable
  };
  std::atomic<std::uint64_t> issued{0}, answered{0};
  std::array<Write, kCrowdWritesMax> writes;
};

struct CrowdLedger {
  std::atomic<std::uint64_t> opened{0};
  std::atomic<Sequence> recovered{0};     // what Open said, plus 1
  std::atomic<Sequence> durable{0};       // what stats().durable or a Sync said
  std::atomic<Sequence> seen{0};          // by the reader
  std::atomic<std::uint64_t> failing{0};  // set by the survivor when errors are to be expected
  std::array<ThreadLedger, kCrowdThreads> threads;
  std::atomic<std::uint64_t> flushes{0}, merges{0}, checkpoints{0};
  Line error;
};

struct CrowdPlan {
  std::uint64_t seed = 1, round = 0;
  Options options;
};
Options CrowdOptions(Durability durability);

// Runs until it is killed, or every thread met an error, or has no more writes to make. The exit
// status for the child.
int RunCrowd(const CrowdPlan& plan, const std::string& world, CrowdLedger* ledger);

// What the database held before the round.
struct CrowdBase {
  db::State state = db::State(db::FourSpaces().size());
  Sequence sequence = 0;
};

struct CrowdVerdict {
  std::string wrong;            // empty: all is well
  std::uint64_t answered = 0;   // acknowledged in this round
  std::uint64_t in_flight = 0;  // and not answered
  std::uint64_t lost = 0;       // acknowledged, and not there (only after a power cut)
};

// Compares what was found with the ledger; on success `base` becomes what was found.
CrowdVerdict JudgeCrowd(const CrowdPlan& plan, CrowdLedger* ledger, bool power_cut,
                        Sequence sequence, const db::State& found, CrowdBase* base);

// Opens, reads, verifies every file, judges, and closes, or leaves it to a later recovery.
CrowdVerdict CheckCrowd(const CrowdPlan& plan, CrowdLedger* ledger, bool power_cut,
                        const std::string& world, CrowdBase* base);

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_REAL_CROWD_H_
