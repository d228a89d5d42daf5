// SPDX-License-Identifier: Apache-2.0
//
// What only a real file system has: links, FIFOs, permissions, descriptors, limits.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>
#include <set>

#include "io/worlds.h"

namespace kyro::io {
namespace {

class PosixTest : public ::testing::Test {
 protected:
  FileSystem* fs() { return world_.fs(); }
  std::string Path(const std::string& name) { return world_.root() + "/" + name; }
  void ExpectRefused(const char* name) {
    const auto root = OpenOrDie(fs(), world_.root());
    EXPECT_EQ(root->Open(name).status().code(), StatusCode::kIoError) << name;
    EXPECT_EQ(root->OpenForWrite(name).status().code(), StatusCode::kIoError) << name;
    EXPECT_EQ(root->FileBytes(name).status().code(), StatusCode::kIoError) << name;
    EXPECT_EQ(root->Lock(name, false).status().code(), StatusCode::kIoError) << name;
    EXPECT_EQ(root->Lock(name, true).status().code(), StatusCode::kIoError) << name;
    EXPECT_EQ(root->Create(name).status().code(), StatusCode::kAlreadyExists) << name;
    EXPECT_EQ(root->Unlink(name).code(), StatusCode::kIoError) << name;
    const auto entries = root->List();
    ASSERT_TRUE(entries.ok());
    EXPECT_EQ(std::count_if(entries->begin(), entries->end(),
                            [&](const DirectoryEntry& entry) { return entry.name == name; }),
              1)
        << name;
    for (const DirectoryEntry& entry : *entries) {
      if (entry.name == name) {
        EXPECT_EQ(entry.type, FileType::kOther) << name;
      }
    }
  }

  PosixWorld world_;
};

mode_t ModeOf(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0);
  return info.st_mode & 07777;
}

TEST_F(PosixTest, FilesAre0600InA0700Directory) {
  const mode_t before = ::umask(0);
  const auto directory = OpenOrDie(fs(), Path("db"));
  PutFile(directory.get(), "f", "x");
  EXPECT_TRUE(directory->Lock("LOCK", false).ok());
  ::umask(before);
  EXPECT_EQ(ModeOf(Path("db")), 0700u);
  EXPECT_EQ(ModeOf(Path("db/f")), 0600u);
  EXPECT_EQ(ModeOf(Path("db/LOCK")), 0600u);
}

TEST_F(PosixTest, ASymbolicLinkIsNeverFollowed) {
  const auto root = OpenOrDie(fs(), world_.root());
  PutFile(root.get(), "target", "secret");
  ASSERT_EQ(::symlink("target", Path("link").c_str()), 0);
  ASSERT_EQ(::symlink("nowhere", Path("dangling").c_str()), 0);
  ExpectRefused("link");
  ExpectRefused("dangling");
  EXPECT_EQ(root->FileBytes("nowhere").status().code(), StatusCode::kNotFound);
}

TEST_F(PosixTest, AFifoIsRefusedAndNotWaitedFor) {
  ASSERT_EQ(::mkfifo(Path("fifo").c_str(), 0600), 0);
  ExpectRefused("fifo");
}

TEST_F(PosixTest, ASocketIsRefused) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address {};
  address.sun_family = AF_UNIX;
  const std::string path = Path("socket");
  ASSERT_LT(path.size(), sizeof(address.sun_path));
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(::bind(fd, reinterpret_cast<struct sockaddr*>(&address), sizeof(address)), 0);
  ExpectRefused("socket");
  ::close(fd);
}

TEST_F(PosixTest, EveryDescriptorIsClosedOnExec) {
  std::set<int> before;
  for (int fd = 0; fd < 256; ++fd) {
    if (::fcntl(fd, F_GETFD) != -1) before.insert(fd);
  }
  const auto root = OpenOrDie(fs(), world_.root());
  const auto writable = PutFile(root.get(), "f", "x");
  const auto random = root->Open("f");
  const auto mapping = (*random)->Map(Access::kMap);
  const auto lock = root->Lock("LOCK", false);
  int opened = 0;
  for (int fd = 0; fd < 256; ++fd) {
    const int flags = ::fcntl(fd, F_GETFD);
    if (flags == -1 || before.count(fd) != 0) continue;
    ++opened;
    EXPECT_NE(flags & FD_CLOEXEC, 0) << fd;
  }
  EXPECT_EQ(opened, 4);  // directory, two files, lock: a mapping needs none of its own
}

TEST_F(PosixTest, NothingStaysOpenWhenTheHandlesAreGone) {
  const auto count = [] {
    int open = 0;
    for (int fd = 0; fd < 256; ++fd) open += ::fcntl(fd, F_GETFD) != -1;
    return open;
  };
  const int before = count();
  {
    const auto root = OpenOrDie(fs(), world_.root());
    PutFile(root.get(), "f", "content");
    char byte;
    EXPECT_EQ((*root->Open("f"))->ReadDevice(0, 1, &byte).value(), 1u);
    EXPECT_TRUE((*root->Open("f"))->Map(Access::kCopy).ok());
    EXPECT_TRUE(root->List().ok());
    EXPECT_TRUE(root->Lock("LOCK", true).ok());
    EXPECT_FALSE(root->Create("f").ok());
  }
  EXPECT_EQ(count(), before);
}

TEST_F(PosixTest, RunningOutOfDescriptorsIsATypedError) {
  const auto root = OpenOrDie(fs(), world_.root());
  PutFile(root.get(), "f", "x");
  struct rlimit limit {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlim_t before = limit.rlim_cur;
  const int next = ::dup(0);
  ::close(next);
  limit.rlim_cur = static_cast<rlim_t>(next);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  const StatusCode open = root->Open("f").status().code();
  const StatusCode create = root->Create("g").status().code();
  const StatusCode list = root->List().status().code();
  const StatusCode lock = root->Lock("LOCK", false).status().code();
  const StatusCode directory = fs()->OpenDirectory(world_.root(), false).status().code();
  limit.rlim_cur = before;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(open, StatusCode::kResourceExhausted);
  EXPECT_EQ(create, StatusCode::kResourceExhausted);
  EXPECT_EQ(list, StatusCode::kResourceExhausted);
  EXPECT_EQ(lock, StatusCode::kResourceExhausted);
  EXPECT_EQ(directory, StatusCode::kResourceExhausted);
  EXPECT_TRUE(root->Open("f").ok());
}

TEST_F(PosixTest, AWriteOnAFullDeviceIsNoSpaceAndNamesTheFile) {
  // A file size limit is the smallest full disk: EFBIG, and a short write before it.
  const auto root = OpenOrDie(fs(), world_.root());
  const auto file = PutFile(root.get(), "f", "");
  struct rlimit limit {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlim_t before = limit.rlim_cur;
  struct sigaction ignore {
  }, was{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGXFSZ, &ignore, &was);
  limit.rlim_cur = 1000;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  const Status status = file->Write(0, std::string(3000, 'x'));
  limit.rlim_cur = before;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  ::sigaction(SIGXFSZ, &was, nullptr);
  EXPECT_EQ(status.code(), StatusCode::kIoError);
  EXPECT_EQ(status.file(), "f");
  EXPECT_EQ(status.offset(), 1000u);  // what the short write left was tried again
  EXPECT_EQ(Content(*root, "f"), std::string(1000, 'x'));
}

TEST_F(PosixTest, AnotherProcessIsLockedOutAndToldByWhom) {
  const auto root = OpenOrDie(fs(), world_.root());
  const auto lock = root->Lock("LOCK", false);
  ASSERT_TRUE(lock.ok());
  const std::string want = "pid " + std::to_string(::getpid()) + " since 2";
  EXPECT_EQ(Content(*root, "LOCK").substr(0, want.size()), want);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto opened = SystemEnv().fs->OpenDirectory(world_.root(), false);
    const auto second = (*opened)->Lock("LOCK", false);
    const bool told = second.status().code() == StatusCode::kLocked &&
                      second.status().message().find(want) != std::string_view::npos;
    ::_exit(told ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST_F(PosixTest, AnyBytesInTheLockFileMakeAMessageOfOneLine) {
  {
    std::ofstream file(Path("LOCK"), std::ios::binary);
    file << std::string(5000, '\x01') << "\n\xff";
  }
  const auto root = OpenOrDie(fs(), world_.root());
  const auto shared = root->Lock("LOCK", true);
  ASSERT_TRUE(shared.ok());
  const auto second = root->Lock("LOCK", false);
  EXPECT_EQ(second.status().code(), StatusCode::kLocked);
  EXPECT_LT(second.status().message().size(), 200u);
  for (const char c : second.status().message()) EXPECT_GE(c, ' ');
}

TEST_F(PosixTest, AFileThatShrankBetweenOpenAndMapIsDataLoss) {
  const auto root = OpenOrDie(fs(), world_.root());
  const auto writer = PutFile(root.get(), "f", std::string(100'000, 'x'));
  const auto file = root->Open("f");
  ASSERT_EQ(writer->Truncate(10), Status());
  EXPECT_EQ((*file)->Map(Access::kCopy).status().code(), StatusCode::kDataLoss);
  const auto mapping = (*file)->Map(Access::kMap);
  ASSERT_TRUE(mapping.ok());
  EXPECT_EQ((*mapping)->Populate(0, 100'000).code(), StatusCode::kDataLoss);
}

// Where huge pages can be, a copy begins with one; and what was mapped to get there is given back.
TEST_F(PosixTest, ALargeCopyBeginsWithAHugePageAndLeavesNothingBehind) {
  const auto root = OpenOrDie(fs(), world_.root());
  std::string text((std::size_t{5} << 20) + 123, 'x');
  for (std::size_t i = 0; i < text.size(); i += 997) text[i] = static_cast<char>(i);
  PutFile(root.get(), "f", text);
  const auto file = root->Open("f");
  const auto pages_mapped = [] {
    std::uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    return pages;
  };
  const std::uint64_t before = pages_mapped();
  for (int i = 0; i < 50; ++i) {
    const auto mapping = (*file)->Map(Access::kCopy);
    ASSERT_TRUE(mapping.ok()) << mapping.status().ToString();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>((*mapping)->bytes().data()) % (2 << 20), 0u);
    ASSERT_TRUE((*mapping)->bytes() == text);
  }
  EXPECT_LT(pages_mapped(), before + 10 * 512);  // of 50 times 512 and more
}

TEST_F(PosixTest, AHugeSparseFileThatCannotBeCopiedIsATypedError) {
  const auto root = OpenOrDie(fs(), world_.root());
  const auto writer = PutFile(root.get(), "f", "");
  const Status extended = writer->Truncate(std::uint64_t{1} << 43);  // 8 TiB
  if (!extended.ok()) GTEST_SKIP() << "no sparse files of 8 TiB here: " << extended.ToString();
  struct rlimit limit {};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &limit), 0);
  const rlim_t before = limit.rlim_cur;
  const auto file = root->Open("f");
  limit.rlim_cur = rlim_t{1} << 42;
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &limit), 0);
  const StatusCode copy = (*file)->Map(Access::kCopy).status().code();
  limit.rlim_cur = before;
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &limit), 0);
  EXPECT_EQ(copy, StatusCode::kResourceExhausted);
}

TEST_F(PosixTest, RelativePathsWork) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(world_.root());
  {
    const auto directory = OpenOrDie(fs(), "db");
    PutFile(directory.get(), "f", "x");
  }
  EXPECT_EQ(fs()->RenameDirectory("db", "db2"), Status());
  OpenOrDie(fs(), "db2/", false);
  std::filesystem::current_path(before);
  EXPECT_TRUE(std::filesystem::exists(Path("db2/f")));
}

}  // namespace
}  // namespace kyro::io
