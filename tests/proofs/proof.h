// SPDX-License-Identifier: Apache-2.0
//
// What the programs of ./tests/proof share: their arguments, and a tally that ends in one line
//
//   proof crash: states 512345, violations 0
//
// which tests/proof reads and sums. A program exits with status 0 if there was no violation, 1 if
// there was one, 2 if its arguments are wrong.
#ifndef KYRO_TESTS_PROOFS_PROOF_H_
#define KYRO_TESTS_PROOFS_PROOF_H_

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kyro::proofs {

struct Args {
  std::uint64_t seed = 1;  // --seed=N
  std::uint64_t minutes =
      0;  // --long=MINUTES: from new seeds on until the time is over; 0: the bounded run
  std::uint64_t threads = 2;  // --threads=N
  bool quick = false;         // --quick: seconds, for the suite and to catch planted bugs
  std::string only;           // --only=NAME: one part of the program
  bool allow_skip = false;    // --allow-skip: what this machine does not allow is no violation
};

// Prints what is wrong and exits with status 2.
Args ParseArgs(int argc, char** argv);

// Has freed memory stay with the process: a run frees and takes the same large buffers thousands of
// times, and asking the kernel for each costs a third to a half of the time.
void KeepMemory();

// Counts and violations. Any thread.
class Tally {
 public:
  explicit Tally(std::string program);

  // Adds to a figure of the last line. Figures appear in the order of their first Count.
  void Count(std::string_view figure, std::uint64_t more = 1);
  std::uint64_t figure(std::string_view name) const;

  // Something that must never be: printed at once (the first 20), with what is needed to repeat it.
  void Violation(const std::string& what);
  std::uint64_t violations() const;

  // A line for people who watch: printed with the seconds since the start.
  void Say(const std::string& line);

  // A figure that was to be reached; a proof that did less than it says is a violation.
  void Require(std::string_view figure, std::uint64_t at_least);

  // Prints the last line; the program's exit status.
  int Finish();

 private:
  const std::string program_;
  const std::uint64_t started_;  // steady clock, nanoseconds
  mutable std::mutex mutex_;
  std::vector<std::pair<std::string, std::uint64_t>> figures_;
  std::uint64_t violations_ = 0;
};

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_PROOF_H_
