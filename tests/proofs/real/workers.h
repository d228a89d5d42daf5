// SPDX-License-Identifier: Apache-2.0
//
// Worker processes. Each runs cases of its own, forks the children that are to die, and opens
// databases in between; as processes, not threads, because a child inherits the open files of every
// thread, and with them their locks. What workers find goes through a pipe to the one Tally.
//
// A worker dies with the program, and its children with it. ^C and SIGTERM end the workers, remove
// the temporary directory and end the program.
#ifndef KYRO_TESTS_PROOFS_REAL_WORKERS_H_
#define KYRO_TESTS_PROOFS_REAL_WORKERS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "proofs/proof.h"

namespace kyro::proofs {

// A directory for what the program makes: <base>/kyro-proof-<pid>-XXXXXX. Removed by the destructor
// and on ^C; what an earlier run left, whose process is gone, is removed by the constructor.
class Scratch {
 public:
  explicit Scratch(const std::string& base);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The directory for temporary files.
std::string DiskBase();
// One that lies in memory, if this machine has one with room; otherwise DiskBase(). What a process
// that is killed leaves does not depend on which: only the power could tell them apart.
std::string MemoryBase();

// A worker's way to the Tally. Each message is one line.
class Reporter {
 public:
  explicit Reporter(int pipe) : pipe_(pipe) {}
  void Count(std::string_view figure, std::uint64_t more = 1);
  void Violation(std::string_view what);
  void Say(std::string_view line);
  std::uint64_t violations() const { return violations_; }

 private:
  void Send(std::string_view line);
  const int pipe_;
  std::uint64_t violations_ = 0;
};

// Runs `work(index, reporter)` in `count` processes and waits for them. A worker that dies, or
// returns without being done, is a violation. `scratch` lists what ^C removes.
void RunWorkers(std::uint64_t count, Tally* tally, const std::vector<const Scratch*>& scratch,
                const std::function<void(std::uint64_t, Reporter&)>& work);

// Forks a process that dies with its parent, runs `body` and exits with what it returns.
int ForkChild(const std::function<int()>& body);

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_REAL_WORKERS_H_
