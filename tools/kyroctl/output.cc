// SPDX-License-Identifier: Apache-2.0
#include "kyroctl/output.h"

#include <fmt/format.h>

#include <cerrno>

namespace kyro::kyroctl {
namespace {

// What the person at the shell can do now. Empty where the message says it already.
std::string_view AdviceFor(StatusCode code) noexcept {
  switch (code) {
    case StatusCode::kLocked:
      return "end the process that has it open, or try again later";
    case StatusCode::kDataLoss:
      return "restore the database from a copy";
    case StatusCode::kUnsupported:
      return "use the newer kyroctl that wrote it";
    case StatusCode::kNoSpace:
      return "free some space and try again";
    case StatusCode::kIoError:
      return "check the disk and the permissions, then try again";
    case StatusCode::kResourceExhausted:
      return "free memory or file descriptors and try again";
    case StatusCode::kUnknownOutcome:
      return "check the disk, then read back what was written";
    case StatusCode::kReadOnly:
    case StatusCode::kBusy:
      return "try again later";
    case StatusCode::kInternal:
      return "please report this as a bug in kyro";
    default:
      return {};
  }
}

// Errors are one line, whatever a file name or a parser put into the message.
std::string OneLine(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return line;
}

}  // namespace

void Output::Write(std::string_view bytes) {
  if (!writable()) return;
  errno = 0;
  streams_.out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!writable()) write_error_ = errno;
}

void Output::Line(std::string text) {
  text.push_back('\n');
  Write(text);
}

void Output::Object(const Json& object) {
  Line(object.dump(-1, ' ', false, Json::error_handler_t::replace));
}

bool Output::writable() const {
  return streams_.out.good();
}

int Output::Done() {
  if (writable()) {
    errno = 0;
    streams_.out.flush();
    if (writable()) return kExitOk;
    write_error_ = errno;
  }
  const bool full = write_error_ == ENOSPC || write_error_ == EDQUOT;
  return Fail(Status(full ? StatusCode::kNoSpace : StatusCode::kIoError,
                     "standard output did not take the whole answer"));
}

int Output::Fail(const Status& status) {
  Print({.code = status.code(),
         .message = status.message().empty() ? StatusCodeName(status.code()) : status.message(),
         .advice = AdviceFor(status.code()),
         .file = status.file(),
         .offset = status.offset()});
  return ExitCodeOf(status);
}

int Output::FailAbsent(std::string_view message) {
  Print({.code = StatusCode::kNotFound, .message = message});
  return kExitFailure;
}

int Output::No(StatusCode code, std::string_view message) {
  Print({.code = code, .message = message});
  return kExitNo;
}

int Output::Interrupted(std::string_view left) {
  Print({.code = StatusCode::kCancelled, .message = fmt::format("interrupted: {}", left)});
  return kExitInterrupted;
}

std::string Output::Coloured(Colour colour, std::string_view text) const {
  if (!streams_.out_screen.colour) return std::string(text);
  return fmt::format("\033[{}m{}\033[0m", static_cast<int>(colour), text);
}

void Output::Print(const Report& report) {
  streams_.out.flush();  // in order, where both go to one terminal
  std::string message = OneLine(report.message);
  if (!report.advice.empty()) message += fmt::format("; {}", report.advice);
  if (!json_) {
    const bool colour = streams_.err_screen.colour;
    streams_.err << (colour ? "\033[1;31mkyroctl:\033[0m " : "kyroctl: ") << message << '\n'
                 << std::flush;
    return;
  }
  Json error;
  error["code"] = StatusCodeName(report.code);
  error["file"] = report.file.empty() ? Json() : Json(report.file);
  error["offset"] = report.offset == Status::kNoOffset ? Json() : Json(report.offset);
  error["message"] = message;
  streams_.err << Json{{"error", error}}.dump(-1, ' ', false, Json::error_handler_t::replace)
               << '\n'
               << std::flush;
}

int ExitCodeOf(const Status& status) noexcept {
  switch (status.code()) {
    case StatusCode::kOk:
      return kExitOk;
    case StatusCode::kInvalidArgument:
    case StatusCode::kKeyspaceMismatch:
      return kExitUsage;
    case StatusCode::kDataLoss:
    case StatusCode::kUnsupported:
      return kExitDamage;
    case StatusCode::kLocked:
      return kExitLocked;
    default:
      return kExitFailure;
  }
}

}  // namespace kyro::kyroctl
