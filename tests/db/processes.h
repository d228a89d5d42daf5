// SPDX-License-Identifier: Apache-2.0
//
// The real file system and real processes, for tests: a temporary directory, and a child that tells
// its verdict by its exit status.
#ifndef KYRO_TESTS_DB_PROCESSES_H_
#define KYRO_TESTS_DB_PROCESSES_H_

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>

#include "support/exit_child.h"

namespace kyro::db {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "kyro-db-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

constexpr unsigned kChildSeconds = 60;  // a child that hangs is ended by SIGALRM
constexpr int kChildThrew = 99;

// Runs `body` in a forked child, which exits with what it returns; the status as waitpid has it.
template <class Body>
int InChild(Body&& body) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(kChildSeconds);
    int status = kChildThrew;
    try {
      status = body();
    } catch (const std::exception& error) {  // must not go on as a second run of the tests
      std::printf("  %s\n", error.what());
    }
    std::fflush(nullptr);
    support::ExitChild(status);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

// "exit 3" or "signal 7".
inline std::string EndOf(int status) {
  return WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                             : "exit " + std::to_string(WEXITSTATUS(status));
}

}  // namespace kyro::db

#endif  // KYRO_TESTS_DB_PROCESSES_H_
