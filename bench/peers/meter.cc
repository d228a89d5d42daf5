// SPDX-License-Identifier: Apache-2.0
#include "bench/peers/meter.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <thread>
#include <vector>

namespace kyro::bench {
namespace {

template <class F>
void ForEachFile(const std::string& directory, F&& use) {
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator at(directory, error), end; !error && at != end;
       at.increment(error)) {
    if (at->is_regular_file(error)) use(at->path().string());
  }
}

// A line of a /proc file: "VmHWM:     1234 kB".
std::string Field(const char* file, const std::string& name) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.rfind(name, 0) != 0) continue;
    const std::size_t colon = line.find(':');
    const std::size_t start = line.find_first_not_of(" \t", colon + 1);
    if (colon != std::string::npos && start != std::string::npos) return line.substr(start);
  }
  return "";
}

std::int64_t KilobytesOf(const char* file, const char* name) {
  const std::string text = Field(file, name);
  return text.empty() ? 0 : std::stoll(text) * 1024;
}

}  // namespace

std::uint64_t DiskBytes(const std::string& directory) {
  std::uint64_t bytes = 0;
  ForEachFile(directory, [&](const std::string& path) {
    struct stat found {};
    if (stat(path.c_str(), &found) == 0) bytes += static_cast<std::uint64_t>(found.st_blocks) * 512;
  });
  return bytes;
}

void DropCaches(const std::string& directory) {
  ForEachFile(directory, [](const std::string& path) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    fsync(file);
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    close(file);
  });
}

void FillCaches(const std::string& directory) {
  ForEachFile(directory, [](const std::string& path) {
    std::vector<char> buffer(std::size_t{1} << 20);
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    while (read(file, buffer.data(), buffer.size()) > 0) {
    }
    close(file);
  });
}

void MemoryMeter::Begin() {
  std::ofstream("/proc/self/clear_refs") << "5";  // VmHWM starts anew
  before_ = KilobytesOf("/proc/self/status", "VmRSS");
}

void MemoryMeter::End() {
  peak_ = std::max(peak_, held_ + KilobytesOf("/proc/self/status", "VmHWM") - before_);
  held_ += KilobytesOf("/proc/self/status", "VmRSS") - before_;
}

std::string Machine() {
  struct utsname system {};
  uname(&system);
  std::string cpu = Field("/proc/cpuinfo", "model name");
  if (cpu.empty()) cpu = system.machine;
  const double memory = static_cast<double>(KilobytesOf("/proc/meminfo", "MemTotal"));
  return fmt::format("{}, {} cores, {:.0f} GB, {} {}", cpu, std::thread::hardware_concurrency(),
                     memory / 1e9, system.sysname, system.release);
}

}  // namespace kyro::bench
