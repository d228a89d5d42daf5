// SPDX-License-Identifier: Apache-2.0
//
// Holds the source tree to the rules.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "structure/rules.h"

namespace kyro::structure {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTops[] = {"include", "lib",  "tools",    "tests", "bench",
                                 "fuzz",    "docs", "examples", ".ci"};

// Every file of the tree, by path.
const std::map<std::string, std::string>& Files() {
  static const auto* const files = [] {
    auto* const found = new std::map<std::string, std::string>;
    const fs::path root = KYRO_SOURCE_DIR;
    for (const char* const top : kTops) {
      if (!fs::exists(root / top)) continue;
      for (const auto& entry : fs::recursive_directory_iterator(root / top)) {
        if (!entry.is_regular_file()) continue;
        std::ostringstream text;
        text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
        (*found)[fs::relative(entry.path(), root).generic_string()] = text.str();
      }
    }
    return found;
  }();
  return *files;
}

const std::vector<Source>& Sources() {
  static const auto* const sources = [] {
    auto* const parsed = new std::vector<Source>;
    for (const auto& [path, text] : Files()) {
      const fs::path extension = fs::path(path).extension();
      if (extension == ".c" || extension == ".cc" || extension == ".h") {
        parsed->push_back(ParseSource(path, text));
      }
    }
    return parsed;
  }();
  return *sources;
}

void ExpectClean(Problems (*rule)(const Source&)) {
  for (const Source& source : Sources()) {
    for (const std::string& problem : rule(source)) ADD_FAILURE() << problem;
  }
}

TEST(Tree, IsSeen) {
  // A rule that looks at nothing finds nothing.
  const auto count = [](std::string_view top) {
    return std::count_if(Sources().begin(), Sources().end(),
                         [&](const Source& source) { return source.top() == top; });
  };
  EXPECT_GE(count("include"), 2);
  EXPECT_GE(count("lib"), 15);
  EXPECT_GE(count("tests"), 8);
}

TEST(Tree, RoomsIncludeOnlyWhatIsBelow) {
  ExpectClean(CheckIncludes);
}
TEST(Tree, OnlyIoReachesTheWorld) {
  ExpectClean(CheckSeams);
}
TEST(Tree, TheLibraryHasManners) {
  ExpectClean(CheckManners);
}
TEST(Tree, FunctionsFitOnAScreen) {
  ExpectClean(CheckFunctionSizes);
}
TEST(Tree, LayoutIsOurs) {
  ExpectClean(CheckLayout);
}

TEST(Tree, ScriptsAndBuildFilesAreLicensed) {
  for (const auto& [path, text] : Files()) {
    const bool build_file = fs::path(path).filename() == "meson.build";
    const bool script = text.rfind("#!", 0) == 0;
    if (!build_file && !script) continue;
    for (const std::string& problem : CheckLicence(path, text)) ADD_FAILURE() << problem;
  }
}

// lib/index/kernels.cc has the reason.
TEST(Tree, FilesWithVectorsDisableTheSameTargets) {
  int files = 0;
  for (const auto& [path, text] : Files()) {
    const bool vectors = text.find("#include \"hwy/foreach_target.h\"") != std::string::npos;
    if (!vectors || path.rfind("lib/", 0) != 0) continue;
    ++files;
    const std::size_t at = text.find("#define HWY_DISABLED_TARGETS ");
    ASSERT_NE(at, std::string::npos) << path;
    std::istringstream words(text.substr(at));
    std::string define, name, targets;
    words >> define >> name >> targets;
    EXPECT_EQ(targets, "HWY_SSSE3") << path;
  }
  EXPECT_GE(files, 4);
}

TEST(Tree, EveryPlantedBugHasASwitchACatcherAndARow) {
  for (const std::string& problem : CheckPlanted(Files(), 40)) ADD_FAILURE() << problem;
}

TEST(Tree, EveryFormatHasAPageACodecAndAGoldenFile) {
  for (const std::string& problem : CheckFormats(Files())) ADD_FAILURE() << problem;
}

}  // namespace
}  // namespace kyro::structure
