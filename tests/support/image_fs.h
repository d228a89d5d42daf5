// SPDX-License-Identifier: Apache-2.0
//
// ImageFs: the directory "/db" in memory, for reading only: its files are strings that a test
// damages in place between two openings. Nothing is copied on the way to a reader (Access::kCopy
// alone copies, as the real one does), so that an opening costs what the library makes of it.
// Whatever would change a file is refused with kReadOnly and counted: a read-only open does
// nothing of the kind. One thread at a time, world by world.
#ifndef KYRO_TESTS_SUPPORT_IMAGE_FS_H_
#define KYRO_TESTS_SUPPORT_IMAGE_FS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "io/file_system.h"

namespace kyro::support {

class ImageFs final : public io::FileSystem {
 public:
  using Files = std::map<std::string, std::string, std::less<>>;  // by name

  explicit ImageFs(Files files) : files_(std::move(files)) {}

  Result<std::unique_ptr<io::Directory>> OpenDirectory(const std::string& path,
                                                       bool create) override;
  Status RenameDirectory(const std::string& from, const std::string& to) override;

  // For damage. While no file or mapping of it is in use.
  Files& files() noexcept { return files_; }
  const Files& files() const noexcept { return files_; }
  // Operations that would have changed something.
  std::uint64_t refused_changes() const noexcept { return refused_changes_; }

 private:
  class ImageDirectory;
  Files files_;
  std::uint64_t refused_changes_ = 0;
};

}  // namespace kyro::support

#endif  // KYRO_TESTS_SUPPORT_IMAGE_FS_H_
