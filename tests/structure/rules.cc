// SPDX-License-Identifier: Apache-2.0
#include "structure/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

namespace kyro::structure {

namespace {

using Names = std::set<std::string_view>;

// Section 3 of the design, lowest room first.
const std::map<std::string_view, Names>& Rooms() {
  static const std::map<std::string_view, Names> rooms = {
      {"base", {}},
      {"io", {"base"}},
      {"filter", {"base"}},
      {"index", {"base"}},
      {"batch", {"base"}},
      {"wal", {"io", "base"}},
      {"manifest", {"io", "base"}},
      {"delta", {"filter", "base"}},
      {"segment", {"index", "filter", "io", "base"}},
      {"read", {"delta", "segment", "filter", "base"}},
      {"commit", {"read", "wal", "delta", "batch", "io", "base"}},
      {"upkeep", {"read", "delta", "segment", "manifest", "io", "base"}},
      {"db",
       {"commit", "read", "upkeep", "wal", "delta", "segment", "manifest", "batch", "io", "base"}},
      {"c", {}},  // over the public headers alone
  };
  return rooms;
}

// Of Abseil lib/ uses what is header-only, so that libkyro.so needs no Abseil object.
const Names kAbseilHeaders = {"absl/container/btree_map.h", "absl/container/btree_set.h",
                              "absl/container/inlined_vector.h", "absl/types/span.h"};

// The lower rooms speak only these words of the public API, base only the first two.
const Names kCommonWords = {"kyro/status.h", "kyro/types.h", "kyro/lookup.h"};
const Names kUpperRooms = {"read", "commit", "upkeep", "db", "batch", "c"};

// What the C header may include besides the others of include/kyro.
constexpr std::string_view kCHeader = "include/kyro/kyro.h";
const Names kCStandardHeaders = {"stdbool.h", "stddef.h", "stdint.h", "string.h"};

constexpr std::string_view kInspectionDoor = "db/inspect.h";

// Outside lib/io.
const Names kSystemHeaders = {"unistd.h",   "fcntl.h",   "dirent.h", "pthread.h",  "sched.h",
                              "signal.h",   "csignal",   "time.h",   "ctime",      "thread",
                              "future",     "random",    "fstream",  "filesystem", "dlfcn.h",
                              "stop_token", "semaphore", "latch",    "barrier",    "shared_mutex"};
// Anywhere in lib/.
const Names kPrintingHeaders = {"iostream", "cstdio", "stdio.h", "ostream", "typeinfo", "csetjmp"};

// Never the name of anything of ours: a call of it in any form but a member's is the system's.
const Names kSystemCalls = {"openat",
                            "creat",
                            "pread",
                            "pwrite",
                            "preadv",
                            "pwritev",
                            "mmap",
                            "munmap",
                            "mremap",
                            "madvise",
                            "mlock",
                            "msync",
                            "mincore",
                            "fsync",
                            "fdatasync",
                            "syncfs",
                            "sync_file_range",
                            "fallocate",
                            "posix_fallocate",
                            "posix_fadvise",
                            "ftruncate",
                            "renameat",
                            "renameat2",
                            "unlinkat",
                            "linkat",
                            "symlink",
                            "mkdirat",
                            "rmdir",
                            "opendir",
                            "fdopendir",
                            "readdir",
                            "fstat",
                            "fstatat",
                            "lstat",
                            "statvfs",
                            "fstatvfs",
                            "fcntl",
                            "flock",
                            "ioctl",
                            "fork",
                            "vfork",
                            "execve",
                            "syscall",
                            "getpid",
                            "gettid",
                            "getenv",
                            "setenv",
                            "getrandom",
                            "getentropy",
                            "rand_r",
                            "drand48",
                            "srand",
                            "gettimeofday",
                            "clock_gettime",
                            "nanosleep",
                            "usleep",
                            "sched_yield",
                            "fopen",
                            "popen",
                            "dlopen",
                            "sysconf",
                            "getauxval",
                            "sleep_for",
                            "sleep_until",
                            "clock_nanosleep",
                            "pthread_create",
                            "pthread_atfork",
                            "pthread_sigmask",
                            "__rdtsc"};
// May be ours when bare; the system's when written std::rename or ::rename.
const Names kAmbiguousCalls = {"open", "close",    "read",  "write", "rename", "unlink",
                               "link", "mkdir",    "stat",  "time",  "clock",  "random",
                               "rand", "truncate", "clone", "sleep", "remove"};
// As std::thread.
const Names kSystemTypes = {
    "thread",  "jthread", "async",        "random_device",   "ifstream",           "ofstream",
    "fstream", "mutex",   "shared_mutex", "recursive_mutex", "condition_variable", "timed_mutex"};

const Names kRudeCalls = {"printf",         "fprintf",        "puts",      "putchar",   "fputs",
                          "vprintf",        "perror",         "abort",     "exit",      "_exit",
                          "_Exit",          "quick_exit",     "terminate", "sigaction", "signal",
                          "raise",          "kill",           "longjmp",   "assert",    "system",
                          "__builtin_trap", "__builtin_abort"};
const Names kRudeWords = {"throw", "dynamic_cast", "typeid", "cout",
                          "cerr",  "clog",         "stdout", "stderr"};

// Exceptions to the seams, each with the reason for it.
struct Exception {
  std::string_view path;
  std::string_view word;
};
constexpr Exception kSeamExceptions[] = {
    {"lib/base/mutex.h", "mutex"},               // the wrapper itself
    {"lib/base/mutex.h", "condition_variable"},  // the wrapper itself
    {"lib/base/mutex.h", "now"},                 // the deadline of a timed wait
    {"lib/base/crc32c.cc", "sys/auxv.h"},        // what the CPU can do
    {"lib/base/crc32c.cc", "getauxval"},         // what the CPU can do
    {"lib/base/check.h", "assert"},              // KYRO_DCHECK: nothing in a release build
};

bool IsExcepted(const Source& source, std::string_view word) {
  return std::any_of(std::begin(kSeamExceptions), std::end(kSeamExceptions),
                     [&](const Exception& e) { return e.path == source.path && e.word == word; });
}

template <class... Args>
void Report(Problems* problems, const Source& source, int line, fmt::format_string<Args...> format,
            Args&&... args) {
  problems->push_back(fmt::format("{}:{}: {}", source.path, line,
                                  fmt::format(format, std::forward<Args>(args)...)));
}

std::string_view FirstPart(std::string_view path) {
  return path.substr(0, path.find('/'));
}
bool IsRoom(std::string_view name) {
  return Rooms().count(name) != 0;
}
bool StartsWith(std::string_view text, std::string_view with) {
  return text.substr(0, with.size()) == with;
}
bool EndsWith(std::string_view text, std::string_view with) {
  return text.size() >= with.size() && text.substr(text.size() - with.size()) == with;
}

void CheckLibInclude(const Source& source, const Include& include, Problems* problems) {
  const std::string_view room = source.room();
  const std::string_view first = FirstPart(include.path);
  if (IsRoom(first) && first != room && Rooms().at(room).count(first) == 0) {
    Report(problems, source, include.line, "{} may not include {}", room, include.path);
  }
  const bool common =
      kCommonWords.count(include.path) != 0 && (room != "base" || include.path != "kyro/lookup.h");
  if (first == "kyro" && kUpperRooms.count(room) == 0 && !common) {
    Report(problems, source, include.line, "{} may not include {}", room, include.path);
  }
  if (first == "absl" && kAbseilHeaders.count(include.path) == 0) {
    Report(problems, source, include.line, "{} is not header-only Abseil", include.path);
  }
  if (Names{"CLI", "nlohmann", "gtest", "gmock", "benchmark", "support"}.count(first) != 0) {
    Report(problems, source, include.line, "{} has no place in lib/", include.path);
  }
  const bool system = kSystemHeaders.count(include.path) != 0 || first == "sys" || first == "linux";
  // The doors take paths; std::filesystem's functions are caught as calls.
  const bool path_type = include.path == "filesystem" && room == "db";
  if (room != "io" && system && !path_type && !IsExcepted(source, include.path)) {
    Report(problems, source, include.line, "includes <{}>: only lib/io may", include.path);
  }
  // The system declares renameat in stdio.h.
  const bool renames = include.path == "stdio.h" && room == "io";
  if (kPrintingHeaders.count(include.path) != 0 && !renames) {
    Report(problems, source, include.line, "includes <{}>: lib/ does not print", include.path);
  }
}

}  // namespace

Problems CheckIncludes(const Source& source) {
  Problems problems;
  for (const Include& include : source.includes) {
    const std::string_view first = FirstPart(include.path);
    if (source.top() == "include") {
      const bool in_c = source.path == kCHeader && kCStandardHeaders.count(include.path) != 0;
      const bool standard =
          include.angled && (in_c || include.path.find_first_of("./") == std::string::npos);
      if (!standard && first != "kyro") {
        Report(&problems, source, include.line, "public header includes {}", include.path);
      }
    } else if (source.top() == "lib") {
      if (!IsRoom(source.room())) {
        Report(&problems, source, 1, "lib/{} is not a room of the design", source.room());
        return problems;
      }
      CheckLibInclude(source, include, &problems);
    } else if (source.top() == "tools" || source.top() == "examples") {
      if (IsRoom(first) && (include.path != kInspectionDoor || source.top() == "examples")) {
        Report(&problems, source, include.line, "{} is behind the doors", include.path);
      }
    }
  }
  return problems;
}

Problems CheckSeams(const Source& source) {
  Problems problems;
  if (source.top() != "lib" || source.room() == "io") return problems;
  for (std::size_t i = 0; i < source.tokens.size(); ++i) {
    const Token& token = source.tokens[i];
    if (token.kind != Token::Kind::kIdentifier || IsExcepted(source, token.text)) continue;
    const std::string& before = source.at(i - 1).text;
    const Token& qualifier = source.at(i - 2);
    const bool qualified =
        before == "::" && qualifier.kind == Token::Kind::kIdentifier && qualifier.text != "return";
    const bool member = before == "." || before == "->" ||
                        (qualified && qualifier.text != "std" && qualifier.text != "this_thread");
    const bool call = source.at(i + 1).text == "(";
    const bool named_system = before == "::" && !member;
    if (call && !member && kSystemCalls.count(token.text) != 0) {
      Report(&problems, source, token.line, "calls {}: only lib/io may", token.text);
    }
    if (call && named_system && kAmbiguousCalls.count(token.text) != 0) {
      Report(&problems, source, token.line, "calls {}: only lib/io may", token.text);
    }
    if (named_system && qualified && kSystemTypes.count(token.text) != 0) {
      Report(&problems, source, token.line, "uses std::{}: only lib/io may", token.text);
    }
    if (token.text == "now" && qualified && EndsWith(qualifier.text, "_clock")) {
      Report(&problems, source, token.line, "reads {}: only lib/io may", qualifier.text);
    }
    if (qualified && qualifier.text == "filesystem" && token.text != "path") {
      Report(&problems, source, token.line, "uses std::filesystem::{}: only lib/io may",
             token.text);
    }
  }
  return problems;
}

Problems CheckManners(const Source& source) {
  Problems problems;
  if (source.top() != "lib") return problems;
  for (std::size_t i = 0; i < source.tokens.size(); ++i) {
    const Token& token = source.tokens[i];
    if (token.kind != Token::Kind::kIdentifier || IsExcepted(source, token.text)) continue;
    const std::string& before = source.at(i - 1).text;
    const bool member = before == "." || before == "->";
    const bool fmt_print =
        token.text == "print" && before == "::" && source.at(i - 2).text == "fmt";
    const bool call = source.at(i + 1).text == "(" && kRudeCalls.count(token.text) != 0;
    const bool rethrow = token.text == "throw" && source.at(i + 1).text == ";";
    if ((call && !member) || fmt_print || (kRudeWords.count(token.text) != 0 && !rethrow)) {
      Report(&problems, source, token.line, "{}: the library neither prints, ends, throws nor asks",
             token.text);
    }
  }
  return problems;
}

Problems CheckLicence(const std::string& path, const std::string& text) {
  constexpr std::string_view kLine = "SPDX-License-Identifier: Apache-2.0\n";
  const std::size_t found = text.find(kLine);
  // On the first line, or below a script's #! line.
  const std::size_t lines =
      found == std::string::npos ? 9 : std::count(text.begin(), text.begin() + found, '\n');
  if (lines > (StartsWith(text, "#!") ? 1u : 0u)) return {path + ":1: no SPDX licence line"};
  return {};
}

Problems CheckLayout(const Source& source) {
  Problems problems;
  constexpr std::size_t kColumnsMax = 100;
  for (std::size_t i = 0; i < source.lines.size(); ++i) {
    const std::string& line = source.lines[i];
    const auto columns =
        std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; });
    if (static_cast<std::size_t>(columns) > kColumnsMax) {
      Report(&problems, source, static_cast<int>(i) + 1, "{} columns, at most {}", columns,
             kColumnsMax);
    }
  }
  if (source.lines.empty() || source.lines[0] != "// SPDX-License-Identifier: Apache-2.0") {
    Report(&problems, source, 1, "no SPDX licence line");
  }
  if (!EndsWith(source.path, ".h")) return problems;
  // Highway's kernels are included once per target, behind a guard that toggles.
  if (EndsWith(source.path, "-inl.h")) return problems;
  std::string guard = "KYRO_";
  std::string_view path = source.path;
  if (StartsWith(path, "lib/")) path.remove_prefix(4);
  if (StartsWith(path, "include/kyro/")) path.remove_prefix(13);
  for (const char c : path) {
    guard.push_back(std::isalnum(static_cast<unsigned char>(c)) != 0
                        ? static_cast<char>(std::toupper(static_cast<unsigned char>(c)))
                        : '_');
  }
  guard.push_back('_');
  const std::string want = "#ifndef " + guard;
  if (std::find(source.lines.begin(), source.lines.end(), want) == source.lines.end()) {
    Report(&problems, source, 1, "want {}", want);
  }
  return problems;
}

}  // namespace kyro::structure
