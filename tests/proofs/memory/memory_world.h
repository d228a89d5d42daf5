// SPDX-License-Identifier: Apache-2.0
//
// MemoryWorld: a Program's world in which memory runs out. Its seams allocate as the real ones do
// (a name, a handle, a job), and what SimFs and StepExecutor need for themselves is always there.
// One thread.
#ifndef KYRO_TESTS_PROOFS_MEMORY_MEMORY_WORLD_H_
#define KYRO_TESTS_PROOFS_MEMORY_MEMORY_WORLD_H_

#include <memory>
#include <string>

#include "proofs/fault/fault_world.h"
#include "proofs/fault/program.h"
#include "proofs/memory/failing_new.h"
#include "support/test_env.h"

namespace kyro::proofs {

// A file system in front of another that allocates as posix_*.cc do.
class AllocatingFs final : public io::FileSystem {
 public:
  explicit AllocatingFs(io::FileSystem* base) : base_(base) {}  // not owned
  Result<std::unique_ptr<io::Directory>> OpenDirectory(const std::string& path,
                                                       bool create) override;
  Status RenameDirectory(const std::string& from, const std::string& to) override;

 private:
  io::FileSystem* const base_;
};

// The same for an executor. An exception that a job lets out is dropped, as thread_executor.cc
// does.
class AllocatingExecutor final : public io::Executor {
 public:
  explicit AllocatingExecutor(io::Executor* base) : base_(base) {}  // not owned
  Result<std::unique_ptr<io::JobQueue>> NewQueue(std::string_view name) override;

 private:
  io::Executor* const base_;
};

class MemoryWorld final : public World {
 public:
  MemoryWorld(std::uint64_t seed, const std::string& what)
      : what_(what),
        now_(std::make_unique<Machine>(std::make_unique<support::TestEnv>(seed), what)) {
    now_->env->fs().StopJournal();
  }

  void Lift() {
    Memory::Lift();
    lifted_ = true;
  }
  io::Env env() override {
    return io::Env{&now_->fs, &now_->executor, &now_->clock, &now_->env->random()};
  }
  support::StepExecutor& executor() override { return now_->env->executor(); }
  support::SimFs* sim() override { return &now_->env->fs(); }
  void Kill() override {
    auto crashed = now_->env->Crash(support::CrashKind::kKill, sim()->event_count());
    old_ = std::move(now_);
    now_ = std::make_unique<Machine>(std::move(crashed), what_);
    now_->env->fs().StopJournal();
  }
  void Bury() override { old_.reset(); }
  void Enter() override { entered_.emplace(); }
  void Leave() override { entered_.reset(); }
  bool Troubled() const override { return Memory::failed() > 0; }
  bool ReadsMayFail() const override { return Memory::failed() > 0 && !lifted_; }
  bool NamesFiles() const override { return false; }

  support::TestEnv& test_env() { return *now_->env; }

 private:
  struct Machine {
    Machine(std::unique_ptr<support::TestEnv> made, const std::string& what)
        : env(std::move(made)),
          fs(&env->fs()),
          executor(&env->executor()),
          clock(&env->clock(), what) {}
    std::unique_ptr<support::TestEnv> env;
    AllocatingFs fs;
    AllocatingExecutor executor;
    PatientClock clock;
  };

  const std::string what_;
  std::unique_ptr<Machine> now_, old_;
  std::optional<Armed> entered_;
  bool lifted_ = false;
};

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_MEMORY_MEMORY_WORLD_H_
