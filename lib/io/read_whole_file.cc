// SPDX-License-Identifier: Apache-2.0
#include "base/status_util.h"
#include "io/file_system.h"

namespace kyro::io {

Result<std::string> ReadWholeFile(const Directory& directory, std::string_view name,
                                  std::uint64_t bytes_max) {
  KYRO_ASSIGN_OR_RETURN(const auto file, directory.Open(name));
  const std::uint64_t bytes = file->bytes();
  if (bytes > bytes_max) {
    return FileError(StatusCode::kDataLoss, name, bytes_max, "{} bytes, want at most {}", bytes,
                     bytes_max);
  }
  std::string content(bytes, '\0');
  KYRO_ASSIGN_OR_RETURN(const std::size_t read, file->Read(0, bytes, content.data()));
  if (read < bytes) {
    return FileError(StatusCode::kDataLoss, name, read,
                     "the file has {} bytes, want {}: truncated while read", read, bytes);
  }
  return content;
}

}  // namespace kyro::io
