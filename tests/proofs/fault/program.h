// SPDX-License-Identifier: Apache-2.0
//
// Program: what an application does with a database, as a fixed list of steps that touches every
// operation there is, and goes on as an application would when calls fail: it notes the error,
// resumes or opens again, and carries on with the next step. After each step it reads everything
// and compares. What must hold is in `Watch`, what the files may hold in Oracle.
//
// Deterministic: the same World fails at the same call. One thread.
#ifndef KYRO_TESTS_PROOFS_FAULT_PROGRAM_H_
#define KYRO_TESTS_PROOFS_FAULT_PROGRAM_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "db/inspect.h"
#include "kyro/db.h"
#include "proofs/fault/oracle.h"
#include "support/sim_fs.h"
#include "support/step_executor.h"

namespace kyro::proofs {

using db::Op;

// Where a Program runs.
class World {
 public:
  virtual ~World() = default;
  virtual io::Env env() = 0;
  virtual support::StepExecutor& executor() = 0;
  virtual std::string path(std::string_view name) const { return "/" + std::string(name); }
  // The file system below, if it can crash; else null.
  virtual support::SimFs* sim() { return nullptr; }
  // Becomes what a kill of the process leaves; what was there before lives, without faults, until
  // Bury. Only with a sim().
  virtual void Kill() {}
  virtual void Bury() {}

  // With a sim(): whether the next sync of a file fails and loses what it should have written.
  virtual void FailNextSync(bool) {}

  // Around each call into the library, jobs in the background included.
  virtual void Enter() {}
  virtual void Leave() {}
  // Whether a fault has hit: only then may a call fail.
  virtual bool Troubled() const = 0;
  // Whether a call that only reads may fail now.
  virtual bool ReadsMayFail() const = 0;
  // Whether errors name the file: what runs out of memory cannot.
  virtual bool NamesFiles() const { return true; }
};

// How much a Program does in each step. Every operation is in both.
enum class Scale : std::uint8_t { kSmall, kFull };

class Program {
 public:
  // `wrong` hears of each thing that must not be. `choose` varies what the program does where it
  // has a choice: to resume or to open again.
  Program(World* world, Scale scale, std::uint64_t choose,
          std::function<void(const std::string&)> wrong);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  static std::size_t step_count();
  static std::string_view step_name(std::size_t step);
  void Step(std::size_t step);

  // The faults are over: everything works again, at the latest after opening again, and what was
  // acknowledged is there. Without `may_open_again` a Resume must be enough for a database that is
  // open.
  void Heal(bool may_open_again = true);
  // The log is not failed, unless a sync of it did: no Resume is needed.
  void CheckNotFailed();
  // Ends the handles.
  void Drop();

  // Opens what a crash left in `env` without faults, and compares.
  void CheckCrash(const io::Env& env, bool power_cut, const std::string& what);
  void CheckCopy(const io::Env& env, const std::string& what);

  std::uint64_t errors() const { return errors_; }    // calls that failed
  std::uint64_t unknown() const { return unknown_; }  // of these with kUnknownOutcome
  std::uint64_t digest() const { return digest_; }    // of all outcomes and all rows read
  bool open() const { return db_.has_value(); }

 private:
  struct Named {
    std::string_view name;
    void (Program::*run)();
  };
  static const std::vector<Named>& Steps();

  // Steps (program_steps.cc).
  void StepOpen();
  void StepPuts();
  void StepBatches();
  void StepFlush();
  void StepOverwrite();
  void StepUpkeep();
  void StepWeak();
  void StepIdle();
  void StepBulkLoad();
  void StepCheckpoint();
  void StepDrop();
  void StepFold();
  void StepRebuild();
  void StepVerify();
  void StepReads();
  void StepFailedSync();
  void StepBurst();
  void StepKill();
  void StepReadOnly();
  void StepCopied();
  void StepClose();

  // Runs `body`, which makes one call and returns a Status or a Result.
  template <class Body>
  auto Call(Body&& body) -> decltype(body()) {
    world_->Enter();
    try {
      auto result = body();
      world_->Leave();
      return result;
    } catch (...) {
      world_->Leave();
      Wrong("an exception leaves the library");
      return Status(StatusCode::kInternal, "an exception");
    }
  }
  // The same for calls that return nothing.
  template <class Body>
  void Do(Body&& body) {
    (void)Call([&] { return body(), Status::Ok(); });
  }
  bool Ready();  // opens if need be
  Status Open();
  Status OpenSpaces();
  Status Adopt();  // takes what a new Open shows as what is there
  Stats GetStats();
  bool Writing();
  void Close();
  Status Mend();
  void Write(const db::Batch& batch, std::optional<Durability> durability = {});
  Status WriteOnce(const db::Batch& batch, const WriteOptions& options);
  void BulkLoad(std::size_t space, const db::Batch& rows);
  // One row in each keyspace for each of `count` numbers from `from` on.
  static db::Batch Rows(std::uint64_t from, std::uint64_t count, std::size_t bytes);

  // What a call returned. False if it failed.
  bool Judge(std::string_view call, const Status& status);
  void Wrong(const std::string& what);
  void Note(std::string_view text);

  Status ReadAll(db::State* found);
  template <class K>
  Status ReadSpace(Keyspace<K>* space, const ReadPoint& point, db::Map* rows);
  template <class K>
  Status Walk(Keyspace<K>* space, const db::Map& want);
  void Compare();

  std::uint64_t Few(std::uint64_t small, std::uint64_t full) const {
    return scale_ == Scale::kSmall ? small : full;
  }

  World* const world_;
  const Scale scale_;
  const std::uint64_t choose_;
  const std::function<void(const std::string&)> wrong_;
  Options options_;
  Oracle oracle_;
  std::optional<db::State> copied_;  // what the checkpoint holds, if it is there
  bool copy_made_ = false;           // it is: Checkpoint returned OK
  std::size_t step_ = 0;
  bool adopted_ = false;      // everything was read since the last Open
  bool clean_ = false;        // it was closed, and not opened since
  bool sync_failed_ = false;  // a step had one fail, and nothing has mended it yet

  std::optional<Db> db_;
  std::optional<Db> closed_;                             // the one before
  std::array<std::optional<Keyspace<U64>>, 2> numbers_;  // spaces 0 and 2
  std::array<std::optional<Keyspace<Bytes>>, 2> words_;  // spaces 1 and 3

  std::uint64_t errors_ = 0, unknown_ = 0, digest_ = 14695981039346656037u;
};

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_FAULT_PROGRAM_H_
