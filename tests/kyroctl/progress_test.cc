// SPDX-License-Identifier: Apache-2.0
//
// Progress bars: what they show, when they are drawn, and what ^C does.
#include "kyroctl/progress.h"

#include <gtest/gtest.h>

#include <csignal>
#include <sstream>
#include <string>
#include <vector>

#include "kyroctl/ctl.h"

namespace kyro::kyroctl {
namespace {

using namespace std::chrono_literals;

TEST(BarLine, ShowsPartAmountRateAndTimeLeft) {
  EXPECT_EQ(BarLine({.what = "folding",
                     .done = 250'000'000,
                     .total = 1'000'000'000,
                     .count = 250'000'000,
                     .elapsed = 10s}),
            "folding [#######.......................]  25% 250 MB, 25.0 MB/s, 0:30 left");
  EXPECT_EQ(BarLine({.what = "loading",
                     .unit = Unit::kRows,
                     .done = 50,
                     .total = 100,
                     .count = 1234,
                     .elapsed = 2s}),
            "loading [###############...............]  50% 1,234 rows, 617 rows/s, 0:02 left");
}

TEST(BarLine, SaysWhatItKnowsIfTheTotalIsUnknown) {
  EXPECT_EQ(BarLine({.what = "loading", .unit = Unit::kRows, .count = 10, .elapsed = 5s}),
            "loading 10 rows, 2 rows/s");
  EXPECT_EQ(BarLine({.what = "checking", .total = 100, .elapsed = 1s}),
            "checking [..............................]   0% 0 B, 0 B/s");
}

TEST(BarLine, NeverIsWiderThanTheTerminal) {
  for (std::size_t columns = 20; columns < 130; ++columns) {
    for (std::uint64_t done = 0; done <= 3'000'000'000'000; done += 123'456'789'012) {
      for (const Unit unit : {Unit::kBytes, Unit::kRows}) {
        for (const std::uint64_t total : {std::uint64_t{0}, std::uint64_t{2'900'000'000'000}}) {
          const std::string line = BarLine({.what = "checking",
                                            .unit = unit,
                                            .done = done,
                                            .total = total,
                                            .count = done,
                                            .elapsed = 12345s,
                                            .columns = columns});
          ASSERT_LE(line.size(), columns) << line;
        }
      }
    }
  }
}

TEST(BarLine, OnlyColoursWhereColoursAreWanted) {
  BarState state{.what = "x", .done = 1, .total = 2, .count = 1, .elapsed = 1s};
  EXPECT_EQ(BarLine(state).find('\033'), std::string::npos);
  state.colour = true;
  EXPECT_NE(BarLine(state).find("\033[36m###############\033[0m..............."),
            std::string::npos);
}

TEST(Human, BytesHaveThreeDigitsAndTimesAreClocks) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(999), "999 B");
  EXPECT_EQ(HumanBytes(1000), "1.00 kB");
  EXPECT_EQ(HumanBytes(9996), "10.0 kB");
  EXPECT_EQ(HumanBytes(99960), "100 kB");
  EXPECT_EQ(HumanBytes(999600), "1.00 MB");
  EXPECT_EQ(HumanBytes(1.8e19), "18.0 EB");
  EXPECT_EQ(HumanTime(0s), "0:00");
  EXPECT_EQ(HumanTime(59.6s), "1:00");
  EXPECT_EQ(HumanTime(3599s), "59:59");
  EXPECT_EQ(HumanTime(3h + 5min), "3:05:00");
}

TEST(Screen, IsWhatTheTerminalAndThePersonAllow) {
  const Screen full = ScreenOf(true, nullptr, "xterm", 120);
  EXPECT_TRUE(full.colour && full.moves);
  EXPECT_EQ(full.columns, 120u);
  EXPECT_FALSE(ScreenOf(false, nullptr, "xterm", 120).colour);
  EXPECT_FALSE(ScreenOf(false, nullptr, "xterm", 120).moves);
  EXPECT_FALSE(ScreenOf(true, "1", "xterm", 80).colour);
  EXPECT_TRUE(ScreenOf(true, "1", "xterm", 80).moves);
  EXPECT_TRUE(ScreenOf(true, "", "xterm", 80).colour) << "empty: as if it were not there";
  for (const char* term : {"dumb", "", static_cast<const char*>(nullptr)}) {
    EXPECT_FALSE(ScreenOf(true, nullptr, term, 80).colour);
    EXPECT_FALSE(ScreenOf(true, nullptr, term, 80).moves);
  }
  EXPECT_EQ(ScreenOf(true, nullptr, "xterm", 0).columns, 80u);
  EXPECT_EQ(ScreenOf(true, nullptr, "xterm", 3).columns, 20u);
}

struct Long {
  std::vector<std::string> args;
  std::string bar;   // begins so
  std::string left;  // what an interrupt leaves
};

// Every command that can take long, on a database of 3000 rows in the log and in segments.
std::vector<Long> LongCommands(const TempDir& dir) {
  const std::string db = dir / "db";
  return {
      {{"load", dir / "new", dir / "rows", "--create"},
       "loading [",
       "the first 1000 rows are loaded and stay, what follows them is not"},
      {{"load", dir / "bulk", dir / "rows", "--create", "--bulk"},
       "loading [",
       "nothing is loaded, the keyspace is as it was"},
      {{"checkpoint", db, dir / "copy"},
       "copying [",
       "copy is not made; " + dir / "copy" + ".tmp can be deleted"},
      {{"dump", db}, "printing [", "the output has the first 1 rows, and lacks the others"},
      {{"scan", db}, "printing [", "the output has the first 1 rows, and lacks the others"},
      {{"count", db}, "counting [", "1024 rows are counted, the others are not"},
      {{"verify", db}, "checking [", "are checked and sound, the others are not looked at"},
      {{"rebuild", db},
       "training [",
       "every row is as it was, but not all models are new; run it again"},
      {{"snapshot", db},
       "folding [",
       "every row is as it was, but not all keyspaces are folded; run it again"},
  };
}

void MakeRows(const TempDir& dir) {
  WriteFile(dir / "rows", NumberRows(3000));
  ASSERT_EQ(Ctl({"load", dir / "db", dir / "rows", "--create"}).exit, kExitOk);
  ASSERT_EQ(Ctl({"snapshot", dir / "db"}).exit, kExitOk);
  ASSERT_EQ(Ctl({"put", dir / "db", "1", "newer"}).exit, kExitOk);
}

TEST(Bar, IsDrawnOnATerminalByAllThatTakesLongAndTakenAway) {
  TempDir dir;
  MakeRows(dir);
  for (const Long& command : LongCommands(dir)) {
    const Answer answer = Ctl(command.args, "", {.err = true});
    EXPECT_EQ(answer.exit, kExitOk) << command.args[0];
    EXPECT_EQ(answer.err.find("\r\033[K" + command.bar), 0u) << command.args[0] << answer.err;
    EXPECT_TRUE(answer.err.ends_with("\r\033[K")) << command.args[0];
  }
}

TEST(Bar, IsNotDrawnWhereItWouldBeInTheWay) {
  TempDir dir;
  MakeRows(dir);
  const auto err = [&](std::vector<std::string> args, const Terminals& terminals) {
    for (const char* made : {"new", "bulk", "copy"}) std::filesystem::remove_all(dir / made);
    const Answer answer = Ctl(args, "", terminals);
    EXPECT_EQ(answer.exit, kExitOk) << args[0];
    return answer.err;
  };
  for (const Long& command : LongCommands(dir)) {
    const auto& args = command.args;
    EXPECT_EQ(err(args, {}), "") << args[0] << ": no terminal";
    EXPECT_EQ(err(args, {.err = true, .screen = {.moves = false}}), "") << args[0] << ": dumb";
    EXPECT_EQ(err(args, {.err = true, .now = &FrozenNow}), "") << args[0] << ": too quick";
    std::vector<std::string> quiet = args;
    quiet.push_back("--quiet");
    EXPECT_EQ(err(quiet, {.err = true}), "") << args[0] << ": quiet";
  }
  EXPECT_EQ(err({"dump", dir / "db"}, {.out = true, .err = true}), "") << "rows are there already";
}

// Standard error that presses ^C when the first bar is drawn on it.
class PressingBuffer : public std::stringbuf {
 protected:
  std::streamsize xsputn(const char* bytes, std::streamsize count) override {
    if (!std::exchange(pressed_, true)) std::raise(SIGINT);
    return std::stringbuf::xsputn(bytes, count);
  }

 private:
  bool pressed_ = false;
};

Answer CtlInterrupted(const std::vector<std::string>& args) {
  std::istringstream in;
  std::ostringstream out;
  PressingBuffer buffer;
  std::ostream err(&buffer);
  const int exit = Run(args, Streams{.in = in,
                                     .out = out,
                                     .err = err,
                                     .err_is_terminal = true,
                                     .err_screen = {.moves = true},
                                     .now = &HastyNow});
  return {.exit = exit, .out = out.str(), .err = buffer.str()};
}

TEST(Interrupt, EndsAllThatTakesLongAndSaysWhatIsLeft) {
  TempDir dir;
  MakeRows(dir);
  const std::string before = Ctl({"dump", dir / "db"}).out;
  for (const Long& command : LongCommands(dir)) {
    const Answer answer = CtlInterrupted(command.args);
    EXPECT_EQ(answer.exit, kExitInterrupted) << command.args[0];
    const std::size_t end_of_bar = answer.err.rfind("\033[K") + 3;
    const std::string line = answer.err.substr(end_of_bar);
    EXPECT_EQ(line.find("kyroctl: interrupted: "), 0u) << command.args[0] << line;
    EXPECT_TRUE(line.ends_with(command.left + "\n")) << command.args[0] << line;
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
    EXPECT_EQ(Ctl({"dump", dir / "db"}).out, before) << command.args[0];
    EXPECT_EQ(Ctl({"verify", dir / "db"}).exit, kExitOk) << command.args[0];
  }
  EXPECT_EQ(Ctl({"count", dir / "new"}).out, "1000\n");
  EXPECT_EQ(Ctl({"count", dir / "bulk"}).out, "0\n");
  EXPECT_FALSE(std::filesystem::exists(dir / "copy"));
}

TEST(Interrupt, IsAskedForOnceAndOnlyWhileItLives) {
  {
    const Interrupt interrupt;
    EXPECT_FALSE(Interrupt::Requested());
    std::raise(SIGINT);
    EXPECT_TRUE(Interrupt::Requested());
    struct sigaction now = {};
    sigaction(SIGINT, nullptr, &now);
    EXPECT_EQ(now.sa_handler, SIG_DFL) << "the second kills";
  }
  EXPECT_EQ(Interrupt::descriptor(), -1);
  const Interrupt again;
  EXPECT_FALSE(Interrupt::Requested());
}

}  // namespace
}  // namespace kyro::kyroctl
