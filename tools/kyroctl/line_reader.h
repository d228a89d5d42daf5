// SPDX-License-Identifier: Apache-2.0
//
// LineReader: the lines of a stream, of any bytes, none longer than a limit.
#ifndef KYRO_TOOLS_KYROCTL_LINE_READER_H_
#define KYRO_TOOLS_KYROCTL_LINE_READER_H_

#include <cstddef>
#include <cstdint>
#include <istream>
#include <string>
#include <string_view>

#include "kyro/status.h"

namespace kyro::kyroctl {

// One thread at a time; the stream outlives it.
class LineReader {
 public:
  LineReader(std::istream* in, std::size_t line_bytes_max) : in_(in), max_(line_bytes_max) {}

  // The next line that is not blank, without its end; it lives until the next call. False at the
  // end, and after an error.
  bool Next(std::string_view* line);
  // kIoError or kInvalidArgument (too long) after Next was false for a bad reason.
  const Status& status() const noexcept { return status_; }

  std::uint64_t number() const noexcept { return number_; }  // of the last line, from 1
  std::uint64_t bytes_read() const noexcept { return bytes_read_; }

 private:
  bool NextRaw(std::string_view* line);
  bool Fill();

  std::istream* const in_;
  const std::size_t max_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of what has not been handed out
  std::uint64_t number_ = 0;
  std::uint64_t bytes_read_ = 0;
  bool at_end_ = false;
  Status status_;
};

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_LINE_READER_H_
