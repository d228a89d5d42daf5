// SPDX-License-Identifier: Apache-2.0
//
// Two owners of one directory, and a process that runs out of descriptors: typed errors, nothing
// lost, and all goes on once there is room. On the real file system.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <vector>

#include "db/processes.h"
#include "kyro/db.h"

namespace kyro::db {
namespace {

namespace fs = std::filesystem;

Options SmallOptions() {
  Options options;
  options.delta_bytes = 16 << 10;
  options.wal_file_bytes = 16 << 10;
  return options;
}

// ---------------------------------------------------------------------------------- two owners

TEST(DbLock, OneWriterOrManyReadersInThisAndOtherProcesses) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/db";
  fs::create_symlink("db", directory.path() + "/link");
  Options read_only;
  read_only.read_only = true;
  auto opens = [&](const std::string& as, const Options& options) {
    return Db::Open(as, options).status();
  };
  auto db = Db::Open(path);
  ASSERT_TRUE(db.ok());
  for (const std::string& as : {path, path + "/", path + "/../db", directory.path() + "/link"}) {
    for (const Options& options : {Options(), read_only}) {
      const Status here = opens(as, options);
      EXPECT_EQ(here.code(), StatusCode::kLocked) << as;
      EXPECT_NE(here.message().find(std::to_string(::getpid())), std::string_view::npos);
      const int status =
          InChild([&] { return opens(as, options).code() == StatusCode::kLocked ? 0 : 1; });
      EXPECT_EQ(EndOf(status), "exit 0") << as;
    }
  }
  ASSERT_TRUE(db->Close().ok());
  auto reader = Db::Open(path, read_only);
  ASSERT_TRUE(reader.ok());
  const int status = InChild([&] {
    if (!opens(path, read_only).ok()) return 1;
    return opens(path, Options()).code() == StatusCode::kLocked ? 0 : 2;
  });
  EXPECT_EQ(EndOf(status), "exit 0");
  ASSERT_TRUE(reader->Close().ok());
  EXPECT_TRUE(opens(path, Options()).ok());
}

// A child keeps its share of the lock until it lets go of what it inherited.
TEST(DbLock, IsSharedWithAForkUntilTheForkCloses) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/db";
  auto db = Db::Open(path);
  ASSERT_TRUE(db.ok());
  int to_child[2], to_parent[2];
  ASSERT_EQ(::pipe(to_child), 0);
  ASSERT_EQ(::pipe(to_parent), 0);
  char byte = 0;
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(kChildSeconds);
    (void)!::read(to_child[0], &byte, 1);
    if (db->Close().code() != StatusCode::kClosed) ::_exit(1);
    (void)!::write(to_parent[1], "c", 1);
    (void)!::read(to_child[0], &byte, 1);
    ::_exit(0);
  }
  ASSERT_TRUE(db->Close().ok());
  EXPECT_EQ(Db::Open(path).status().code(), StatusCode::kLocked);
  ASSERT_EQ(::write(to_child[1], "g", 1), 1);
  ASSERT_EQ(::read(to_parent[0], &byte, 1), 1);
  EXPECT_TRUE(Db::Open(path).ok());
  ASSERT_EQ(::write(to_child[1], "g", 1), 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(EndOf(status), "exit 0");
  for (const int fd : {to_child[0], to_child[1], to_parent[0], to_parent[1]}) ::close(fd);
}

// ---------------------------------------------------------------------------------- descriptors

bool RanOut(const Status& status) {
  return status.code() == StatusCode::kResourceExhausted || status.code() == StatusCode::kBusy;
}

// Writes rows from `first` on until one is refused; how many were not.
std::uint64_t PutRows(Keyspace<U64>* space, std::uint64_t first, std::uint64_t count,
                      Status* refused) {
  for (std::uint64_t i = 0; i < count; ++i) {
    *refused = space->Put(first + i, std::string(100, 'v'), {.durability = Durability::kOs});
    if (!refused->ok()) return i;
  }
  return count;
}

// All rows below `rows` are there, and no other.
std::string CheckRows(const std::string& path, std::uint64_t rows) {
  auto db = Db::Open(path, SmallOptions());
  if (!db.ok()) return db.status().ToString();
  auto space = db->OpenKeyspace<U64>();
  if (!space.ok()) return space.status().ToString();
  std::uint64_t found = 0;
  kyro::Scan<U64> scan = space->view()->scan();
  for (auto [key, value] : scan) {
    if (key != found++ || value.size() != 100) return "row " + std::to_string(key);
  }
  if (found != rows) return std::to_string(found) + " rows, want " + std::to_string(rows);
  return db->Verify().ToString() == "kOk" ? "" : "Verify";
}

// The whole life of a database under every limit from hardly any descriptor to enough.
TEST(DbDescriptors, UnderAnyLimitNothingIsLost) {
  int refusals = 0;
  for (rlim_t limit = 4; limit <= 40; ++limit) {
    SCOPED_TRACE("ulimit -n " + std::to_string(limit));
    TemporaryDirectory directory;
    const std::string path = directory.path() + "/db";
    std::uint64_t put = 0;
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const int status = InChild([&] {
      const struct rlimit few = {limit, limit};
      if (::setrlimit(RLIMIT_NOFILE, &few) != 0) return 1;
      Options options = SmallOptions();
      options.write_stall_max = std::chrono::milliseconds(50);
      auto db = Db::Open(path, options);
      if (!db.ok()) return RanOut(db.status()) ? 10 : 2;
      auto space = db->OpenKeyspace<U64>();
      if (!space.ok()) return RanOut(space.status()) ? 10 : 3;
      Status refused;
      const std::uint64_t rows = PutRows(&*space, 0, 1500, &refused);
      if (::write(ends[1], &rows, sizeof(rows)) != sizeof(rows)) return 4;
      if (!refused.ok() && !RanOut(refused)) return 5;
      const Status folded = db->Fold();
      if (!folded.ok() && !RanOut(folded)) return 6;
      std::string value;
      if (rows > 0 && !space->Get(0, &value).ok()) return 7;
      (void)db->Close();
      return refused.ok() && folded.ok() ? 0 : 10;
    });
    ::close(ends[1]);
    (void)!::read(ends[0], &put, sizeof(put));
    ::close(ends[0]);
    ASSERT_TRUE(WIFEXITED(status)) << EndOf(status);
    EXPECT_TRUE(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 10) << EndOf(status);
    refusals += WEXITSTATUS(status) == 10;
    if (limit == 40) {
      EXPECT_EQ(EndOf(status), "exit 0");
    }
    EXPECT_EQ(CheckRows(path, put), "");
  }
  EXPECT_GT(refusals, 3);
}

// The program itself uses up all descriptors for a while.
TEST(DbDescriptors, WhenThereAreSomeAgainAllGoesOnWithoutReopening) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/db";
  const int status = InChild([&] {
    const struct rlimit few = {64, 64};
    if (::setrlimit(RLIMIT_NOFILE, &few) != 0) return 1;
    Options options = SmallOptions();
    options.write_stall_max = std::chrono::seconds(2);
    auto db = Db::Open(path, options);
    if (!db.ok()) return 2;
    auto space = db->OpenKeyspace<U64>();
    Status refused;
    std::uint64_t rows = PutRows(&*space, 0, 200, &refused);
    if (!refused.ok()) return 3;
    std::vector<int> taken;
    const auto take_all = [&] {
      for (int fd; (fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) taken.push_back(fd);
    };
    take_all();
    rows += PutRows(&*space, rows, 5000, &refused);
    if (!RanOut(refused)) return 4;
    // The threads at work give one back now and then, and may do so between taking and opening;
    // but not for ever, and what they gave back they do not get again.
    Status opened;
    for (int tries = 0; tries < 1000 && opened.code() != StatusCode::kResourceExhausted; ++tries) {
      take_all();
      opened = Db::Open(path, options).status();
    }
    if (opened.code() != StatusCode::kResourceExhausted) return 5;
    take_all();
    const auto copied = db->Checkpoint(path + ".copy");
    if (copied.ok() || !RanOut(copied.status())) return 6;
    if (*space->Get(rows - 1) != std::string(100, 'v')) return 7;
    for (const int fd : taken) ::close(fd);
    if (Status resumed = db->Resume(); !resumed.ok()) {
      std::printf("  %s\n", resumed.ToString().c_str());
      return 8;
    }
    rows += PutRows(&*space, rows, 500, &refused);
    if (!refused.ok()) return 9;
    if (!db->Fold().ok() || !db->Checkpoint(path + ".copy").ok()) return 10;
    if (rows < 700) return 11;
    std::uint64_t found = 0;
    kyro::Scan<U64> scan = space->view()->scan();
    for (auto [key, value] : scan) found += key == found && value.size() == 100;
    return found == rows ? 0 : 12;
  });
  EXPECT_EQ(EndOf(status), "exit 0");
  EXPECT_TRUE(Db::Open(path, SmallOptions())->Verify().ok());
}

}  // namespace
}  // namespace kyro::db
