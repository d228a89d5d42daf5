// SPDX-License-Identifier: Apache-2.0
//
// The directory in other hands: something else in the place of a file, files cut short while they
// are mapped, the directory moved, removed or read-only, odd paths and umasks. Every answer is
// right or a typed error that names the file; nothing hangs, and nothing that kyro does not know is
// deleted. On the real file system.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <map>
#include <vector>

#include "db/inspect.h"
#include "db/processes.h"
#include "kyro/db.h"

namespace kyro::db {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kRows = 3000;

std::string ValueOf(std::uint64_t key) {
  return "value " + std::to_string(key) + std::string(key % 40, '.');
}

Options SmallOptions() {
  Options options;
  options.delta_bytes = 64 << 10;
  options.wal_file_bytes = 64 << 10;
  return options;
}

// Rows in segments and, behind them, a few in the log.
Status Fill(const std::string& path) {
  auto db = Db::Open(path, SmallOptions());
  if (!db.ok()) return db.status();
  auto space = db->OpenKeyspace<U64>();
  if (!space.ok()) return space.status();
  WriteBatch batch;
  for (std::uint64_t key = 0; key < kRows; ++key) batch.Put(*space, key, ValueOf(key));
  if (auto written = db->Write(batch); !written.ok()) return written.status();
  if (Status folded = db->Fold(); !folded.ok()) return folded;
  for (std::uint64_t key = kRows; key < kRows + 10; ++key) {
    if (Status put = space->Put(key, ValueOf(key)); !put.ok()) return put;
  }
  return db->Close();
}

// A copy of what Fill makes.
void FillCopy(const std::string& path) {
  static const TemporaryDirectory original;
  static const Status filled = Fill(original.path() + "/db");
  ASSERT_TRUE(filled.ok()) << filled.ToString();
  fs::copy(original.path() + "/db", path, fs::copy_options::recursive);
}

// 0: every row is right. 1: an error, in `error`. 2: a wrong answer.
int ReadRows(const Keyspace<U64>& space, Status* error) {
  for (std::uint64_t key = 0; key < kRows + 10; ++key) {
    const Result<std::string> value = space.Get(key);
    if (value.ok() && *value != ValueOf(key)) return 2;
    if (value.status().code() == StatusCode::kNotFound) return 2;
    if (value.ok()) continue;
    *error = value.status();
    return 1;
  }
  return 0;
}

// name -> what it is: type, of a link where it leads, of a file how long it is. Not of the lock:
// who opens writes its process number there, of as many digits as it has.
std::map<std::string, std::string> Listing(const std::string& path) {
  std::map<std::string, std::string> listing;
  for (const auto& entry : fs::directory_iterator(path)) {
    const fs::file_status status = entry.symlink_status();
    std::string what = std::to_string(static_cast<int>(status.type()));
    if (fs::is_symlink(status)) what += " " + fs::read_symlink(entry.path()).string();
    const std::string name = entry.path().filename();
    if (fs::is_regular_file(status) && name != "LOCK") {
      what += " of " + std::to_string(fs::file_size(entry.path()));
    }
    listing[name] = what;
  }
  return listing;
}

std::string FileWith(const std::string& path, const std::string& end) {
  for (const auto& [name, what] : Listing(path)) {
    if (name.ends_with(end)) return name;
  }
  return "none" + end;
}

// ---------------------------------------------------------------------------------- impostors

enum class Impostor { kLink, kDanglingLink, kFifo, kDirectory, kSocket };
constexpr Impostor kImpostors[] = {Impostor::kLink, Impostor::kDanglingLink, Impostor::kFifo,
                                   Impostor::kDirectory, Impostor::kSocket};

// Puts something that is no regular file at `path`; a link leads to `target`.
void Place(Impostor impostor, const std::string& path, const std::string& target) {
  switch (impostor) {
    case Impostor::kLink:
    case Impostor::kDanglingLink:
      return fs::create_symlink(target, path);
    case Impostor::kFifo:
      ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
      return;
    case Impostor::kDirectory:
      fs::create_directory(path);
      return;
    case Impostor::kSocket: {
      const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      ASSERT_LT(path.size(), sizeof(address.sun_path));
      std::copy(path.begin(), path.end(), address.sun_path);
      ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
      ::close(fd);
      return;
    }
  }
}

// With an impostor in the place of `name`, opens for reading or writing. Prints and returns 0 if
// the answer is as it must be.
int OpenBeside(const std::string& path, const std::string& name, bool read_only) {
  const bool model = name.ends_with(".rmi");
  Options options = SmallOptions();
  options.read_only = read_only;
  auto db = Db::Open(path, options);
  Status error = db.status();
  if (db.ok()) {
    auto space = db->OpenKeyspace<U64>();
    if (!space.ok()) return 3;
    const int read = ReadRows(*space, &error);
    if (read == 2) return 4;
    // Of all files only a model may be replaced by nothing: it is a hint. Another is trained, at
    // the latest when asked to, and what stands in the place of this one is not deleted then.
    if (read == 0 && !model) return 5;
    if (read == 0 && !read_only && (!db->RebuildIndex().ok() || !db->Close().ok())) return 7;
    if (read == 0) return 0;
  }
  std::printf("  %s\n", error.ToString().c_str());
  const bool names_it = error.message().find(name) != std::string_view::npos;
  const bool typed = error.code() == StatusCode::kIoError || error.code() == StatusCode::kDataLoss;
  return names_it && typed ? 0 : 6;
}

TEST(DbImpostor, IsRefusedByNameAndNothingIsDeleted) {
  for (const std::string end : {"MANIFEST", "LOCK", ".wal", ".keys", ".data", ".rmi"}) {
    for (const Impostor impostor : kImpostors) {
      TemporaryDirectory directory;
      const std::string path = directory.path() + "/db";
      FillCopy(path);
      const std::string name = FileWith(path, end);
      SCOPED_TRACE(name + ", impostor " + std::to_string(static_cast<int>(impostor)));
      const std::string away = directory.path() + "/away";
      fs::rename(path + "/" + name, away);
      if (impostor == Impostor::kDanglingLink) fs::remove(away);
      Place(impostor, path + "/" + name, away);
      const auto before = Listing(path);
      for (const bool read_only : {true, false}) {
        const int status = InChild([&] { return OpenBeside(path, name, read_only); });
        EXPECT_EQ(EndOf(status), "exit 0") << "read_only " << read_only;
      }
      auto after = Listing(path);
      if (end != ".rmi") {
        EXPECT_EQ(after, before);  // a model is trained again, under a number of its own
      }
      EXPECT_EQ(after[name], before.at(name));
      EXPECT_EQ(fs::exists(away), impostor != Impostor::kDanglingLink);
    }
  }
}

// The names under which files are made.
TEST(DbImpostor, UnderATemporaryNameIsRefusedOrLeftAlone) {
  for (const std::string name :
       {"MANIFEST.tmp", "000900.wal.tmp", "000901.keys.tmp", "000902.data.tmp", "000903.rmi.tmp"}) {
    for (const Impostor impostor : kImpostors) {
      SCOPED_TRACE(name + ", impostor " + std::to_string(static_cast<int>(impostor)));
      TemporaryDirectory directory;
      const std::string path = directory.path() + "/db";
      FillCopy(path);
      const std::string away = directory.path() + "/away";
      if (impostor == Impostor::kLink) fs::create_directory(away);
      Place(impostor, path + "/" + name, away);
      const std::string before = Listing(path)[name];
      const int status = InChild([&] {
        auto db = Db::Open(path, SmallOptions());
        if (!db.ok()) return 1;
        auto space = db->OpenKeyspace<U64>();
        if (!space.ok()) return 2;
        const Status put = space->Put(1, "new");
        const Status folded = db->Fold();
        for (const Status& error : {put, folded}) {
          if (!error.ok() && error.message().find(name) == std::string_view::npos) return 3;
        }
        const bool manifest = name == "MANIFEST.tmp";
        return put.ok() != manifest && folded.ok() != manifest ? 0 : 4;
      });
      EXPECT_EQ(EndOf(status), "exit 0");
      EXPECT_EQ(Listing(path)[name], before);
      // Nothing was lost, and once it is gone all is well.
      fs::remove(path + "/" + name);
      auto db = Db::Open(path, SmallOptions());
      ASSERT_TRUE(db.ok()) << db.status().ToString();
      EXPECT_TRUE(db->OpenKeyspace<U64>()->Put(2, "newer").ok());
      EXPECT_TRUE(db->Fold().ok());
      EXPECT_TRUE(db->Verify().ok());
    }
  }
}

// ---------------------------------------------------------------------------------- modes

TEST(DbUmask, FilesAre0600InADirectoryOf0700) {
  for (const mode_t mask : {mode_t{0}, mode_t{077}}) {
    TemporaryDirectory directory;
    const std::string path = directory.path() + "/db";
    const std::string copy = directory.path() + "/copy";
    const int status = InChild([&] {
      ::umask(mask);
      if (!Fill(path).ok()) return 1;
      auto db = Db::Open(path, SmallOptions());
      if (!db.ok() || !db->OpenKeyspace<Bytes>("more").ok()) return 2;
      if (!db->OpenKeyspace<U64>()->Put(5, "open").ok()) return 3;
      if (!db->Checkpoint(copy).ok()) return 4;
      ::_exit(0);  // as a crash would: files of all kinds stay
    });
    ASSERT_EQ(EndOf(status), "exit 0");
    std::size_t files = 0;
    for (const std::string& made : {path, copy}) {
      EXPECT_EQ(fs::status(made).permissions(), fs::perms::owner_all) << made;
      for (const auto& entry : fs::directory_iterator(made)) {
        EXPECT_EQ(entry.status().permissions(), fs::perms::owner_read | fs::perms::owner_write)
            << entry.path() << " under umask " << mask;
        ++files;
      }
    }
    EXPECT_GE(files, 9u);
  }
}

// ---------------------------------------------------------------------------------- truncation

// Reads a database whose file `end` is cut to some quarters behind its back. 0: right values and
// typed errors only. With kMap a page is cut whole or not at all: of one that is cut in its middle
// the rest reads as zeros, which nobody is told of.
enum class Warmed { kNo, kMapped, kCopied };

int ReadTruncated(const std::string& path, const std::string& end, Access access, int quarters,
                  Warmed warmed) {
  Options options = SmallOptions();
  options.access = access;
  auto db = Db::Open(path, options);
  if (!db.ok()) return 1;
  auto space = db->OpenKeyspace<U64>();
  if (!space.ok()) return 2;
  const WarmOptions warm{.huge_pages = warmed == Warmed::kCopied};
  if (warmed != Warmed::kNo && !db->Warm(warm).ok()) return 3;
  const std::string file = path + "/" + FileWith(path, end);
  const std::uintmax_t pages = fs::file_size(file) / 4096;
  const std::uintmax_t left = pages * static_cast<std::uintmax_t>(quarters) / 4 * 4096;
  fs::resize_file(file, access == Access::kCopy ? left + 100 : left);
  Status error;
  const int read = ReadRows(*space, &error);
  if (read == 2) return 4;
  if (read == 1 && error.file().find(end) == std::string_view::npos) return 5;
  // What was copied is not even damaged.
  if (read == 1 && warmed == Warmed::kCopied) return 6;
  return 0;
}

TEST(DbTruncated, AMappedFileGivesRightValuesATypedErrorOrSigbus) {
  int sigbuses = 0;
  for (const std::string end : {".keys", ".data", ".rmi"}) {
    for (const Access access : {Access::kMap, Access::kCopy}) {
      for (int quarters = 0; quarters < 4; ++quarters) {
        for (const Warmed warmed : {Warmed::kNo, Warmed::kMapped, Warmed::kCopied}) {
          SCOPED_TRACE(end + " cut to " + std::to_string(quarters) + "/4, access " +
                       std::to_string(static_cast<int>(access)) + ", warmed " +
                       std::to_string(static_cast<int>(warmed)));
          TemporaryDirectory directory;
          const std::string path = directory.path() + "/db";
          FillCopy(path);
          const int status = InChild([&] {
            ::signal(SIGBUS, SIG_DFL);  // a sanitizer may have taken it
            return ReadTruncated(path, end, access, quarters, warmed);
          });
          const bool sigbus = WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS;
          sigbuses += sigbus;
          if (access == Access::kCopy || warmed == Warmed::kCopied || !sigbus) {
            EXPECT_EQ(EndOf(status), "exit 0");
          }
        }
      }
    }
  }
  EXPECT_GT(sigbuses, 0);  // or the files were not really cut under a mapping
}

// ---------------------------------------------------------------------------------- directory

TEST(DbDirectory, MovedWhileOpenStaysTheSame) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/db";
  const std::string moved = directory.path() + "/moved";
  FillCopy(path);
  auto db = Db::Open(path, SmallOptions());
  ASSERT_TRUE(db.ok());
  auto space = db->OpenKeyspace<U64>();
  fs::rename(path, moved);
  for (std::uint64_t key = kRows + 10; key < 2 * kRows; ++key) {
    ASSERT_TRUE(space->Put(key, ValueOf(key), {.durability = Durability::kOs}).ok());
  }
  ASSERT_TRUE(db->Fold().ok());
  EXPECT_EQ(Db::Open(moved, SmallOptions()).status().code(), StatusCode::kLocked);
  EXPECT_TRUE(db->Close().ok());
  EXPECT_FALSE(fs::exists(path));
  auto again = Db::Open(moved, SmallOptions());
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  auto rows = again->OpenKeyspace<U64>();
  for (std::uint64_t key = 0; key < 2 * kRows; ++key) ASSERT_EQ(*rows->Get(key), ValueOf(key));
}

TEST(DbDirectory, RemovedWhileOpenGivesTypedErrors) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/db";
  FillCopy(path);
  const int status = InChild([&] {
    auto db = Db::Open(path, SmallOptions());
    if (!db.ok()) return 1;
    auto space = db->OpenKeyspace<U64>();
    if (!space->Put(1, "before").ok()) return 2;
    // Until it is gone: the next log file may be made while its directory is being emptied.
    std::error_code in_use;
    while (fs::exists(path)) fs::remove_all(path, in_use);
    // The log file goes on without a name until it is full; then there is no other.
    Status error;
    for (std::uint64_t key = 0; key < kRows && error.ok(); ++key) {
      error = space->Put(key, ValueOf(key), {.durability = Durability::kOs});
    }
    const Status folded = db->Fold();
    const Status copied = db->Checkpoint(path).status();
    const Status closed = db->Close();
    for (const Status& each : {error, folded, copied, closed}) {
      std::printf("  %s\n", each.ToString().c_str());
      // Absence is not what is wrong with a write.
      if (each.ok() || each.code() == StatusCode::kNotFound) return 3;
      if (each.code() == StatusCode::kInternal) return 5;
    }
    return fs::exists(path) ? 4 : 0;
  });
  EXPECT_EQ(EndOf(status), "exit 0");
}

TEST(DbDirectory, AReadOnlyFileSystemIsReadAndNotWritten) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may mount";
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/db";
  FillCopy(path);
  const auto before = Listing(path);
  const int status = InChild([&] {
    if (::unshare(CLONE_NEWNS) != 0) return 1;
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 1;
    const char* const at = directory.path().c_str();
    if (::mount(at, at, nullptr, MS_BIND, nullptr) != 0) return 1;
    if (::mount(nullptr, at, nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0) return 1;
    const Status refused = Db::Open(path, SmallOptions()).status();
    std::printf("  %s\n", refused.ToString().c_str());
    if (refused.code() != StatusCode::kIoError) return 2;
    const Status made = Db::Open(directory.path() + "/other", SmallOptions()).status();
    std::printf("  %s\n", made.ToString().c_str());
    if (made.code() != StatusCode::kIoError) return 3;
    Options options = SmallOptions();
    options.read_only = true;
    auto db = Db::Open(path, options);
    if (!db.ok()) return 4;
    Status error;
    return ReadRows(*db->OpenKeyspace<U64>(), &error) == 0 ? 0 : 5;
  });
  EXPECT_EQ(EndOf(status), "exit 0");
  EXPECT_EQ(Listing(path), before);
}

// As a user who may read, or may not even that. Root becomes one.
TEST(DbDirectory, WithoutTheRightsIsATypedError) {
  constexpr uid_t kNobody = 65534;
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/db";
  FillCopy(path);
  const auto become = [&] {
    if (::geteuid() != 0) return true;
    return ::setgroups(0, nullptr) == 0 && ::setresgid(kNobody, kNobody, kNobody) == 0 &&
           ::setresuid(kNobody, kNobody, kNobody) == 0;
  };
  fs::permissions(directory.path(), fs::perms(0755));
  // 0: nothing may be done. 5: the directory may be read and entered, its files may be read.
  for (const int rights : {0, 5}) {
    SCOPED_TRACE(rights);
    fs::permissions(path, fs::perms(rights * 0111));
    for (const auto& entry : fs::directory_iterator(path)) {
      fs::permissions(entry.path(), fs::perms((rights & 4) * 0111));
    }
    const int status = InChild([&] {
      if (!become()) return 1;
      const Status refused = Db::Open(path, SmallOptions()).status();
      std::printf("  %s\n", refused.ToString().c_str());
      if (refused.code() != StatusCode::kIoError) return 2;
      Options options = SmallOptions();
      options.read_only = true;
      auto db = Db::Open(path, options);
      std::printf("  %s\n", db.status().ToString().c_str());
      if (rights == 0) return db.status().code() == StatusCode::kIoError ? 0 : 3;
      if (!db.ok()) return 4;
      Status error;
      return ReadRows(*db->OpenKeyspace<U64>(), &error) == 0 ? 0 : 5;
    });
    EXPECT_EQ(EndOf(status), "exit 0");
    fs::permissions(path, fs::perms(0700));
    for (const auto& entry : fs::directory_iterator(path)) {
      fs::permissions(entry.path(), fs::perms(0600));
    }
  }
  EXPECT_TRUE(Db::Open(path, SmallOptions()).ok());
}

// ---------------------------------------------------------------------------------- paths

TEST(DbPath, OfOddCharactersIsAPathLikeAnyOther) {
  TemporaryDirectory directory;
  const std::string longest(255, 'n');
  for (const std::string& name :
       {std::string(" leading and trailing "), std::string("new\nline"),
        std::string("\x01\x7f\xff\xfe"), std::string("-rf"), std::string("quo\"te'`$(x)"),
        std::string("a\\b"), std::string("%s%n{}"), std::string("\xe2\x82\xac"), longest}) {
    SCOPED_TRACE(name);
    const std::string path = directory.path() + "/" + name;
    FillCopy(path);
    ASSERT_TRUE(fs::is_directory(path));
    {
      auto db = Db::Open(path + "//./", SmallOptions());
      ASSERT_TRUE(db.ok()) << db.status().ToString();
      Status error;
      EXPECT_EQ(ReadRows(*db->OpenKeyspace<U64>(), &error), 0);
      if (name != longest) {  // its temporary name is longer
        ASSERT_TRUE(db->Checkpoint(path + ".copy/").ok());
      }
    }
    if (name != longest) {
      EXPECT_TRUE(Db::Open(path + ".copy").ok());
    }
    // A message is one line, whatever it has to name.
    Options options = SmallOptions();
    options.error_if_exists = true;
    for (const Status& error :
         {Db::Open(path, options).status(), Db::Open(path + "/none/none").status(),
          Db::Open(path + "/MANIFEST").status()}) {
      EXPECT_FALSE(error.ok());
      EXPECT_EQ(error.message().find('\n'), std::string_view::npos) << error.ToString();
    }
  }
}

TEST(DbPath, ThatCannotBeIsATypedError) {
  TemporaryDirectory directory;
  std::string deep = directory.path();
  while (deep.size() < 5000) deep += "/" + std::string(100, 'd');
  const std::string nul = directory.path() + "/before" + std::string(1, '\0') + "after";
  ASSERT_EQ(::mkfifo((directory.path() + "/fifo").c_str(), 0600), 0);
  fs::create_symlink(directory.path() + "/nowhere", directory.path() + "/dangling");
  fs::create_symlink(directory.path() + "/loop", directory.path() + "/loop");
  for (const std::string& path :
       {std::string(), deep, directory.path() + "/" + std::string(256, 'n'), nul,
        directory.path() + "/fifo", directory.path() + "/fifo/db", directory.path() + "/dangling",
        directory.path() + "/loop", std::string("/dev/null"), std::string("/proc/self/none")}) {
    const int status = InChild([&] {
      const Status error = Db::Open(path).status();
      std::printf("  %s\n", error.ToString().c_str());
      const bool typed = error.code() == StatusCode::kInvalidArgument ||
                         error.code() == StatusCode::kIoError ||
                         error.code() == StatusCode::kNotFound;
      return typed ? 0 : 1;
    });
    EXPECT_EQ(EndOf(status), "exit 0") << path;
  }
  EXPECT_FALSE(fs::exists(directory.path() + "/before"));
  EXPECT_FALSE(fs::exists(directory.path() + "/nowhere"));
  const std::string good = directory.path() + "/db";
  FillCopy(good);
  auto db = Db::Open(good, SmallOptions());
  ASSERT_TRUE(db.ok());
  for (const std::string& path : {std::string(), deep, nul, directory.path() + "/none/copy", good,
                                  directory.path() + "/fifo"}) {
    const Status error = db->Checkpoint(path).status();
    EXPECT_FALSE(error.ok()) << path;
    EXPECT_NE(error.code(), StatusCode::kInternal);
  }
  EXPECT_FALSE(fs::exists(directory.path() + "/before"));
}

TEST(DbPath, IsLookedUpOnceSoThatTheProgramMayChangeItsDirectory) {
  TemporaryDirectory directory;
  const int status = InChild([&] {
    if (::chdir(directory.path().c_str()) != 0) return 1;
    auto db = Db::Open("db", SmallOptions());
    if (!db.ok()) return 2;
    auto space = db->OpenKeyspace<U64>();
    fs::create_directory("elsewhere");
    if (::chdir("elsewhere") != 0) return 3;
    for (std::uint64_t key = 0; key < kRows + 10; ++key) {
      if (!space->Put(key, ValueOf(key), {.durability = Durability::kOs}).ok()) return 4;
    }
    if (!db->Fold().ok() || !db->Verify().ok()) return 5;
    if (!db->Checkpoint("copy").ok()) return 6;  // of now
    return db->Close().ok() ? 0 : 7;
  });
  ASSERT_EQ(EndOf(status), "exit 0");
  EXPECT_EQ(Listing(directory.path()).size(), 2u);
  EXPECT_EQ(Listing(directory.path() + "/elsewhere").size(), 1u);
  for (const char* path : {"/db", "/elsewhere/copy"}) {
    auto db = Db::Open(directory.path() + path, SmallOptions());
    ASSERT_TRUE(db.ok());
    Status error;
    EXPECT_EQ(ReadRows(*db->OpenKeyspace<U64>(), &error), 0);
  }
}

}  // namespace
}  // namespace kyro::db
