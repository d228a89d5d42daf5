// SPDX-License-Identifier: Apache-2.0
//
// The two file systems that must behave alike: POSIX in a temporary directory, and SimFs.
#ifndef KYRO_TESTS_IO_WORLDS_H_
#define KYRO_TESTS_IO_WORLDS_H_

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "io/env.h"
#include "support/sim_fs.h"

namespace kyro::io {

// Makes a directory for one test and removes it with all that is in it.
class PosixWorld {
 public:
  PosixWorld() {
    std::string pattern = std::filesystem::temp_directory_path() / "kyro-io-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  ~PosixWorld() { std::filesystem::remove_all(root_); }

  FileSystem* fs() { return SystemEnv().fs; }
  const std::string& root() const { return root_; }  // exists, empty

 private:
  std::string root_;
};

class SimWorld {
 public:
  SimWorld() { EXPECT_TRUE(sim_.OpenDirectory(root_, true).ok()); }
  FileSystem* fs() { return &sim_; }
  const std::string& root() const { return root_; }

 private:
  support::SimFs sim_;
  std::string root_ = "/root";
};

inline std::unique_ptr<Directory> OpenOrDie(FileSystem* fs, const std::string& path,
                                            bool create = true) {
  Result<std::unique_ptr<Directory>> directory = fs->OpenDirectory(path, create);
  EXPECT_TRUE(directory.ok()) << directory.status().ToString();
  return directory.ok() ? std::move(directory).value() : nullptr;
}

// Creates `name` with this content, synced, its name not.
inline std::unique_ptr<WritableFile> PutFile(Directory* directory, std::string_view name,
                                             std::string_view content) {
  Result<std::unique_ptr<WritableFile>> file = directory->Create(name);
  EXPECT_TRUE(file.ok()) << file.status().ToString();
  if (!file.ok()) return nullptr;
  EXPECT_EQ((*file)->Write(0, content), Status());
  EXPECT_EQ((*file)->Sync(), Status());
  return std::move(file).value();
}

inline std::string Content(const Directory& directory, std::string_view name) {
  const Result<std::string> content = ReadWholeFile(directory, name, std::uint64_t{1} << 30);
  EXPECT_TRUE(content.ok()) << content.status().ToString();
  return content.ok() ? *content : "";
}

}  // namespace kyro::io

#endif  // KYRO_TESTS_IO_WORLDS_H_
