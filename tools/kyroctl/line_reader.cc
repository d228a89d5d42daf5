// SPDX-License-Identifier: Apache-2.0
#include "kyroctl/line_reader.h"

#include <fmt/format.h>

namespace kyro::kyroctl {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{64} << 10;

}  // namespace

bool LineReader::Next(std::string_view* line) {
  while (NextRaw(line)) {
    if (line->find_first_not_of(" \t\r") != std::string_view::npos) return true;
  }
  return false;
}

bool LineReader::NextRaw(std::string_view* line) {
  std::size_t searched = begin_;
  while (true) {
    const std::size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos) {
      *line = std::string_view(buffer_).substr(begin_, end - begin_);
      begin_ = end + 1;
      ++number_;
      return true;
    }
    if (at_end_) break;
    buffer_.erase(0, begin_);
    begin_ = 0;
    searched = buffer_.size();
    if (searched > max_) {
      ++number_;
      status_ =
          Status(StatusCode::kInvalidArgument, fmt::format("a line has more than {} bytes", max_));
      return false;
    }
    if (!Fill()) return false;
  }
  *line = std::string_view(buffer_).substr(begin_);
  begin_ = buffer_.size();
  if (line->empty()) return false;
  ++number_;
  return true;
}

// False after an error.
bool LineReader::Fill() {
  const std::size_t size = buffer_.size();
  // What there is now, and no more: a pipe's rows are taken as they come.
  if (in_->peek() != std::istream::traits_type::eof()) {
    buffer_.resize(size + kChunkBytes);
    const auto got = static_cast<std::size_t>(
        in_->readsome(buffer_.data() + size, static_cast<std::streamsize>(kChunkBytes)));
    buffer_.resize(size + got);
    bytes_read_ += got;
  }
  at_end_ = in_->eof();
  if (at_end_ || in_->good()) return true;
  ++number_;
  status_ = Status(StatusCode::kIoError, "the input cannot be read");
  return false;
}

}  // namespace kyro::kyroctl
