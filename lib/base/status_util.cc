// SPDX-License-Identifier: Apache-2.0
#include "base/status_util.h"

#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <system_error>

#include "base/planted.h"

namespace kyro {
namespace {

// strerror_r comes in two kinds: GNU's returns the text, POSIX's fills the buffer.
[[maybe_unused]] const char* ErrorText(const char* text, const char*) {
  return text;
}
[[maybe_unused]] const char* ErrorText(int failed, const char* buffer) {
  return failed == 0 ? buffer : "unknown error";
}

constexpr std::string_view kNoMemoryToSay = "no memory to say more";

StatusCode CodeOf(int error) noexcept {
  switch (error) {
    case EDQUOT:
      if (KYRO_PLANTED(kWrongErrno)) return StatusCode::kIoError;
      [[fallthrough]];
    case ENOSPC:
      return StatusCode::kNoSpace;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return StatusCode::kResourceExhausted;
    default:
      return StatusCode::kIoError;
  }
}

}  // namespace

// An error is the same error when there is no memory to say it in: a failed sync must not turn into
// an allocation that can be tried again.
Status FormatError(StatusCode code, fmt::string_view format, fmt::format_args args) noexcept {
  try {
    return Status(code, fmt::vformat(format, args));
  } catch (...) {
    return Status(code, kNoMemoryToSay);
  }
}

Status FormatFileError(StatusCode code, std::string_view file, std::uint64_t offset,
                       fmt::string_view format, fmt::format_args args) noexcept {
  try {
    std::string message(file);
    message.append(": ").append(fmt::vformat(format, args));
    return Status(code, message, file, offset);
  } catch (...) {
    if (KYRO_PLANTED(kErrorTextIsAnError)) return Status(StatusCode::kResourceExhausted);
    return Status(code, kNoMemoryToSay, file, offset);
  }
}

Status ErrnoError(int error, std::string_view operation, std::string_view file,
                  std::uint64_t offset) noexcept {
  char buffer[128] = "";
  const char* text = ErrorText(::strerror_r(error, buffer, sizeof(buffer)), buffer);
  const StatusCode code = CodeOf(error);
  if (offset == Status::kNoOffset) {
    return FileError(code, file, offset, "{}: {} (errno {})", operation, text, error);
  }
  return FileError(code, file, offset, "{} at offset {}: {} (errno {})", operation, offset, text,
                   error);
}

Status MustExist(Status status, std::string_view file) {
  if (status.code() != StatusCode::kNotFound) return status;
  return FileError(StatusCode::kIoError, file, Status::kNoOffset,
                   "gone: someone else removed it, or its directory");
}

Status CaughtError() noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return Status(StatusCode::kResourceExhausted, "out of memory");
  } catch (const std::system_error&) {
    return Status(StatusCode::kResourceExhausted, "the operating system refused a resource");
  } catch (...) {
    return Status(StatusCode::kInternal, "unexpected exception");
  }
}

}  // namespace kyro
