// SPDX-License-Identifier: Apache-2.0
//
// Status glue: early returns, formatted errors, and the one guard between C++ exceptions (which
// only the standard library throws here) and the public API.
#ifndef KYRO_BASE_STATUS_UTIL_H_
#define KYRO_BASE_STATUS_UTIL_H_

#include <fmt/core.h>

#include <string_view>
#include <utility>

#include "kyro/status.h"

namespace kyro {

#define KYRO_CONCAT_INNER_(a, b) a##b
#define KYRO_CONCAT_(a, b) KYRO_CONCAT_INNER_(a, b)

#define KYRO_RETURN_IF_ERROR(expr)                                                     \
  do {                                                                                 \
    if (::kyro::Status kyro_status_ = (expr); !kyro_status_.ok()) return kyro_status_; \
  } while (false)

// KYRO_ASSIGN_OR_RETURN(auto file, dir.Open(name));
#define KYRO_ASSIGN_OR_RETURN(lhs, expr) \
  KYRO_ASSIGN_OR_RETURN_(KYRO_CONCAT_(kyro_result_, __LINE__), lhs, expr)
#define KYRO_ASSIGN_OR_RETURN_(tmp, lhs, expr)   \
  auto tmp = (expr);                             \
  if (!tmp.ok()) return std::move(tmp).status(); \
  lhs = std::move(tmp).value()

// Both sides of the two templates below. They are cold, so that the compiler lays the calls out of
// the way, and not templates, so that a call costs its arguments and no formatting code.
// They never throw: without memory for its text the error keeps its code, file and offset.
[[gnu::cold]] Status FormatError(StatusCode code, fmt::string_view format,
                                 fmt::format_args args) noexcept;
[[gnu::cold]] Status FormatFileError(StatusCode code, std::string_view file, std::uint64_t offset,
                                     fmt::string_view format, fmt::format_args args) noexcept;

// An error that no file is to blame for.
template <class... Args>
Status Error(StatusCode code, fmt::format_string<Args...> format, Args&&... args) noexcept {
  return FormatError(code, format, fmt::make_format_args(args...));
}

// An error in `file` at `offset`; the message is prefixed with the file's name.
template <class... Args>
Status FileError(StatusCode code, std::string_view file, std::uint64_t offset,
                 fmt::format_string<Args...> format, Args&&... args) noexcept {
  return FormatFileError(code, file, offset, format, fmt::make_format_args(args...));
}

// The status of a failed system call, by errno: ENOSPC and EDQUOT are kNoSpace; EMFILE, ENFILE and
// ENOMEM kResourceExhausted; ENOENT kNotFound is never produced (an error is never "absent").
Status ErrnoError(int error, std::string_view operation, std::string_view file,
                  std::uint64_t offset = Status::kNoOffset) noexcept;

// kNotFound of a file that has to be there becomes kIoError: an error is never "absent".
Status MustExist(Status status, std::string_view file);

// The Status of the exception that is being handled. Only inside a catch block.
[[gnu::cold]] Status CaughtError() noexcept;

// Runs `body`, which returns a Status or a Result; exceptions of the standard library become
// kResourceExhausted or kInternal. Every public function and thread body ends in one of these.
template <class Body>
auto Guarded(Body&& body) noexcept -> decltype(body()) {
  try {
    return body();
  } catch (...) {
    return CaughtError();
  }
}

}  // namespace kyro

#endif  // KYRO_BASE_STATUS_UTIL_H_
