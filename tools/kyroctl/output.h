// SPDX-License-Identifier: Apache-2.0
//
// Output: what kyroctl prints, where, and the exit codes that go with it.
#ifndef KYRO_TOOLS_KYROCTL_OUTPUT_H_
#define KYRO_TOOLS_KYROCTL_OUTPUT_H_

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "kyro/options.h"
#include "kyro/status.h"
#include "kyroctl/run.h"

namespace kyro::kyroctl {

using Json = nlohmann::ordered_json;

// One thread at a time. Answers go to standard output, everything else to standard error.
class Output {
 public:
  Output(const Streams& streams, bool json, bool quiet = false) noexcept
      : streams_(streams), json_(json), quiet_(quiet) {}

  bool json() const noexcept { return json_; }
  bool quiet() const noexcept { return quiet_; }  // no progress bars
  const Streams& streams() const noexcept { return streams_; }

  // Bytes as they are, and with a line end.
  void Write(std::string_view bytes);
  void Line(std::string text);
  // One line of JSON. Bytes that are not UTF-8 become U+FFFD.
  void Object(const Json& object);
  // False once standard output refused something: no use in going on.
  bool writable() const;

  // The exit code of a command that did its work: flushes standard output, and fails if it did not
  // take everything.
  int Done();
  // The exit code of an error, after printing it as one line with what to do about it.
  int Fail(const Status& status);
  // The same for something that is not there, and a negative answer, which is no error. A Status
  // kNotFound carries no message, hence the text.
  int FailAbsent(std::string_view message);
  int No(StatusCode code, std::string_view message);

 private:
  struct Report {
    StatusCode code;
    std::string_view message;
    std::string_view advice{};
    std::string_view file{};
    std::uint64_t offset = Status::kNoOffset;
  };
  void Print(const Report& report);

  const Streams& streams_;
  const bool json_;
  const bool quiet_;
  int write_error_ = 0;  // errno of the first failed write
};

// The exit code that stands for `status` when it ends a command.
int ExitCodeOf(const Status& status) noexcept;

// A bar on standard error while it lives, if that is a terminal; otherwise nothing.
class ProgressBar {
 public:
  // `unit` is what is counted: "bytes", "rows".
  ProgressBar(const Output& output, std::string_view what, std::string_view unit);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // `total` is 0 where it is not known. `count` is shown beside the bar.
  void Update(std::uint64_t done, std::uint64_t total, std::uint64_t count);

 private:
  const Streams& streams_;
  const std::string what_, unit_;
  std::chrono::steady_clock::time_point next_{};
  bool drawn_ = false;
};

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_OUTPUT_H_
