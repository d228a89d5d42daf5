// SPDX-License-Identifier: Apache-2.0
//
// Runs a target on files instead of under a fuzzing engine: every file given, and every file of
// every directory given, in order. Works with any compiler, so the corpus is part of the suite, and
// an input that an engine found can be looked at in a debugger.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "fuzz/fuzz.h"

namespace {

std::vector<std::filesystem::path> FilesOf(int argc, char** argv) {
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::is_directory(argv[i])) {
      files.emplace_back(argv[i]);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::filesystem::path> files = FilesOf(argc, argv);
  for (const std::filesystem::path& path : files) {
    std::ifstream in(path, std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(in), {});
    if (!in.good() && !in.eof()) {
      std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
      return 1;
    }
    // Before the run: a target that ends the process has said on which file.
    std::fprintf(stderr, "%s: %zu bytes\n", path.c_str(), bytes.size());
    // A copy of exactly that size, so that AddressSanitizer sees a read behind it.
    const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
  }
  std::printf("%zu inputs replayed\n", files.size());
  if (files.empty()) std::fprintf(stderr, "usage: %s FILE|DIRECTORY...\n", argv[0]);
  return files.empty() ? 1 : 0;  // a replay of nothing proves nothing
}
