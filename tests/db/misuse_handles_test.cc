// SPDX-License-Identifier: Apache-2.0
//
// Every handle of the API after it was moved from, after a failed Open, after Close and in a forked
// child: each call is answered, with kClosed where there is nothing to answer from, and none
// crashes or hangs. On the real file system.
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "db/processes.h"
#include "kyro/db.h"
#include "support/sanitized.h"

namespace kyro::db {
namespace {

namespace fs = std::filesystem;

// The name and the answer of every call that returns one.
using Answers = std::vector<std::pair<std::string, Status>>;

Answers CallAll(Db* db, const std::string& scratch) {
  const Keyspace<U64> none;
  WriteBatch empty;
  return {{"OpenKeyspace", db->OpenKeyspace<U64>("default").status()},
          {"OpenKeyspace<Bytes>", db->OpenKeyspace<Bytes>("words").status()},
          {"ListKeyspaces", db->ListKeyspaces().status()},
          {"DropKeyspace", db->DropKeyspace("default")},
          {"Write", db->Write(empty).status()},
          {"read_point", db->read_point().status()},
          {"Sync", db->Sync()},
          {"Fold", db->Fold()},
          {"RebuildIndex", db->RebuildIndex()},
          {"Warm", db->Warm()},
          {"Checkpoint", db->Checkpoint(scratch + "/never").status()},
          {"Resume", db->Resume()},
          {"Verify", db->Verify()}};
}

Answers CallAll(Keyspace<U64>* space, const ReadPoint& point) {
  std::string value;
  return {{"Put", space->Put(1, "x")},
          {"Delete", space->Delete(1)},
          {"Get", space->Get(1).status()},
          {"Get into", space->Get(1, &value)},
          {"view", space->view().status()},
          {"view of a point", space->view(point).status()},
          {"NewBulkLoader", space->NewBulkLoader().status()}};
}

// Every answer that is not kClosed, as text.
std::string NotClosed(const Answers& answers) {
  std::string text;
  for (const auto& [name, status] : answers) {
    if (status.code() != StatusCode::kClosed) text += name + ": " + status.ToString() + "; ";
  }
  return text;
}

// An open Db with one of every handle on it.
struct Handles {
  explicit Handles(const std::string& path) {
    auto opened = Db::Open(path);
    EXPECT_TRUE(opened.ok()) << opened.status().ToString();
    db.emplace(*std::move(opened));
    space.emplace(*db->OpenKeyspace<U64>());
    loaded.emplace(*db->OpenKeyspace<Bytes>("loaded"));
    for (std::uint64_t key = 0; key < 500; ++key) {
      EXPECT_TRUE(space->Put(key, std::to_string(key), {.durability = Durability::kOs}).ok());
    }
    EXPECT_TRUE(db->Fold().ok());
    EXPECT_TRUE(space->Put(500, "500").ok());
    point.emplace(*db->read_point());
    view.emplace(*space->view());
    iterator.emplace(view->NewIterator());
    iterator->Seek(100);
    scan.emplace(view->scan());
    loader.emplace(*loaded->NewBulkLoader());
    EXPECT_TRUE(loader->Add("a", "1").ok());
    batch.Put(*space, 7, "seven");
  }

  std::optional<Db> db;
  std::optional<Keyspace<U64>> space;
  std::optional<Keyspace<Bytes>> loaded;
  std::optional<ReadPoint> point;
  std::optional<View<U64>> view;
  std::optional<Iterator<U64>> iterator;
  std::optional<Scan<U64>> scan;
  std::optional<BulkLoader<Bytes>> loader;
  WriteBatch batch;
};

// Whether the readers of `handles` still show 501 rows.
bool Readable(Handles* handles) {
  if (handles->view->Get(500).value() != "500" || !handles->view->Get(501).absent()) return false;
  if (!handles->iterator->Valid() || handles->iterator->key() != 100) return false;
  handles->iterator->Next();
  if (handles->iterator->value() != "101") return false;
  std::uint64_t rows = 0;
  for (auto [key, value] : *handles->scan) rows += value == std::to_string(key);
  return handles->scan->status().ok() && rows == 501;
}

TEST(DbMovedFrom, EveryCallSaysClosedAndReadersAreEmptyOrReadable) {
  TemporaryDirectory directory;
  Handles handles(directory.path() + "/db");
  {
    Db moved = std::move(*handles.db);
    EXPECT_EQ(NotClosed(CallAll(&*handles.db, directory.path())), "");
    EXPECT_EQ(handles.db->Close().code(), StatusCode::kClosed);
    EXPECT_EQ(handles.db->stats().commits, 0u);
    *handles.db = std::move(moved);
    EXPECT_EQ(NotClosed(CallAll(&moved, directory.path())), "");
  }
  EXPECT_TRUE(handles.db->Sync().ok());
  {
    Keyspace<U64> moved = std::move(*handles.space);
    EXPECT_EQ(NotClosed(CallAll(&*handles.space, *handles.point)), "");
    WriteBatch batch;
    batch.Put(*handles.space, 1, "x");
    EXPECT_EQ(handles.db->Write(batch).status().code(), StatusCode::kKeyspaceMismatch);
    *handles.space = std::move(moved);
  }
  Iterator<U64> iterator = std::move(*handles.iterator);
  EXPECT_FALSE(handles.iterator->Valid());
  handles.iterator->SeekToFirst();
  handles.iterator->Next();
  EXPECT_FALSE(handles.iterator->Valid());
  EXPECT_FALSE(handles.iterator->status().ok());
  Scan<U64> scan = std::move(*handles.scan);
  for (auto [key, value] : *handles.scan) ADD_FAILURE() << "a row of nothing: " << key << value;
  EXPECT_FALSE(handles.scan->status().ok());
  const View<U64> view = std::move(*handles.view);
  EXPECT_EQ(handles.view->Get(500).value(), "500");
  EXPECT_EQ(view.Get(500).value(), "500");
  BulkLoader<Bytes> loader = std::move(*handles.loader);
  EXPECT_EQ(handles.loader->Add("b", "2").code(), StatusCode::kClosed);
  EXPECT_EQ(handles.loader->Finish().status().code(), StatusCode::kClosed);
  EXPECT_EQ(handles.loader->count(), 0u);
  EXPECT_TRUE(loader.Finish().ok());
  EXPECT_EQ(loader.Finish().status().code(), StatusCode::kInvalidArgument);
  ReadPoint point = std::move(*handles.point);
  EXPECT_EQ(handles.point->sequence(), 0u);
  EXPECT_EQ(handles.space->view(*handles.point).status().code(), StatusCode::kKeyspaceMismatch);
  WriteBatch batch = std::move(handles.batch);
  EXPECT_TRUE(handles.db->Write(batch).ok());
  EXPECT_FALSE(handles.db->Write(handles.batch).status().code() == StatusCode::kInternal);
}

TEST(DbClosed, EveryHandleSaysSoAndReadersGoOn) {
  TemporaryDirectory directory;
  Handles handles(directory.path() + "/db");
  ASSERT_TRUE(handles.db->Close().ok());
  EXPECT_EQ(NotClosed(CallAll(&*handles.db, directory.path())), "");
  EXPECT_EQ(NotClosed(CallAll(&*handles.space, *handles.point)), "");
  EXPECT_EQ(handles.loader->Add("b", "2").code(), StatusCode::kClosed);
  EXPECT_EQ(handles.loader->Finish().status().code(), StatusCode::kClosed);
  EXPECT_EQ(handles.db->Write(handles.batch).status().code(), StatusCode::kClosed);
  EXPECT_TRUE(Readable(&handles));
  handles.db.reset();
  EXPECT_EQ(NotClosed(CallAll(&*handles.space, *handles.point)), "");
  EXPECT_EQ(handles.view->Get(500).value(), "500");
  EXPECT_TRUE(Db::Open(directory.path() + "/db").ok());
}

TEST(DbFailedOpen, LeavesNoLockNoDescriptorAndNoFile) {
  const auto descriptors = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  };
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/db";
  { Handles handles(path); }
  const auto before = descriptors();
  Options wrong;
  wrong.delta_bytes = 1;
  Options exclusive;
  exclusive.error_if_exists = true;
  EXPECT_EQ(Db::Open(path, wrong).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Db::Open(path, exclusive).status().code(), StatusCode::kAlreadyExists);
  fs::rename(path + "/MANIFEST", directory.path() + "/away");
  EXPECT_EQ(Db::Open(path).status().code(), StatusCode::kDataLoss);
  fs::rename(directory.path() + "/away", path + "/MANIFEST");
  wrong = Options();
  wrong.open_progress.on_progress = [](std::uint64_t, std::uint64_t) { return false; };
  (void)Db::Open(path, wrong);
  Options missing;
  missing.create_if_missing = false;
  EXPECT_EQ(Db::Open(directory.path() + "/none", missing).status().code(), StatusCode::kNotFound);
  EXPECT_FALSE(fs::exists(directory.path() + "/none"));
  EXPECT_EQ(descriptors(), before);
  auto db = Db::Open(path);
  ASSERT_TRUE(db.ok()) << db.status().ToString();
  EXPECT_EQ(*db->OpenKeyspace<U64>()->Get(500), "500");
}

// ---------------------------------------------------------------------------------- forks

// Everything that a child may do with what it inherited. 0 if all is as it must be.
int UseInChild(Handles* handles, const std::string& scratch) {
  if (!NotClosed(CallAll(&*handles->db, scratch)).empty()) return 1;
  if (!NotClosed(CallAll(&*handles->space, *handles->point)).empty()) return 2;
  if (handles->loader->Add("b", "2").code() != StatusCode::kClosed) return 3;
  if (handles->loader->Finish().status().code() != StatusCode::kClosed) return 4;
  if (handles->db->Write(handles->batch).status().code() != StatusCode::kClosed) return 5;
  if (handles->db->stats().stall != StallReason::kClosed) return 6;
  if (handles->view->Get(500).value() != "500") return 7;
  handles->loader.reset();
  handles->scan.reset();
  handles->iterator.reset();
  handles->view.reset();
  handles->point.reset();
  if (handles->db->Close().code() != StatusCode::kClosed) return 8;
  if (handles->db->stats().stall != StallReason::kClosed) return 9;
  handles->db.reset();
  handles->space.reset();
  handles->loaded.reset();
  return 0;
}

TEST(DbFork, EveryHandleSaysClosedAndTheParentKeepsEverything) {
  TemporaryDirectory directory;
  Handles handles(directory.path() + "/db");
  const int status = InChild([&] { return UseInChild(&handles, directory.path()); });
  EXPECT_EQ(EndOf(status), "exit 0");
  EXPECT_TRUE(handles.loader->Add("b", "2").ok());
  EXPECT_TRUE(handles.loader->Finish().ok());
  EXPECT_EQ(*handles.loaded->Get("a"), "1");
  EXPECT_TRUE(Readable(&handles));
  EXPECT_TRUE(handles.db->Write(handles.batch).ok());
  EXPECT_TRUE(handles.db->Verify().ok());
  EXPECT_TRUE(handles.db->Close().ok());
}

// Threads of the parent hold any lock at the moment of the fork. glibc's allocator is ready for
// that; the sanitizers' are from LLVM 18 (address) and 19 (thread) on only, and hang the child.
TEST(DbFork, WhileTheParentIsAtWorkHangsNobody) {
  if (support::kSanitized) GTEST_SKIP() << "a fork may find the runtime's allocator locked";
  TemporaryDirectory directory;
  Handles handles(directory.path() + "/db");
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  std::atomic<std::uint64_t> written{0};
  threads.emplace_back([&] {
    for (std::uint64_t i = 1000; !stop; ++i) {
      ASSERT_TRUE(handles.space->Put(i, "new", {.durability = Durability::kOs}).ok());
      written = i;
    }
  });
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      while (!stop) {
        const auto view = handles.space->view();
        ASSERT_TRUE(view.ok());
        ASSERT_EQ(view->Get(500).value(), "500");
        (void)handles.db->stats();
      }
    });
  }
  threads.emplace_back([&] {
    while (!stop) ASSERT_TRUE(handles.db->Fold().ok());
  });
  for (int round = 0; round < 40; ++round) {
    const int status = InChild([&] { return UseInChild(&handles, directory.path()); });
    EXPECT_EQ(EndOf(status), "exit 0") << "round " << round;
    if (HasFailure()) break;
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  for (std::uint64_t i = 1000; i <= written; ++i) ASSERT_EQ(*handles.space->Get(i), "new");
  EXPECT_TRUE(handles.loader->Finish().ok());
  EXPECT_TRUE(handles.db->Verify().ok());
  EXPECT_TRUE(handles.db->Close().ok());
}

}  // namespace
}  // namespace kyro::db
