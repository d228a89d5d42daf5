// SPDX-License-Identifier: Apache-2.0
#include "kyroctl/ctl.h"

#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>

namespace kyro::kyroctl {

TempDir::TempDir() {
  const char* const given = std::getenv("TMPDIR");
  path_ = std::string(given != nullptr ? given : "/tmp") + "/kyroctl-test-XXXXXX";
  if (mkdtemp(path_.data()) == nullptr) std::abort();
}

TempDir::~TempDir() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

Answer Shell(const std::string& line, const std::string& directory) {
  const std::string programs = std::filesystem::path(KYROCTL_PROGRAM).parent_path().string();
  // Braces, so that a redirection inside `line` stays its own.
  const std::string command = "cd '" + directory + "' && PATH='" + programs +
                              "':\"$PATH\" && exec 2>/dev/null && { " + line + "\n}";
  Answer answer;
  FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return answer;
  char chunk[4096];
  for (std::size_t got = 0; (got = std::fread(chunk, 1, sizeof(chunk), pipe)) > 0;) {
    answer.out.append(chunk, got);
  }
  const int how = pclose(pipe);
  answer.exit = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
  return answer;
}

}  // namespace kyro::kyroctl
