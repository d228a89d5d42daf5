// SPDX-License-Identifier: Apache-2.0
//
// Each call of the FileSystem seam on real files, one by one, for whoever makes something below
// fail.
#ifndef KYRO_TESTS_PROOFS_FAULT_SEAM_CALLS_H_
#define KYRO_TESTS_PROOFS_FAULT_SEAM_CALLS_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/env.h"

namespace kyro::proofs {

// A directory for real files, on memory where there is such a file system: syncs are free there.
// Removed with all that is in it. Any thread, each its own.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  const std::string& path() const { return path_; }
  void Clear() const;  // removes what is in it

 private:
  std::string path_;
};

// Files and handles that the calls work on: made anew for each.
struct SeamFixture {
  explicit SeamFixture(const std::string& root);

  std::string root, db, other;  // paths; `other` is not there
  std::unique_ptr<io::Directory> directory;
  std::unique_ptr<io::WritableFile> writable;  // kSeamFile
  std::unique_ptr<io::RandomFile> readable;    // the same
  std::unique_ptr<io::Mapping> mapped;         // the same
  bool ok = false;
};
inline constexpr std::string_view kSeamFile = "000001.keys";

struct SeamCall {
  std::string_view name;
  Status (*run)(SeamFixture* fixture);
};
const std::vector<SeamCall>& SeamCalls();

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_FAULT_SEAM_CALLS_H_
