// SPDX-License-Identifier: Apache-2.0
//
// Running kyroctl from a test: in this process, or as the program that was built.
#ifndef KYRO_TESTS_KYROCTL_CTL_H_
#define KYRO_TESTS_KYROCTL_CTL_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "kyroctl/run.h"

namespace kyro::kyroctl {

struct Answer {
  int exit = -1;
  std::string out;
  std::string err;
};

// A clock on which a second passes whenever somebody looks at it: every bar is drawn.
inline std::chrono::steady_clock::time_point HastyNow() {
  static std::atomic<int> seconds{0};
  return std::chrono::steady_clock::time_point(std::chrono::seconds(++seconds));
}
// One that stands: no bar is drawn.
inline std::chrono::steady_clock::time_point FrozenNow() {
  return {};
}

struct Terminals {
  bool out = false;
  bool err = false;
  Screen screen{.colour = false, .moves = true, .columns = 80};  // of those that are terminals
  std::chrono::steady_clock::time_point (*now)() = &HastyNow;
};

// kyroctl in this process.
inline Answer Ctl(const std::vector<std::string>& args, const std::string& input = {},
                  Terminals terminals = {}) {
  std::istringstream in(input);
  std::ostringstream out, err;
  Answer answer;
  answer.exit = Run(args, Streams{.in = in,
                                  .out = out,
                                  .err = err,
                                  .out_is_terminal = terminals.out,
                                  .err_is_terminal = terminals.err,
                                  .out_screen = terminals.out ? terminals.screen : Screen{},
                                  .err_screen = terminals.err ? terminals.screen : Screen{},
                                  .now = terminals.now});
  answer.out = out.str();
  answer.err = err.str();
  return answer;
}

// A directory that is gone with the test.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const noexcept { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

// Runs a line of shell in `directory`, kyroctl on its PATH. Standard error follows standard output
// where the line says 2>&1; otherwise it is dropped.
Answer Shell(const std::string& line, const std::string& directory);

// Every file but LOCK, by name. LOCK is advisory text and no data file.
inline std::map<std::string, std::string> FilesOf(const std::string& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (name == "LOCK") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    files[name] = std::string(std::istreambuf_iterator<char>(file), {});
  }
  return files;
}

inline void WriteFile(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline std::size_t WidestLine(const std::string& text) {
  std::size_t widest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, line.size());
  return widest;
}

// NDJSON with `count` rows under u64 keys from 0 in steps of `step`.
inline std::string NumberRows(std::uint64_t count, std::uint64_t step = 1) {
  std::string rows;
  for (std::uint64_t i = 0; i < count; ++i) {
    rows += "{\"key\":" + std::to_string(i * step) + ",\"value\":\"v" + std::to_string(i) + "\"}\n";
  }
  return rows;
}

}  // namespace kyro::kyroctl

#endif  // KYRO_TESTS_KYROCTL_CTL_H_
