// SPDX-License-Identifier: Apache-2.0
//
// What every FileSystem promises, held against POSIX and SimFs alike.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "io/worlds.h"

namespace kyro::io {
namespace {

template <class World>
class FileSystemTest : public ::testing::Test {
 protected:
  FileSystem* fs() { return world_.fs(); }
  std::string Path(const std::string& name) { return world_.root() + "/" + name; }
  std::unique_ptr<Directory> Root() { return OpenOrDie(fs(), world_.root()); }

  World world_;
};

class WorldNames {
 public:
  template <class World>
  static std::string GetName(int) {
    return std::is_same_v<World, PosixWorld> ? "Posix" : "Sim";
  }
};
using Worlds = ::testing::Types<PosixWorld, SimWorld>;
TYPED_TEST_SUITE(FileSystemTest, Worlds, WorldNames);

std::string Pattern(std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>('a' + i * 7 % 26 + i / 512);
  return text;
}

StatusCode CodeOf(const Status& status) {
  return status.code();
}
template <class T>
StatusCode CodeOf(const Result<T>& result) {
  return result.status().code();
}

// --- Directories ---

TYPED_TEST(FileSystemTest, AnAbsentDirectoryIsNotFoundUnlessItIsToBeMade) {
  EXPECT_EQ(CodeOf(this->fs()->OpenDirectory(this->Path("db"), false)), StatusCode::kNotFound);
  OpenOrDie(this->fs(), this->Path("db"));
  OpenOrDie(this->fs(), this->Path("db"), false);
  OpenOrDie(this->fs(), this->Path("db/"), false);
}

TYPED_TEST(FileSystemTest, ADirectoryWithoutAParentIsNotMade) {
  EXPECT_EQ(CodeOf(this->fs()->OpenDirectory(this->Path("no/db"), true)),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(this->fs()->OpenDirectory(this->Path("no/db"), false)), StatusCode::kNotFound);
}

TYPED_TEST(FileSystemTest, AFileIsNoDirectory) {
  PutFile(this->Root().get(), "f", "x");
  EXPECT_EQ(CodeOf(this->fs()->OpenDirectory(this->Path("f"), false)),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(this->fs()->OpenDirectory(this->Path("f"), true)), StatusCode::kInvalidArgument);
}

TYPED_TEST(FileSystemTest, ARenamedDirectoryKeepsItsFilesAndItsHandles) {
  const auto directory = OpenOrDie(this->fs(), this->Path("a.tmp"));
  PutFile(directory.get(), "f", "content");
  ASSERT_EQ(this->fs()->RenameDirectory(this->Path("a.tmp"), this->Path("a")), Status());
  EXPECT_EQ(CodeOf(this->fs()->OpenDirectory(this->Path("a.tmp"), false)), StatusCode::kNotFound);
  EXPECT_EQ(Content(*OpenOrDie(this->fs(), this->Path("a"), false), "f"), "content");
  EXPECT_EQ(Content(*directory, "f"), "content");
}

TYPED_TEST(FileSystemTest, RenameDirectoryNeverReplaces) {
  OpenOrDie(this->fs(), this->Path("a"));
  OpenOrDie(this->fs(), this->Path("b"));
  EXPECT_EQ(CodeOf(this->fs()->RenameDirectory(this->Path("a"), this->Path("b"))),
            StatusCode::kAlreadyExists);
  EXPECT_EQ(CodeOf(this->fs()->RenameDirectory(this->Path("none"), this->Path("c"))),
            StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(this->fs()->RenameDirectory(this->Path("a"), this->Path("b/a"))),
            StatusCode::kInvalidArgument);
}

TYPED_TEST(FileSystemTest, ListIsSortedAndTellsFilesFromTheRest) {
  const auto root = this->Root();
  PutFile(root.get(), "b", "12345");
  PutFile(root.get(), "a", "");
  OpenOrDie(this->fs(), this->Path("c"));
  const auto entries = root->List();
  ASSERT_TRUE(entries.ok());
  ASSERT_EQ(entries->size(), 3u);
  const std::vector<DirectoryEntry>& list = *entries;
  EXPECT_EQ(list[0].name, "a");
  EXPECT_EQ(list[0].type, FileType::kRegular);
  EXPECT_EQ(list[0].bytes, 0u);
  EXPECT_EQ(list[1].name, "b");
  EXPECT_EQ(list[1].bytes, 5u);
  EXPECT_EQ(list[2].name, "c");
  EXPECT_EQ(list[2].type, FileType::kOther);
  // A second listing starts at the beginning again.
  EXPECT_EQ(root->List()->size(), 3u);
}

TYPED_TEST(FileSystemTest, FreeBytesIsKnown) {
  const auto free = this->Root()->FreeBytes();
  ASSERT_TRUE(free.ok());
  EXPECT_GT(*free, 0u);
}

// --- Names ---

TYPED_TEST(FileSystemTest, CreateRefusesATakenName) {
  const auto root = this->Root();
  PutFile(root.get(), "f", "first");
  const auto again = root->Create("f");
  EXPECT_EQ(CodeOf(again), StatusCode::kAlreadyExists);
  EXPECT_EQ(again.status().file(), "f");
  EXPECT_EQ(Content(*root, "f"), "first");
}

TYPED_TEST(FileSystemTest, AnAbsentFileIsNotFoundByEveryCall) {
  const auto root = this->Root();
  EXPECT_EQ(CodeOf(root->Open("f")), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(root->OpenForWrite("f")), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(root->FileBytes("f")), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(root->Rename("f", "g")), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(root->Link("f", root.get(), "g")), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(root->Unlink("f")), StatusCode::kNotFound);
  EXPECT_EQ(CodeOf(ReadWholeFile(*root, "f", 10)), StatusCode::kNotFound);
}

TYPED_TEST(FileSystemTest, ANameThatLeadsOutOfTheDirectoryIsRefused) {
  const auto root = this->Root();
  PutFile(root.get(), "f", "x");
  for (const std::string_view name :
       {std::string_view(""), std::string_view("."), std::string_view(".."),
        std::string_view("../f"), std::string_view("a/b"), std::string_view("f\0g", 3)}) {
    EXPECT_EQ(CodeOf(root->Open(name)), StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(CodeOf(root->OpenForWrite(name)), StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(CodeOf(root->Create(name)), StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(CodeOf(root->FileBytes(name)), StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(CodeOf(root->Unlink(name)), StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(CodeOf(root->Rename("f", name)), StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(CodeOf(root->Rename(name, "g")), StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(CodeOf(root->Link("f", root.get(), name)), StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(CodeOf(root->Lock(name, false)), StatusCode::kInvalidArgument) << name;
  }
  EXPECT_EQ(root->List()->size(), 1u);
}

TYPED_TEST(FileSystemTest, ADirectoryIsNotOpenedAsAFile) {
  const auto root = this->Root();
  OpenOrDie(this->fs(), this->Path("sub"));
  EXPECT_EQ(CodeOf(root->Open("sub")), StatusCode::kIoError);
  EXPECT_EQ(CodeOf(root->OpenForWrite("sub")), StatusCode::kIoError);
  EXPECT_EQ(CodeOf(root->FileBytes("sub")), StatusCode::kIoError);
  EXPECT_EQ(CodeOf(root->Lock("sub", false)), StatusCode::kIoError);
  EXPECT_EQ(CodeOf(root->Unlink("sub")), StatusCode::kIoError);
  EXPECT_EQ(CodeOf(root->Create("sub")), StatusCode::kAlreadyExists);
}

TYPED_TEST(FileSystemTest, RenameReplacesItsTarget) {
  const auto root = this->Root();
  PutFile(root.get(), "old", "old");
  PutFile(root.get(), "new", "new content");
  const auto open_before = root->Open("old");
  ASSERT_EQ(root->Rename("new", "old"), Status());
  EXPECT_EQ(Content(*root, "old"), "new content");
  EXPECT_EQ(CodeOf(root->Open("new")), StatusCode::kNotFound);
  // Who had it open reads on.
  char was[3];
  ASSERT_EQ((*open_before)->Read(0, 3, was).value(), 3u);
  EXPECT_EQ(std::string_view(was, 3), "old");
}

TYPED_TEST(FileSystemTest, ALinkIsTheSameFileInAnotherDirectory) {
  const auto root = this->Root();
  const auto other = OpenOrDie(this->fs(), this->Path("other"));
  const auto file = PutFile(root.get(), "f", "shared");
  ASSERT_EQ(root->Link("f", other.get(), "g"), Status());
  EXPECT_EQ(CodeOf(root->Link("f", other.get(), "g")), StatusCode::kAlreadyExists);
  ASSERT_EQ(file->Write(6, " bytes"), Status());
  EXPECT_EQ(Content(*other, "g"), "shared bytes");
  ASSERT_EQ(root->Unlink("f"), Status());
  EXPECT_EQ(Content(*other, "g"), "shared bytes");
}

TYPED_TEST(FileSystemTest, AnUnlinkedFileStaysReadableWhileOpen) {
  const auto root = this->Root();
  PutFile(root.get(), "f", "content");
  const auto file = root->Open("f");
  ASSERT_EQ(root->Unlink("f"), Status());
  EXPECT_EQ(CodeOf(root->Open("f")), StatusCode::kNotFound);
  const auto mapping = (*file)->Map(Access::kMap);
  ASSERT_TRUE(mapping.ok());
  EXPECT_EQ((*mapping)->bytes(), "content");
  EXPECT_EQ(root->Sync(), Status());
}

// --- Reading and writing ---

TYPED_TEST(FileSystemTest, ReadsGiveBackWhatWasWrittenAndStopAtTheEnd) {
  const auto root = this->Root();
  const std::string text = Pattern(20000);
  const auto file = PutFile(root.get(), "f", text);
  std::string got(30000, '?');
  EXPECT_EQ(file->Read(0, got.size(), got.data()).value(), text.size());
  EXPECT_EQ(got.substr(0, text.size()), text);
  EXPECT_EQ(file->Read(20000, 10, got.data()).value(), 0u);
  EXPECT_EQ(file->Read(99999, 10, got.data()).value(), 0u);

  const auto random = root->Open("f");
  ASSERT_TRUE(random.ok());
  EXPECT_EQ((*random)->bytes(), text.size());
  EXPECT_EQ((*random)->Read(12345, 100, got.data()).value(), 100u);
  EXPECT_EQ(got.substr(0, 100), text.substr(12345, 100));
  EXPECT_EQ((*random)->Read(19990, 100, got.data()).value(), 10u);
  EXPECT_EQ(root->FileBytes("f").value(), text.size());
}

TYPED_TEST(FileSystemTest, WritesExtendOverwriteAndLeaveZerosBetween) {
  const auto root = this->Root();
  const auto file = PutFile(root.get(), "f", "aaaa");
  ASSERT_EQ(file->Write(10000, "zz"), Status());
  ASSERT_EQ(file->Write(1, "bb"), Status());
  ASSERT_EQ(file->Write(0, ""), Status());
  std::string want = "abba" + std::string(9996, '\0') + "zz";
  EXPECT_EQ(Content(*root, "f"), want);
  file->StartWriteback(0, 10002);
  EXPECT_EQ(file->Sync(), Status());
  EXPECT_EQ(Content(*root, "f"), want);
}

TYPED_TEST(FileSystemTest, TruncateCutsAndExtendsWithZeros) {
  const auto root = this->Root();
  const auto file = PutFile(root.get(), "f", Pattern(6000));
  ASSERT_EQ(file->Truncate(700), Status());
  ASSERT_EQ(file->Truncate(5000), Status());
  EXPECT_EQ(Content(*root, "f"), Pattern(700) + std::string(4300, '\0'));
}

TYPED_TEST(FileSystemTest, OpenForWriteKeepsTheContent) {
  const auto root = this->Root();
  PutFile(root.get(), "f", "content");
  auto file = root->OpenForWrite("f");
  ASSERT_TRUE(file.ok());
  ASSERT_EQ((*file)->Write(3, "T"), Status());
  EXPECT_EQ(Content(*root, "f"), "conTent");
}

TYPED_TEST(FileSystemTest, ReadDeviceReadsAnyRangeOfASyncedFile) {
  const auto root = this->Root();
  const std::string text = Pattern(600'000);  // more than one bounce buffer
  PutFile(root.get(), "f", text);
  const auto file = root->Open("f");
  const auto mapping = (*file)->Map(Access::kMap);  // so that its pages cannot simply be dropped
  ASSERT_EQ((*mapping)->Populate(0, text.size()), Status());
  std::string got(700'000, '?');
  for (const auto& [offset, bytes] :
       std::vector<std::pair<std::uint64_t, std::size_t>>{{0, 600'000},
                                                          {0, 1},
                                                          {4095, 2},
                                                          {511, 300'000},
                                                          {599'999, 1},
                                                          {599'990, 100},
                                                          {600'000, 5},
                                                          {700'000, 5},
                                                          {0, 700'000},
                                                          {5, 0}}) {
    const std::string want =
        offset < text.size() ? text.substr(static_cast<std::size_t>(offset), bytes) : "";
    const auto read = (*file)->ReadDevice(offset, bytes, got.data());
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    EXPECT_EQ(*read, want.size()) << offset << "+" << bytes;
    EXPECT_TRUE(got.substr(0, *read) == want) << offset << "+" << bytes;
  }
  (*file)->DropCache(0, text.size());
  EXPECT_TRUE(Content(*root, "f") == text);
}

TYPED_TEST(FileSystemTest, ReadWholeFileRefusesMoreThanItsLimit) {
  const auto root = this->Root();
  PutFile(root.get(), "f", "12345");
  EXPECT_EQ(ReadWholeFile(*root, "f", 5).value(), "12345");
  const auto refused = ReadWholeFile(*root, "f", 4);
  EXPECT_EQ(CodeOf(refused), StatusCode::kDataLoss);
  EXPECT_EQ(refused.status().file(), "f");
}

// --- Mappings ---

TYPED_TEST(FileSystemTest, AMappingHoldsTheWholeFileAndOutlivesIt) {
  const auto root = this->Root();
  const std::string text = Pattern(123'456);
  PutFile(root.get(), "f", text);
  for (const Access access : {Access::kMap, Access::kCopy}) {
    std::unique_ptr<Mapping> mapping;
    {
      const auto file = root->Open("f");
      auto mapped = (*file)->Map(access);
      ASSERT_TRUE(mapped.ok()) << mapped.status().ToString();
      mapping = std::move(mapped).value();
    }
    EXPECT_TRUE(mapping->bytes() == text);
    EXPECT_EQ(mapping->Populate(0, text.size()), Status());
    EXPECT_EQ(mapping->Populate(5000, 1), Status());
    EXPECT_EQ(mapping->Populate(text.size(), 0), Status());
    EXPECT_EQ(CodeOf(mapping->Populate(text.size(), 1)), StatusCode::kInvalidArgument);
    EXPECT_EQ(CodeOf(mapping->Populate(1, ~std::uint64_t{0})), StatusCode::kInvalidArgument);
  }
}

TYPED_TEST(FileSystemTest, AnEmptyFileMapsToZeroBytes) {
  const auto root = this->Root();
  PutFile(root.get(), "f", "");
  for (const Access access : {Access::kMap, Access::kCopy}) {
    const auto mapping = (*root->Open("f"))->Map(access);
    ASSERT_TRUE(mapping.ok()) << mapping.status().ToString();
    EXPECT_TRUE((*mapping)->bytes().empty());
    EXPECT_EQ((*mapping)->Populate(0, 0), Status());
  }
}

TYPED_TEST(FileSystemTest, PopulateOfATruncatedFileIsAnErrorAndNoSignal) {
  const auto root = this->Root();
  const auto writer = PutFile(root.get(), "f", Pattern(100'000));
  const auto file = root->Open("f");
  const auto mapping = (*file)->Map(Access::kMap);
  const auto copy = (*file)->Map(Access::kCopy);
  ASSERT_EQ(writer->Truncate(50'000), Status());
  EXPECT_EQ((*mapping)->Populate(0, 50'000), Status());
  // In the page that was cut, and beyond it.
  for (const std::uint64_t end : {50'001u, 100'000u}) {
    const Status truncated = (*mapping)->Populate(0, end);
    EXPECT_EQ(CodeOf(truncated), StatusCode::kDataLoss);
    EXPECT_EQ(truncated.file(), "f");
    EXPECT_EQ(truncated.offset(), 50'000u);
  }
  EXPECT_EQ(CodeOf((*mapping)->Populate(90'000, 10)), StatusCode::kDataLoss);
  EXPECT_EQ((*copy)->Populate(0, 100'000), Status());
  EXPECT_TRUE((*copy)->bytes() == Pattern(100'000));
}

// --- Locks ---

TYPED_TEST(FileSystemTest, OneExclusiveLockOrManyShared) {
  const auto root = this->Root();
  const auto again = this->Root();
  {
    const auto exclusive = root->Lock("LOCK", false);
    ASSERT_TRUE(exclusive.ok()) << exclusive.status().ToString();
    const auto second = again->Lock("LOCK", false);
    EXPECT_EQ(CodeOf(second), StatusCode::kLocked);
    EXPECT_NE(second.status().message().find("pid "), std::string::npos)
        << second.status().message();
    EXPECT_NE(second.status().message().find(" since "), std::string::npos);
    EXPECT_EQ(CodeOf(again->Lock("LOCK", true)), StatusCode::kLocked);
    EXPECT_EQ(CodeOf(root->Lock("LOCK", false)), StatusCode::kLocked);
    // Reading the file must not drop the lock, as it would with process locks.
    Content(*root, "LOCK");
    EXPECT_EQ(CodeOf(again->Lock("LOCK", false)), StatusCode::kLocked);
  }
  const auto shared = root->Lock("LOCK", true);
  const auto shared_too = again->Lock("LOCK", true);
  ASSERT_TRUE(shared.ok());
  ASSERT_TRUE(shared_too.ok());
  EXPECT_EQ(CodeOf(again->Lock("LOCK", false)), StatusCode::kLocked);
}

TYPED_TEST(FileSystemTest, ALockIsFreeAgainOnceItsHolderIsGone) {
  const auto root = this->Root();
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(root->Lock("LOCK", false).ok());
    EXPECT_TRUE(root->Lock("LOCK", true).ok());
  }
}

}  // namespace
}  // namespace kyro::io
