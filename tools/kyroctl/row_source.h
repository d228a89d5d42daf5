// SPDX-License-Identifier: Apache-2.0
//
// RowSource: the rows of an input in one of the formats that load takes.
#ifndef KYRO_TOOLS_KYROCTL_ROW_SOURCE_H_
#define KYRO_TOOLS_KYROCTL_ROW_SOURCE_H_

#include <cstdint>
#include <istream>
#include <memory>
#include <string>
#include <string_view>

#include "kyro/status.h"
#include "kyroctl/row_format.h"
#include "kyroctl/rows.h"

namespace kyro::kyroctl {

// One thread at a time; the stream outlives it.
class RowSource {
 public:
  virtual ~RowSource() = default;
  // False at the end, and after an error.
  virtual bool Next(Row* row) = 0;
  // Why Next was false: OK at the end, kInvalidArgument, kIoError.
  const Status& status() const noexcept { return status_; }
  // Of the last row, or of what is wrong: "line 3".
  virtual std::string Place() const = 0;
  std::uint64_t bytes_read() const noexcept { return bytes_read_; }

 protected:
  Status status_;
  std::uint64_t bytes_read_ = 0;
};

std::unique_ptr<RowSource> MakeRowSource(RowFormat format, std::istream* in);

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_ROW_SOURCE_H_
