// SPDX-License-Identifier: Apache-2.0
//
// A script: a fixed list of steps over every operation that kyro has, and what the database holds
// after each. A child runs it and notes in shared memory how far it is; whoever survives the child
// checks what the database holds against that.
//
// S1 The child sets `started` to s before step s (from 1) and `done` to s after it. So at any
//    moment the database is at a step x with done <= x <= started; and what a crash leaves is the
//    state after such an x. A power cut may leave an earlier x, but none before `durable_step`, nor
//    one with fewer commits than `durable`.
// S2 A state tells a step: states[x] are the rows and commits[x] the sequence.
#ifndef KYRO_TESTS_PROOFS_REAL_SCRIPT_H_
#define KYRO_TESTS_PROOFS_REAL_SCRIPT_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "db/model.h"
#include "proofs/real/shared.h"

namespace kyro::proofs {

struct Step {
  enum class Kind {
    kPut,         // through a keyspace, as kDelete
    kDelete,      //
    kBatch,       // through the Db
    kBulkLoad,    //
    kSync,        //
    kFlush,       //
    kUpkeep,      // background jobs that are due
    kAdvance,     // time passes: what waits for a moment runs
    kFold,        //
    kRebuild,     //
    kCheckpoint,  //
    kDrop,        // of one keyspace, which is made again
    kReopen,      //
  };
  Kind kind;
  db::Batch batch;        // of those that commit
  std::size_t space = 0;  // of kDrop
};
const char* NameOf(Step::Kind kind);

struct Script {
  std::uint64_t seed = 0;
  Options options;
  std::vector<Step> steps;        // [x - 1] leads to step x
  std::vector<db::State> states;  // after step x; [0] is empty
  std::vector<Sequence> commits;  // made by the first x steps
  std::string Text() const;       // "script 7 (kSync)"
};

// Every kind of step is in it, `rounds` times; some five commits lie between two others.
Script MakeScript(std::uint64_t seed, Durability durability, int rounds);

// Written by the child that runs the script.
struct ScriptLedger {
  std::atomic<std::uint64_t> opened{0};  // 1: the keyspaces were made
  std::atomic<std::uint64_t> started{0}, done{0};
  std::atomic<std::uint64_t> durable_step{0}, durable{0};
  // What the whole script came to, to show that it reaches what it is to reach.
  std::atomic<std::uint64_t> flushes{0}, merges{0}, rotations{0}, retrains{0};
  Line error;
};

// Where the database and its checkpoints are.
std::string DatabaseIn(const std::string& world);
std::string CheckpointIn(const std::string& world, std::size_t step);

// Runs the script on the real file system, without threads: background jobs run when the script
// says so. The exit status for the child: 0, or 1 with a line in `ledger->error`. `before_step` is
// called with each step's number from 1.
int RunScript(const Script& script, const std::string& world, ScriptLedger* ledger,
              const std::function<void(std::size_t step)>& before_step = {});

// Opens the database and closes it, on the real file system and without threads. `opened` gets the
// sequence that Open said, plus 1. The exit status for the child.
int RecoverScript(const Script& script, const std::string& world, std::uint64_t seed,
                  std::atomic<Sequence>* opened);

// What is known of the child's end.
struct Crash {
  std::size_t done = 0, started = 0, durable_step = 0;
  Sequence durable = 0;
  bool opened = false;
  bool power_cut = false;
};
Crash CrashOf(const ScriptLedger& ledger, bool power_cut);

// Why this is nothing that such a crash may leave; empty if it may. `x` gets the step found.
std::string Verdict(const Script& script, const Crash& crash, Sequence sequence,
                    const db::State& found, std::size_t* x);

// Recovers what the child left, compares it with the script, verifies every file, checks the
// checkpoints, writes on, closes and opens again. Empty, or what is wrong. `exactly`: the sequence
// that an earlier recovery reported, which must stay, or nothing. `recovered` gets the sequence.
std::string CheckScript(const Script& script, const Crash& crash, const std::string& world,
                        std::optional<Sequence> exactly, Sequence* recovered);

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_REAL_SCRIPT_H_
