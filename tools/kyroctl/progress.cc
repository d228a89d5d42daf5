// SPDX-License-Identifier: Apache-2.0
#include "kyroctl/progress.h"

#include <fmt/format.h>

#include <algorithm>

#include "kyroctl/listing.h"

namespace kyro::kyroctl {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kQuietTime{500};  // what takes no longer is not worth a bar
constexpr milliseconds kRedrawTime{100};
constexpr std::size_t kBarCellsMax = 30;
constexpr std::size_t kBarCellsMin = 5;

std::string Amount(Unit unit, std::uint64_t count) {
  return unit == Unit::kBytes ? HumanBytes(static_cast<double>(count)) : Counted(count, "row");
}

std::string Rate(Unit unit, double per_second) {
  if (unit == Unit::kBytes) return HumanBytes(per_second) + "/s";
  return Count(static_cast<std::uint64_t>(per_second)) + " rows/s";
}

}  // namespace

std::string HumanBytes(double bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  std::size_t unit = 0;
  // 999.5 would be rounded to 1000.
  for (; bytes >= 999.5 && unit + 1 < std::size(kUnits); ++unit) bytes /= 1000;
  const int digits = unit == 0 || bytes >= 99.95 ? 0 : bytes >= 9.995 ? 1 : 2;
  return fmt::format("{:.{}f} {}", bytes, digits, kUnits[unit]);
}

std::string HumanTime(std::chrono::duration<double> time) {
  const auto seconds = static_cast<std::uint64_t>(std::clamp(time.count(), 0.0, 3.6e6) + 0.5);
  if (seconds < 3600) return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
  return fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

std::string BarLine(const BarState& state) {
  const double seconds = std::max(state.elapsed.count(), 1e-3);
  std::string tail = fmt::format("{}, {}", Amount(state.unit, state.count),
                                 Rate(state.unit, static_cast<double>(state.count) / seconds));
  std::string line = fmt::format("{} ", state.what);
  if (state.total == 0) {
    line += tail;
    line.resize(std::min(line.size(), state.columns));
    return line;
  }
  const double part =
      std::min(1.0, static_cast<double>(state.done) / static_cast<double>(state.total));
  tail = fmt::format("{:3.0f}% ", 100 * part) + tail;
  if (state.done != 0) {
    tail += fmt::format(", {} left", HumanTime(state.elapsed * ((1 - part) / part)));
  }
  const std::size_t taken = line.size() + tail.size() + 3;  // "[] "
  const std::size_t room = state.columns > taken ? state.columns - taken : 0;
  const std::size_t cells = std::min(room, kBarCellsMax);
  if (cells < kBarCellsMin) {
    line += tail;
    line.resize(std::min(line.size(), state.columns));
    return line;
  }
  const auto filled = static_cast<std::size_t>(part * static_cast<double>(cells));
  const std::string done(filled, '#'), open(cells - filled, '.');
  line += state.colour ? fmt::format("[\033[36m{}\033[0m{}] ", done, open)
                       : fmt::format("[{}{}] ", done, open);
  return line + tail;
}

Task::Task(const Output& output, std::string_view what, Unit unit, bool screen_is_taken)
    : streams_(output.streams()),
      draws_(streams_.err_is_terminal && streams_.err_screen.moves && !output.quiet() &&
             !screen_is_taken),
      begin_(streams_.now()),
      next_(begin_ + kQuietTime),
      what_(what) {
  state_.what = what_;
  state_.unit = unit;
  state_.columns = streams_.err_screen.columns;
  state_.colour = streams_.err_screen.colour;
}

Task::~Task() {
  if (drawn_) streams_.err << "\r\033[K" << std::flush;
}

bool Task::Update(std::uint64_t done, std::uint64_t total, std::uint64_t count) {
  state_.done = done;
  state_.total = total;
  state_.count = count;
  if (draws_) Draw();
  return !interrupted();
}

void Task::Draw() {
  const auto now = streams_.now();
  if (now < next_) return;
  next_ = now + kRedrawTime;
  state_.elapsed = now - begin_;
  drawn_ = true;
  streams_.err << "\r\033[K" << BarLine(state_) << std::flush;
}

Progress Task::AsProgress() {
  return Progress{.on_progress = [this](std::uint64_t done, std::uint64_t total) {
    return Update(done, total, done);
  }};
}

}  // namespace kyro::kyroctl
