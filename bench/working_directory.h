// SPDX-License-Identifier: Apache-2.0
//
// Where a benchmark puts its files.
#ifndef KYRO_BENCH_WORKING_DIRECTORY_H_
#define KYRO_BENCH_WORKING_DIRECTORY_H_

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace kyro::bench {

// A directory that was asked for, which stays, or a new one in /var/tmp, which is removed with
// everything in it at the end. Throws if there can be none.
class WorkingDirectory {
 public:
  // An empty `path` asks for a new one, whose name says which `program` made it.
  WorkingDirectory(const std::string& path, const std::string& program) : path_(path) {
    if (!path_.empty()) {
      std::filesystem::create_directories(path_);
      return;
    }
    path_ = "/var/tmp/kyro-" + program + "-XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) {
      throw std::runtime_error("no directory can be made in /var/tmp");
    }
    made_ = true;
  }
  ~WorkingDirectory() {
    std::error_code ignored;
    if (made_) std::filesystem::remove_all(path_, ignored);
  }
  WorkingDirectory(const WorkingDirectory&) = delete;
  WorkingDirectory& operator=(const WorkingDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool made_ = false;
};

}  // namespace kyro::bench

#endif  // KYRO_BENCH_WORKING_DIRECTORY_H_
