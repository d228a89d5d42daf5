// SPDX-License-Identifier: Apache-2.0
#include "base/status_util.h"

#include <cerrno>
#include <cstring>

namespace kyro {
namespace {

// strerror_r comes in two kinds: GNU's returns the text, POSIX's fills the buffer.
[[maybe_unused]] const char* ErrorText(const char* text, const char*) {
  return text;
}
[[maybe_unused]] const char* ErrorText(int failed, const char* buffer) {
  return failed == 0 ? buffer : "unknown error";
}

StatusCode CodeOf(int error) noexcept {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
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

Status ErrnoError(int error, std::string_view operation, std::string_view file,
                  std::uint64_t offset) {
  char buffer[128] = "";
  const char* text = ErrorText(::strerror_r(error, buffer, sizeof(buffer)), buffer);
  const StatusCode code = CodeOf(error);
  if (offset == Status::kNoOffset) {
    return FileError(code, file, offset, "{}: {} (errno {})", operation, text, error);
  }
  return FileError(code, file, offset, "{} at offset {}: {} (errno {})", operation, offset, text,
                   error);
}

}  // namespace kyro
