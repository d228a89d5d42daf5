// SPDX-License-Identifier: Apache-2.0
#include "proofs/proof.h"

#include <malloc.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace kyro::proofs {
namespace {

constexpr std::uint64_t kViolationsPrinted = 20;

[[noreturn]] void Refuse(const char* program, std::string_view argument) {
  std::fprintf(stderr,
               "%s: %.*s is not understood\n"
               "usage: %s [--quick | --long=MINUTES] [--seed=N] [--threads=N] [--only=NAME] "
               "[--allow-skip]\n",
               program, static_cast<int>(argument.size()), argument.data(), program);
  std::exit(2);
}

std::uint64_t NanosNow() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

bool Take(std::string_view argument, std::string_view option, std::uint64_t* number) {
  if (!argument.starts_with(option)) return false;
  argument.remove_prefix(option.size());
  const char* end = argument.data() + argument.size();
  const auto [rest, error] = std::from_chars(argument.data(), end, *number);
  return error == std::errc() && rest == end;
}

}  // namespace

void KeepMemory() {
  (void)::mallopt(M_MMAP_THRESHOLD, 1 << 30);
  (void)::mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

Args ParseArgs(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  Args args;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--quick") {
      args.quick = true;
    } else if (argument == "--allow-skip") {
      args.allow_skip = true;
    } else if (argument.starts_with("--only=")) {
      args.only = argument.substr(7);
    } else if (!Take(argument, "--seed=", &args.seed) &&
               !Take(argument, "--long=", &args.minutes) &&
               !Take(argument, "--threads=", &args.threads)) {
      Refuse(argv[0], argument);
    }
  }
  if (args.threads == 0 || (args.quick && args.minutes != 0)) Refuse(argv[0], "this combination");
  return args;
}

Tally::Tally(std::string program) : program_(std::move(program)), started_(NanosNow()) {}

void Tally::Count(std::string_view figure, std::uint64_t more) {
  const std::lock_guard lock(mutex_);
  for (auto& [name, count] : figures_) {
    if (name == figure) return static_cast<void>(count += more);
  }
  figures_.emplace_back(figure, more);
}

std::uint64_t Tally::figure(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [own, count] : figures_) {
    if (own == name) return count;
  }
  return 0;
}

void Tally::Violation(const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (++violations_ <= kViolationsPrinted) std::printf("VIOLATION %s\n", what.c_str());
}

std::uint64_t Tally::violations() const {
  const std::lock_guard lock(mutex_);
  return violations_;
}

void Tally::Say(const std::string& line) {
  const double seconds = static_cast<double>(NanosNow() - started_) / 1e9;
  const std::lock_guard lock(mutex_);
  std::printf("%7.1f s  %s\n", seconds, line.c_str());
}

void Tally::Require(std::string_view figure, std::uint64_t at_least) {
  const std::uint64_t found = this->figure(figure);
  if (found < at_least) {
    Violation("only " + std::to_string(found) + " " + std::string(figure) + ", want at least " +
              std::to_string(at_least));
  }
}

int Tally::Finish() {
  const std::lock_guard lock(mutex_);
  std::string line = "proof " + program_ + ":";
  for (const auto& [name, count] : figures_) line += " " + name + " " + std::to_string(count) + ",";
  std::printf("%s violations %llu\n", line.c_str(), static_cast<unsigned long long>(violations_));
  return violations_ == 0 ? 0 : 1;
}

}  // namespace kyro::proofs
