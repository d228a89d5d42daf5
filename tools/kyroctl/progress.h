// SPDX-License-Identifier: Apache-2.0
//
// Long operations as a person at a terminal meets them: a bar after half a second, and ^C.
#ifndef KYRO_TOOLS_KYROCTL_PROGRESS_H_
#define KYRO_TOOLS_KYROCTL_PROGRESS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "kyro/options.h"
#include "kyroctl/interrupt.h"
#include "kyroctl/output.h"

namespace kyro::kyroctl {

enum class Unit : std::uint8_t { kBytes, kRows };

// What a bar shows.
struct BarState {
  std::string_view what{};  // "folding"
  Unit unit = Unit::kBytes;
  std::uint64_t done = 0;
  std::uint64_t total = 0;  // 0: not known; there is no bar then, and no time left
  std::uint64_t count = 0;  // in units
  std::chrono::duration<double> elapsed{};
  std::size_t columns = 80;
  bool colour = false;
};

// One line without its end, at most `columns` wide. Pure; any thread.
std::string BarLine(const BarState& state);

// "1.21 GB", "734 B".
std::string HumanBytes(double bytes);
// "0:07", "12:30", "3:05:00".
std::string HumanTime(std::chrono::duration<double> time);

// While it lives there may be a bar on standard error (a terminal; nothing is drawn in the first
// half second, nor with --quiet) and the first ^C only asks. One thread at a time; one at a time.
class Task {
 public:
  // `screen_is_taken`: standard output goes to the same terminal, so that a bar would be in the
  // way.
  Task(const Output& output, std::string_view what, Unit unit, bool screen_is_taken = false);
  ~Task();
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  // Draws, sometimes. False once ^C was pressed: the work is to end.
  bool Update(std::uint64_t done, std::uint64_t total, std::uint64_t count);
  // The same as a call's Progress, which lives as long as this.
  Progress AsProgress();

  bool interrupted() const noexcept { return Interrupt::Requested(); }
  std::uint64_t done() const noexcept { return state_.done; }  // as last told

 private:
  void Draw();

  const Streams& streams_;
  const bool draws_;
  const Interrupt interrupt_;
  const std::chrono::steady_clock::time_point begin_;
  std::chrono::steady_clock::time_point next_;
  const std::string what_;
  BarState state_;
  bool drawn_ = false;
};

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_PROGRESS_H_
