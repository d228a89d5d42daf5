// SPDX-License-Identifier: Apache-2.0
//
// Output: what kyroctl prints, where, and the exit codes that go with it.
#ifndef KYRO_TOOLS_KYROCTL_OUTPUT_H_
#define KYRO_TOOLS_KYROCTL_OUTPUT_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

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
  // The exit code of a command that ^C ended. `left` says what is done and what is not.
  int Interrupted(std::string_view left);

  // `text` in a colour on standard output, if that is a terminal that has colours.
  enum class Colour : std::uint8_t { kRed = 31, kGreen = 32, kYellow = 33 };
  std::string Coloured(Colour colour, std::string_view text) const;

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

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_OUTPUT_H_
