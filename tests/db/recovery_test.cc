// SPDX-License-Identifier: Apache-2.0
//
// Recovery where neither a crash nor a flipped byte leads: logs that say what the manifest cannot
// know, and a directory that nothing can be installed in.
#include "db/recovery.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>

#include "batch/batch.h"
#include "db/model.h"
#include "wal/writer.h"

namespace kyro::db {
namespace {

using support::TestEnv;

// ---------------------------------------------------------------------------------- replay

// A log of one commit, and a manifest that has keyspace 1 with u64 keys and names that log.
class ReplayTest : public testing::Test {
 protected:
  void Write(std::uint32_t keyspace, KeyKind kind, std::string_view key) {
    directory_ = *world_.fs().OpenDirectory("/db", true);
    manifest_.database = Uuid{1, 2};
    manifest_.generation = 1;
    manifest_.next_keyspace = 2;
    manifest_.keyspaces = {{1, KeyKind::kU64, "numbers", {}}};
    auto writer =
        *wal::Writer::Create(directory_.get(), &world_.random(), manifest_.database, 1, 4096);
    manifest_.wal_floor = manifest_.wal_newest = writer->id();
    wal::RecordInfo info;
    info.first = 1;
    info.manifest = mark_;
    ASSERT_TRUE(writer->AppendLink(info, wal::Link{}).ok());
    std::string batch;
    batch::Clear(&batch);
    batch::Op op;
    op.keyspace = keyspace;
    op.key_kind = kind;
    op.key = key;
    op.value = "value";
    ASSERT_TRUE(batch::Append(&batch, op).ok());
    std::string buffer(wal::kRecordHeaderBytes, '\0');
    wal::AddBatch(&buffer, batch);
    info.last = 1;
    info.batches = 1;
    ASSERT_TRUE(writer->Append(info, &buffer).ok());
    ASSERT_TRUE(writer->Sync().ok());
  }
  Status Replayed() {
    auto chain = wal::ScanChain(*directory_, ChainStartOf(manifest_, mark_));
    if (!chain.ok()) return chain.status();
    recovered_.chain = *std::move(chain);
    return Replay(*directory_, manifest_, mark_, {.budget_bytes = 1 << 20}, &recovered_);
  }

  const ManifestMark mark_{1, 0x77};
  TestEnv world_;
  std::unique_ptr<io::Directory> directory_;
  manifest::Manifest manifest_;
  Recovered recovered_;
};

TEST_F(ReplayTest, ACommitOfAKeyspaceThatIsThereIsInMemory) {
  Write(1, KeyKind::kU64, "12345678");
  ASSERT_TRUE(Replayed().ok());
  EXPECT_EQ(recovered_.batches, 1u);
  EXPECT_EQ(recovered_.last_sequence, 1u);
  EXPECT_FALSE(recovered_.active->empty());
}

TEST_F(ReplayTest, OneOfADroppedKeyspaceIsPassedOver) {
  Write(2, KeyKind::kBytes, "key");
  manifest_.next_keyspace = 3;
  const Status status = Replayed();
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(recovered_.last_sequence, 1u);
  EXPECT_TRUE(recovered_.active->empty());
}

TEST_F(ReplayTest, OneOfAKeyspaceThatNeverWasIsDamage) {
  Write(2, KeyKind::kBytes, "key");
  const Status status = Replayed();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_EQ(status.message(), "sequence 1 names keyspace 2, but the manifest none above 1");
}

TEST_F(ReplayTest, OneWithKeysOfAnotherKindIsDamage) {
  Write(1, KeyKind::kBytes, "key");
  const Status status = Replayed();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_EQ(status.message(), "sequence 1 has keys of kind 2 for keyspace 1, want 1");
}

// ---------------------------------------------------------------------------------- leftovers

// What is left over is deleted under a manifest that was installed again. Without the space for
// that it stays, and all the rest goes on.
TEST(DbRecovery, OrphansWaitForTheSpaceToInstallAManifest) {
  TestEnv world;
  {
    auto db = OpenFour(Options(), world.env());
    ASSERT_TRUE(db.ok());
    ASSERT_TRUE((*db)->spaces[0]->Put(U64Key(1), "one", {}).ok());
    ASSERT_TRUE((*db)->db.Fold().ok());
    ASSERT_TRUE((*db)->db.Close().ok());
  }
  std::string keys;
  for (const std::string& name : world.fs().ListNames("/db")) {
    if (name.ends_with(".keys")) keys = *world.fs().ReadFile("/db/" + name);
  }
  const std::string orphan = "/db/000777.keys";
  const std::string half = "/db/000778.data.tmp";
  ASSERT_TRUE(world.fs().ReplaceFile(orphan, keys).ok());
  ASSERT_TRUE(world.fs().ReplaceFile(half, "half").ok());
  const std::string manifest = *world.fs().ReadFile("/db/MANIFEST");
  world.fs().SetFreeBytes(0);
  for (const bool space : {false, true}) {
    SCOPED_TRACE(space);
    if (space) world.fs().SetFreeBytes(std::uint64_t{1} << 40);
    auto db = OpenFour(Options(), world.env());
    ASSERT_TRUE(db.ok()) << db.status().ToString();
    EXPECT_EQ(world.fs().Exists(orphan), !space);
    EXPECT_FALSE(world.fs().Exists(half));  // no manifest can have named it
    std::string value;
    EXPECT_TRUE((*db)->spaces[0]->Get(U64Key(1), &value).ok());
    EXPECT_EQ(value, "one");
    EXPECT_TRUE((*db)->db.Close().ok());
    EXPECT_EQ(*world.fs().ReadFile("/db/MANIFEST") == manifest, !space);
  }
}

// ---------------------------------------------------------------------------------- models

// A model that a power cut spoiled is trained anew, and no answer is wrong: nobody else would tell.
TEST(Retrained, TheModelIsThereAfterAPowerCut) {
  TestEnv world;
  const Options options = TinyOptions();
  auto db = *Door::Open("/db", options, world.env());
  auto numbers = *db.OpenKeyspace<U64>("numbers");
  for (std::uint64_t key = 0; key < 500; ++key) {
    ASSERT_TRUE(numbers.Put(key * key, std::to_string(key), {.durability = Durability::kOs}).ok());
  }
  ASSERT_TRUE(db.Fold().ok());
  ASSERT_TRUE(db.RebuildIndex().ok());
  ASSERT_EQ(db.stats().retrains, 1u);
  ASSERT_GT(db.stats().model_bytes, 0u);
  for (const support::Unsynced unsynced :
       {support::Unsynced::kAllOld, support::Unsynced::kNewNamesOldBytes,
        support::Unsynced::kNewNamesZeros}) {
    auto cut = world.Crash(support::CrashKind::kPowerCut, world.fs().event_count(), 1, unsynced);
    auto again = Door::Open("/db", options, cut->env());
    ASSERT_TRUE(again.ok()) << again.status().ToString();
    EXPECT_EQ(again->stats().models_damaged, 0u);
    EXPECT_EQ(again->stats().model_bytes, db.stats().model_bytes);
    EXPECT_TRUE(again->Verify().ok());
  }
}

}  // namespace
}  // namespace kyro::db
