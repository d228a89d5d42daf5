// SPDX-License-Identifier: Apache-2.0
//
// The rules bite: each is fed what it must refuse, and its innocent neighbour.
#include "structure/rules.h"

#include <gtest/gtest.h>

namespace kyro::structure {
namespace {

using Rule = Problems (*)(const Source&);

::testing::AssertionResult Refuses(Rule rule, const char* path, const std::string& text) {
  if (!rule(ParseSource(path, text)).empty()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << path << " passed with: " << text;
}

::testing::AssertionResult Allows(Rule rule, const char* path, const std::string& text) {
  const Problems problems = rule(ParseSource(path, text));
  if (problems.empty()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << problems.front() << " with: " << text;
}

TEST(IncludeRule, SiblingsAndUpperRoomsAreRefused) {
  EXPECT_TRUE(Refuses(CheckIncludes, "lib/wal/a.cc", "#include \"segment/segment.h\"\n"));
  EXPECT_TRUE(Refuses(CheckIncludes, "lib/base/a.cc", "#include \"io/env.h\"\n"));
  EXPECT_TRUE(Refuses(CheckIncludes, "lib/delta/a.h", "#include \"io/env.h\"\n"));
  EXPECT_TRUE(Refuses(CheckIncludes, "lib/upkeep/a.cc", "  #  include \"commit/queue.h\"\n"));
  EXPECT_TRUE(Refuses(CheckIncludes, "lib/read/a.cc", "#include <db/core.h>\n"));
  EXPECT_TRUE(Allows(CheckIncludes, "lib/wal/a.cc", "#include \"wal/b.h\"\n#include \"io/c.h\"\n"));
  EXPECT_TRUE(Allows(CheckIncludes, "lib/wal/a.cc", "// #include \"segment/segment.h\"\n"));
  EXPECT_TRUE(Allows(CheckIncludes, "tests/wal/a.cc", "#include \"segment/segment.h\"\n"));
}

TEST(IncludeRule, UnknownRoomsAreRefused) {
  EXPECT_TRUE(Refuses(CheckIncludes, "lib/misc/a.cc", "#include <string>\n"));
}

TEST(IncludeRule, LowRoomsSeeOnlyTheCommonWordsOfTheApi) {
  EXPECT_TRUE(Refuses(CheckIncludes, "lib/base/a.cc", "#include \"kyro/db.h\"\n"));
  EXPECT_TRUE(Refuses(CheckIncludes, "lib/segment/a.cc", "#include \"kyro/db.h\"\n"));
  EXPECT_TRUE(Allows(CheckIncludes, "lib/base/a.cc", "#include \"kyro/status.h\"\n"));
  EXPECT_TRUE(Allows(CheckIncludes, "lib/db/a.cc", "#include \"kyro/db.h\"\n"));
}

TEST(IncludeRule, PublicHeadersStandAlone) {
  EXPECT_TRUE(Refuses(CheckIncludes, "include/kyro/a.h", "#include \"base/coding.h\"\n"));
  EXPECT_TRUE(Refuses(CheckIncludes, "include/kyro/a.h", "#include <fmt/format.h>\n"));
  EXPECT_TRUE(Refuses(CheckIncludes, "include/kyro/a.h", "#include <unistd.h>\n"));
  EXPECT_TRUE(Refuses(CheckIncludes, "include/kyro/a.h", "#include \"string\"\n"));
  EXPECT_TRUE(Allows(CheckIncludes, "include/kyro/a.h", "#include <string>\n"));
  EXPECT_TRUE(Allows(CheckIncludes, "include/kyro/a.h", "#include \"kyro/status.h\"\n"));
  EXPECT_TRUE(Refuses(CheckIncludes, "include/kyro/a.h", "#include <stdint.h>\n"));
  EXPECT_TRUE(Allows(CheckIncludes, "include/kyro/kyro.h", "#include <stdint.h>\n"));
  EXPECT_TRUE(Refuses(CheckIncludes, "include/kyro/kyro.h", "#include <unistd.h>\n"));
}

TEST(IncludeRule, TheCRoomSeesOnlyThePublicApi) {
  EXPECT_TRUE(Refuses(CheckIncludes, "lib/c/a.cc", "#include \"db/core.h\"\n"));
  EXPECT_TRUE(Refuses(CheckIncludes, "lib/c/a.cc", "#include \"base/status_util.h\"\n"));
  EXPECT_TRUE(Refuses(CheckIncludes, "lib/db/a.cc", "#include \"c/handles.h\"\n"));
  EXPECT_TRUE(Allows(CheckIncludes, "lib/c/a.cc", "#include \"kyro/db.h\"\n"));
}

TEST(IncludeRule, ToolsUseThePublicApiAndOneDoor) {
  EXPECT_TRUE(Refuses(CheckIncludes, "tools/kyroctl/a.cc", "#include \"wal/format.h\"\n"));
  EXPECT_TRUE(Refuses(CheckIncludes, "tools/kyroctl/a.cc", "#include \"db/core.h\"\n"));
  EXPECT_TRUE(Allows(CheckIncludes, "tools/kyroctl/a.cc", "#include \"db/inspect.h\"\n"));
  EXPECT_TRUE(Refuses(CheckIncludes, "examples/a.cc", "#include \"db/inspect.h\"\n"));
  EXPECT_TRUE(Allows(CheckIncludes, "tools/kyroctl/a.cc", "#include \"kyro/db.h\"\n"));
}

TEST(IncludeRule, OnlyHeaderOnlyAbseil) {
  EXPECT_TRUE(Refuses(CheckIncludes, "lib/delta/a.cc", "#include \"absl/strings/str_cat.h\"\n"));
  EXPECT_TRUE(Allows(CheckIncludes, "lib/delta/a.cc", "#include \"absl/types/span.h\"\n"));
}

TEST(IncludeRule, SystemAndPrintingHeadersAreRefused) {
  EXPECT_TRUE(Refuses(CheckIncludes, "lib/segment/a.cc", "#include <sys/mman.h>\n"));
  EXPECT_TRUE(Refuses(CheckIncludes, "lib/wal/a.cc", "#include <thread>\n"));
  EXPECT_TRUE(Refuses(CheckIncludes, "lib/io/a.cc", "#include <iostream>\n"));
  EXPECT_TRUE(Allows(CheckIncludes, "lib/io/a.cc", "#include <sys/mman.h>\n"));
  EXPECT_TRUE(Allows(CheckIncludes, "lib/io/a.cc", "#include <stdio.h>\n")) << "has renameat";
  EXPECT_TRUE(Refuses(CheckIncludes, "lib/wal/a.cc", "#include <stdio.h>\n"));
  EXPECT_TRUE(Allows(CheckIncludes, "lib/wal/a.cc", "#include <chrono>\n"));
  EXPECT_TRUE(Allows(CheckIncludes, "lib/base/crc32c.cc", "#include <sys/auxv.h>\n"));
}

TEST(SeamRule, CallsPastTheSeamsAreRefused) {
  for (const char* const code : {"int fd = ::open(name, 0);",
                                 "return ::open(name, 0);",
                                 "auto n = pread(fd, to, 8, 0);",
                                 "void* p = mmap(0, n, 0, 0, fd, 0);",
                                 "if (::fsync(fd) != 0) {}",
                                 "fdatasync(fd);",
                                 "std::thread worker(run);",
                                 "std::jthread worker(run);",
                                 "auto f = std::async(run);",
                                 "auto t = std::chrono::steady_clock::now();",
                                 "auto t = Clock_clock::now();",
                                 "getrandom(to, 16, 0);",
                                 "int x = std::rand();",
                                 "auto t = std::time(nullptr);",
                                 "std::random_device device;",
                                 "std::this_thread::sleep_for(d);",
                                 "getpid();",
                                 "std::rename(a, b);",
                                 "std::filesystem::remove_all(p);",
                                 "std::mutex mutex_;",
                                 "std::condition_variable changed_;",
                                 "const char* v = std::getenv(\"X\");",
                                 "#define NOW() std::chrono::system_clock::now()\n"}) {
    EXPECT_TRUE(Refuses(CheckSeams, "lib/wal/a.cc", code));
    EXPECT_TRUE(Allows(CheckSeams, "lib/io/a.cc", code));
    EXPECT_TRUE(Allows(CheckSeams, "tests/wal/a.cc", code));
  }
}

TEST(SeamRule, OurOwnNamesAreAllowed) {
  for (const char* const code :
       {"directory->Open(name);", "file.open();", "io::Clock* clock() const;",
        "env->clock->NowMicros();", "const auto d = std::chrono::microseconds(5);",
        "std::chrono::steady_clock::time_point t;", "Status rename(Name a);",
        "// std::thread is not for us\n", "Log(\"fsync(fd) failed\");",
        "const std::filesystem::path& path", "std::uint64_t time() const;", "x = wal::open(1);",
        "Random random(5);", "auto s = R\"(mmap(0))\";"}) {
    EXPECT_TRUE(Allows(CheckSeams, "lib/wal/a.cc", code));
  }
}

TEST(SeamRule, ExceptionsHoldForTheirFileOnly) {
  EXPECT_TRUE(Allows(CheckSeams, "lib/base/mutex.h", "std::mutex mutex_;"));
  EXPECT_TRUE(Refuses(CheckSeams, "lib/base/mutex.h", "std::shared_mutex mutex_;"));
  EXPECT_TRUE(Refuses(CheckSeams, "lib/base/other.h", "std::mutex mutex_;"));
}

TEST(MannersRule, PrintingEndingThrowingAndAskingAreRefused) {
  for (const char* const code :
       {"std::cout << 1;", "std::cerr << 1;", "printf(\"x\");", "std::fprintf(stderr, \"x\");",
        "fmt::print(\"x\");", "std::abort();", "abort();", "exit(1);", "std::terminate();",
        "throw 1;", "auto* d = dynamic_cast<D*>(b);", "typeid(x).name();", "signal(SIGBUS, h);",
        "sigaction(SIGBUS, &a, nullptr);", "raise(SIGBUS);", "assert(x);"}) {
    EXPECT_TRUE(Refuses(CheckManners, "lib/wal/a.cc", code));
    EXPECT_TRUE(Refuses(CheckManners, "lib/io/a.cc", code));
    EXPECT_TRUE(Allows(CheckManners, "tools/kyroctl/a.cc", code));
  }
  for (const char* const code :
       {"static_assert(x);", "// never throw\n", "Say(\"abort()\");", "KYRO_DCHECK(x);",
        "process.abort();", "throw;", "fmt::format(\"x\");"}) {
    EXPECT_TRUE(Allows(CheckManners, "lib/wal/a.cc", code));
  }
}

std::string Lines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "  x = {1};\n";
  return text;
}

TEST(FunctionSizeRule, CountsFromTheFirstLineToTheBrace) {
  EXPECT_TRUE(Allows(CheckFunctionSizes, "lib/a/a.cc", "void F() {\n" + Lines(58) + "}\n"));
  EXPECT_TRUE(Refuses(CheckFunctionSizes, "lib/a/a.cc", "void F() {\n" + Lines(59) + "}\n"));
  EXPECT_TRUE(Refuses(CheckFunctionSizes, "lib/a/a.cc", "void\nF() {\n" + Lines(58) + "}\n"));
}

TEST(FunctionSizeRule, FindsEveryShapeOfFunction) {
  for (const char* const head :
       {"void C::F() const noexcept {", "template <class K>\nvoid F(K k) {", "TEST(Suite, Name) {",
        "C::C() : a_(1), b_{2} {", "C::C() noexcept : b_{2}, c_(3) {", "auto F() -> int {",
        "constexpr auto kTable = [] {", "const auto f = [](int x) {", "C::~C() {",
        "struct S {\n int x = 0;\n void F() {",
        "namespace a {\nclass B : public C {\n public:\n  B() {",
        "class A(b) C {\n void F(int x = {}, S s = {1}) {", "bool operator==(const C& c) const {",
        "enum class E { a, b };\nint F() {", "int a[] = {1, 2};\nint F() {",
        "#if X\nint F(int a) {\n#else\nint F() {\n#endif\n"}) {
    EXPECT_TRUE(Refuses(CheckFunctionSizes, "lib/a/a.cc", head + ("\n" + Lines(60) + "}\n")));
    EXPECT_TRUE(Allows(CheckFunctionSizes, "lib/a/a.cc", head + ("\n" + Lines(40) + "}\n")));
  }
}

TEST(FunctionSizeRule, ClassesNamespacesAndTablesMayBeLong) {
  for (const char* const head :
       {"namespace a {", "namespace {", "class C : public D {", "struct S {",
        "template <class K> class C {", "class A(b(\"c\")) C {", "enum class E : int {",
        "const int kTable[] = {", "constexpr std::array<int, 3> kTable = {"}) {
    std::string body;
    for (int i = 0; i < 100; ++i) body += "\n";
    EXPECT_TRUE(Allows(CheckFunctionSizes, "lib/a/a.cc", head + body + "};\n"));
  }
}

TEST(LayoutRule, LicenceColumnsAndGuards) {
  const std::string spdx = "// SPDX-License-Identifier: Apache-2.0\n";
  EXPECT_TRUE(Allows(CheckLayout, "lib/a/a.cc", spdx));
  EXPECT_TRUE(Refuses(CheckLayout, "lib/a/a.cc", "// A comment.\n" + spdx));
  EXPECT_TRUE(Refuses(CheckLayout, "lib/a/a.cc", ""));
  EXPECT_TRUE(Allows(CheckLayout, "lib/a/a.cc", spdx + "//" + std::string(98, 'x') + "\n"));
  EXPECT_TRUE(Refuses(CheckLayout, "lib/a/a.cc", spdx + "//" + std::string(99, 'x') + "\n"));
  EXPECT_TRUE(Allows(CheckLayout, "lib/a/b_c.h", spdx + "#ifndef KYRO_A_B_C_H_\n"));
  EXPECT_TRUE(Refuses(CheckLayout, "lib/a/b_c.h", spdx + "#ifndef B_C_H_\n"));
  EXPECT_TRUE(Allows(CheckLayout, "include/kyro/db.h", spdx + "#ifndef KYRO_DB_H_\n"));
}

TEST(LayoutRule, ScriptsCarryTheLicenceBelowTheirFirstLine) {
  EXPECT_TRUE(CheckLicence("x", "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n").empty());
  EXPECT_TRUE(CheckLicence("x", "# SPDX-License-Identifier: Apache-2.0\n").empty());
  EXPECT_FALSE(CheckLicence("x", "#!/bin/sh\n\n# SPDX-License-Identifier: Apache-2.0\n").empty());
  EXPECT_FALSE(CheckLicence("x", "# nothing\n").empty());
}

TEST(FormatRule, PageCodecAndGoldenFileBelongTogether) {
  const std::string page =
      "Codec: lib/wal/format.cc. Golden: `tests/golden/wal.hex`.\n"
      "| OFFSET | SIZE | DESCRIPTION |\nA file is valid if and only if ...\n";
  using Files = std::map<std::string, std::string>;
  const Files good = {
      {"docs/format-wal.md", page}, {"lib/wal/format.cc", ""}, {"tests/golden/wal.hex", ""}};
  EXPECT_TRUE(CheckFormats(good).empty());
  for (const auto& [left_out, text] : good) {
    Files files = good;
    files.erase(left_out);
    EXPECT_FALSE(CheckFormats(files).empty()) << "without " << left_out;
  }
  Files stray = good;
  stray["tests/golden/batch.hex"] = "";
  EXPECT_FALSE(CheckFormats(stray).empty()) << "a golden file without a page";
  for (const char* const word : {"OFFSET", "SIZE", "DESCRIPTION", "valid if and only if",
                                 "lib/wal/format.cc", "tests/golden/wal.hex"}) {
    Files files = good;
    std::string& text = files["docs/format-wal.md"];
    text.erase(text.find(word), std::string(word).size());
    EXPECT_FALSE(CheckFormats(files).empty()) << "without " << word;
  }
}

TEST(PlantedRule, ListSwitchCatcherAndRowBelongTogether) {
  using Files = std::map<std::string, std::string>;
  const Files good = {
      {"lib/base/planted.h",
       "#define LIST(X) \\\n  X(kOne, \"one\") \\\n  X(kTwo, \"two \"\n \"halves\")\n"},
      {"lib/wal/a.cc", "if (KYRO_PLANTED(kOne) || KYRO_PLANTED(kTwo)) return;\n"},
      {"tests/proofs/planted.txt", "# rows\nkOne model --quick\nkTwo crash\n"},
      {"docs/testing.md", "| `kOne` | one | `model` |\n| `kTwo` | two halves | `crash` |\n"}};
  const auto refused = [](const Files& files) { return !CheckPlanted(files, 2).empty(); };
  EXPECT_FALSE(refused(good));
  EXPECT_FALSE(CheckPlanted(good, 3).empty()) << "too few";
  const std::pair<const char*, const char*> changes[] = {
      {"lib/base/planted.h", "kOne"},       {"lib/wal/a.cc", "kTwo"},
      {"tests/proofs/planted.txt", "kOne"}, {"tests/proofs/planted.txt", "crash"},
      {"docs/testing.md", "kTwo"},          {"docs/testing.md", "halves"},
      {"docs/testing.md", "model"}};
  for (const auto& [path, word] : changes) {
    Files files = good;
    std::string& text = files[path];
    text.replace(text.find(word), std::string(word).size(), "kOther");
    EXPECT_TRUE(refused(files)) << path << " without " << word;
  }
  Files header = good;
  header["lib/wal/a.h"] = header["lib/wal/a.cc"];
  EXPECT_TRUE(refused(header)) << "a switch in a header";
  Files twice = good;
  twice["tests/proofs/planted.txt"] += "kOne crash\n";
  EXPECT_TRUE(refused(twice)) << "two catchers";
}

}  // namespace
}  // namespace kyro::structure
