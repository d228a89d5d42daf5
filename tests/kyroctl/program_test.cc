// SPDX-License-Identifier: Apache-2.0
//
// The program as it is installed, at a shell: pipes, signals, exit codes.
#include <gtest/gtest.h>

#include <string>

#include "kyroctl/ctl.h"

namespace kyro::kyroctl {
namespace {

TEST(Program, WorksAtAShell) {
  TempDir dir;
  const std::string& here = dir.path();
  EXPECT_EQ(Shell("kyroctl create cells", here).out,
            "created keyspace \"default\" with u64 keys in cells\n");
  EXPECT_EQ(Shell("printf 'a\\0b' | kyroctl put cells 42 -", here).exit, 0);
  EXPECT_EQ(Shell("kyroctl get cells 0x2a", here).out, std::string("a\0b", 3));
  EXPECT_EQ(Shell("kyroctl get cells 43", here).exit, 1);
  EXPECT_EQ(Shell("kyroctl get cells 43 2>&1", here).out, "kyroctl: key 43 is absent\n");
  EXPECT_EQ(Shell("kyroctl get cells", here).exit, 2);
  EXPECT_EQ(Shell("kyroctl get none 1", here).exit, 5);
  EXPECT_EQ(Shell("kyroctl dump cells | kyroctl load copy - --create", here).out,
            "loaded 1 rows\n");
  EXPECT_EQ(Shell("kyroctl dump cells > a; kyroctl dump copy > b; cmp a b", here).exit, 0);
  EXPECT_EQ(
      Shell("printf damage | dd of=cells/MANIFEST bs=1 seek=40 conv=notrunc; kyroctl get cells 42",
            here)
          .exit,
      3);
}

TEST(Program, AReaderThatHasSeenEnoughEndsItQuietly) {
  TempDir dir;
  ASSERT_EQ(Ctl({"load", dir / "db", "-", "--create"}, NumberRows(50000)).exit, kExitOk);
  // 141 is SIGPIPE, which no shell reports for a pipeline.
  const Answer piped =
      Shell("bash -c 'kyroctl scan db 2>errors | head -n 2; echo ${PIPESTATUS[0]}'; cat errors",
            dir.path());
  EXPECT_EQ(piped.out, "0\tv0\n1\tv1\n141\n");
  // Also if it was started with the signal ignored.
  const Answer ignored = Shell(
      "bash -c 'trap \"\" PIPE; kyroctl dump db 2>errors | head -n 1'; cat errors", dir.path());
  EXPECT_EQ(ignored.out, "{\"key\":0,\"value\":\"v0\"}\n");
}

TEST(Program, AFullDiskUnderStandardOutputIsAnError) {
  TempDir dir;
  ASSERT_EQ(Ctl({"load", dir / "db", "-", "--create"}, NumberRows(10)).exit, kExitOk);
  for (const char* command :
       {"get db 1", "scan db", "dump db", "inspect db", "verify db", "--help"}) {
    const Answer answer = Shell("kyroctl " + std::string(command) + " 2>&1 >/dev/full", dir.path());
    EXPECT_EQ(answer.exit, 5) << command;
    EXPECT_EQ(answer.out,
              "kyroctl: standard output did not take the whole answer; free some space and try "
              "again\n")
        << command;
  }
}

TEST(Program, TheSecondOfTwoWritersIsLockedOut) {
  TempDir dir;
  ASSERT_EQ(Ctl({"create", dir / "db"}).exit, kExitOk);
  // The first holds the database while it waits for its second row; the log file that its first row
  // made says so. Opened for both, the pipe never blocks.
  const Answer answer = Shell(
      "mkfifo rows && exec 3<>rows && { kyroctl load db rows --batch 1 3>&- & } && "
      "echo '{\"key\":1,\"value\":\"x\"}' >&3 && "
      "until set -- db/*.wal && [ -e \"$1\" ] || ! kill -0 $!; do :; done; "
      "kyroctl put db 2 y; echo $?; exec 3>&-; wait; kyroctl get db 1",
      dir.path());
  EXPECT_EQ(answer.out, "4\nloaded 1 rows\nx");
}

TEST(Program, InterruptEndsALoadThatWaitsForItsInput) {
  TempDir dir;
  ASSERT_EQ(Ctl({"create", dir / "db"}).exit, kExitOk);
  // A shell without job control would start it with the signal ignored.
  WriteFile(dir / "run",
            "set -m; mkfifo rows; exec 3<>rows; kyroctl load db rows --batch 1 3>&- 2>&1 &\n"
            "echo '{\"key\":1,\"value\":\"x\"}' >&3\n"
            "until set -- db/*.wal && [ -e \"$1\" ] || ! kill -0 $!; do :; done\n"
            "kill -INT $!; wait $!; echo $?; kyroctl get db 1\n");
  EXPECT_EQ(Shell("bash run", dir.path()).out,
            "kyroctl: interrupted: the first 1 rows are loaded and stay, what follows them is not\n"
            "130\nx");
}

TEST(Program, ColoursAreForTerminalsThatTakeThem) {
  TempDir dir;
  ASSERT_EQ(Ctl({"create", dir / "db"}).exit, kExitOk);
  const auto error_on_terminal = [&](const std::string& environment) {
    return Shell(environment + " script -qec 'kyroctl get db 1' /dev/null", dir.path()).out;
  };
  EXPECT_EQ(error_on_terminal("TERM=xterm NO_COLOR="),
            "\033[1;31mkyroctl:\033[0m key 1 is absent\r\n");
  EXPECT_EQ(error_on_terminal("TERM=xterm NO_COLOR=1"), "kyroctl: key 1 is absent\r\n");
  EXPECT_EQ(error_on_terminal("TERM=dumb NO_COLOR="), "kyroctl: key 1 is absent\r\n");
  EXPECT_EQ(Shell("TERM=xterm kyroctl get db 1 2>&1", dir.path()).out,
            "kyroctl: key 1 is absent\n");
}

}  // namespace
}  // namespace kyro::kyroctl
