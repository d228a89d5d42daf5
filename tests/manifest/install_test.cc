// SPDX-License-Identifier: Apache-2.0
//
// Installing a manifest: whatever fails, and wherever the machine dies, the old one or the new one
// is there, whole; and the outcome says which.
#include <gtest/gtest.h>

#include "manifest/example.h"
#include "manifest/manifest.h"
#include "support/fault_fs.h"
#include "support/sim_fs.h"

namespace kyro::manifest {
namespace {

using support::CrashKind;
using support::Fault;
using support::FaultFs;
using support::FsOp;
using support::FsOps;
using support::SimFs;

constexpr char kPath[] = "/db";

Manifest Generation(std::uint64_t generation) {
  Manifest manifest = Example();
  manifest.generation = generation;
  // More than one sector, and different in each.
  for (std::size_t i = 0; i < 4; ++i) {
    manifest.keyspaces[2].runs[0].segments[0].last_key =
        std::string(2000, static_cast<char>('a' + generation));
  }
  return manifest;
}

Installed Install(io::Directory* directory, std::uint64_t generation) {
  return InstallManifest(directory, Generation(generation),
                         CountingUuid(static_cast<unsigned char>(generation)));
}

std::unique_ptr<io::Directory> Open(io::FileSystem* fs) {
  auto directory = fs->OpenDirectory(kPath, true);
  EXPECT_TRUE(directory.ok());
  return std::move(directory).value();
}

// The generation that is there, whole; 0 if there is none.
std::uint64_t Loaded(io::FileSystem* fs) {
  const auto loaded = LoadManifest(*Open(fs));
  if (loaded.status().code() == StatusCode::kNotFound) return 0;
  EXPECT_TRUE(loaded.ok()) << loaded.status().ToString();
  if (!loaded.ok()) return ~std::uint64_t{0};
  EXPECT_EQ(loaded->manifest, Generation(loaded->manifest.generation));
  return loaded->manifest.generation;
}

TEST(InstallManifest, ReplacesTheOldOne) {
  SimFs fs;
  const auto directory = Open(&fs);
  EXPECT_EQ(LoadManifest(*directory).status().code(), StatusCode::kNotFound);
  for (std::uint64_t generation = 1; generation <= 3; ++generation) {
    const Installed installed = Install(directory.get(), generation);
    ASSERT_TRUE(installed.status.ok()) << installed.status.ToString();
    EXPECT_EQ(installed.outcome, InstallOutcome::kInstalled);
    const auto loaded = LoadManifest(*directory);
    ASSERT_TRUE(loaded.ok());
    EXPECT_EQ(loaded->manifest, Generation(generation));
    EXPECT_EQ(loaded->mark, installed.mark);
    EXPECT_EQ(loaded->mark.generation, generation);
    EXPECT_EQ(loaded->bytes, *directory->FileBytes(kManifestName));
    EXPECT_FALSE(loaded->read_only);
    EXPECT_EQ(fs.ListNames(kPath), std::vector<std::string>{"MANIFEST"});
  }
}

TEST(InstallManifest, ALeftoverTemporaryFileIsReplaced) {
  SimFs fs;
  const auto directory = Open(&fs);
  ASSERT_TRUE(fs.ReplaceFile("/db/MANIFEST.tmp", std::string(100000, 'x')).ok());
  EXPECT_EQ(Install(directory.get(), 1).outcome, InstallOutcome::kInstalled);
  EXPECT_EQ(Loaded(&fs), 1u);
}

TEST(InstallManifest, WhatCouldNotBeReadBackIsNotWritten) {
  SimFs fs;
  const auto directory = Open(&fs);
  ASSERT_TRUE(Install(directory.get(), 1).status.ok());
  Manifest bad = Generation(2);
  bad.keyspaces[0].id = 0;
  const Installed installed = InstallManifest(directory.get(), bad, kExampleFile);
  EXPECT_EQ(installed.outcome, InstallOutcome::kNotInstalled);
  EXPECT_EQ(installed.status.code(), StatusCode::kInternal);
  EXPECT_EQ(Loaded(&fs), 1u);
}

TEST(InstallManifest, RotIsRefusedWithTheFilesName) {
  SimFs fs;
  ASSERT_TRUE(Install(Open(&fs).get(), 1).status.ok());
  ASSERT_TRUE(fs.FlipByte("/db/MANIFEST", 600, 4).ok());
  const auto loaded = LoadManifest(*Open(&fs));
  EXPECT_EQ(loaded.status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(loaded.status().file(), kManifestName);
}

// Every call of an install fails in turn. The old manifest stands unless the outcome says that it
// may not; and a power cut leaves what the outcome says.
TEST(InstallManifest, EveryFailedStepHasItsOutcome) {
  for (const bool after : {false, true}) {
    std::uint64_t failures = 0;
    std::uint64_t in_doubt = 0;
    for (std::uint64_t nth = 1;; ++nth) {
      SCOPED_TRACE(testing::Message() << "call " << nth << (after ? ", done but failed" : ""));
      SimFs sim;
      ASSERT_TRUE(Install(Open(&sim).get(), 1).status.ok());
      FaultFs fs(&sim);
      const auto directory = Open(&fs);
      const auto fault = fs.Inject(Fault{.ops = FsOps::Changes(),
                                         .nth = nth,
                                         .code = StatusCode::kNoSpace,
                                         .write_first = 100,
                                         .after = after});
      const Installed installed = Install(directory.get(), 2);
      if (fs.Hits(fault) == 0) {
        EXPECT_EQ(installed.outcome, InstallOutcome::kInstalled);
        break;
      }
      ++failures;
      const std::uint64_t here = Loaded(&sim);
      const auto cut =
          sim.CrashImage(CrashKind::kPowerCut, sim.event_count(), nth, support::Unsynced::kAllOld);
      switch (installed.outcome) {
        case InstallOutcome::kInstalled:
          EXPECT_TRUE(installed.status.ok());
          EXPECT_EQ(here, 2u);
          EXPECT_EQ(Loaded(cut.get()), 2u);
          break;
        case InstallOutcome::kNotInstalled:
          EXPECT_FALSE(installed.status.ok());
          EXPECT_EQ(here, 1u);
          EXPECT_EQ(Loaded(cut.get()), 1u);
          break;
        case InstallOutcome::kInDoubt:
          ++in_doubt;
          EXPECT_FALSE(installed.status.ok());
          EXPECT_EQ(here, 2u);
          break;
      }
      // The next install makes all of it good again.
      fs.Clear();
      EXPECT_EQ(Install(directory.get(), 3).outcome, InstallOutcome::kInstalled);
      EXPECT_EQ(Loaded(&sim), 3u);
    }
    EXPECT_GE(failures, 5u);               // unlink, create, write, sync, rename, directory sync
    EXPECT_EQ(in_doubt, after ? 2u : 1u);  // the directory sync; a rename that was done
  }
}

TEST(InstallManifest, AFailedSyncIsNeverTakenForDurable) {
  SimFs sim;
  const auto directory = Open(&sim);
  ASSERT_TRUE(Install(directory.get(), 1).status.ok());
  sim.FailSync(1);
  EXPECT_EQ(Install(directory.get(), 2).outcome, InstallOutcome::kNotInstalled);
  EXPECT_EQ(Loaded(&sim), 1u);
  sim.FailDirectorySync(1);
  EXPECT_EQ(Install(directory.get(), 2).outcome, InstallOutcome::kInDoubt);
  for (const support::Unsynced unsynced : support::kUnsyncedCorners) {
    const auto cut = sim.CrashImage(CrashKind::kPowerCut, sim.event_count(), 0, unsynced);
    const std::uint64_t generation = Loaded(cut.get());
    EXPECT_TRUE(generation == 1 || generation == 2) << generation;
  }
}

TEST(InstallManifest, ACrashAtAnyEventLeavesTheOldOneOrTheNewOne) {
  SimFs sim;
  const auto directory = Open(&sim);
  std::vector<std::uint64_t> acknowledged;  // by event: the newest generation known to be durable
  std::uint64_t last = 0;
  for (std::uint64_t generation = 1; generation <= 4; ++generation) {
    ASSERT_TRUE(Install(directory.get(), generation).status.ok());
    acknowledged.resize(sim.event_count(), last);
    last = generation;
  }
  acknowledged.push_back(last);
  std::uint64_t images = 0;
  const auto check = [&](CrashKind kind, std::uint64_t event, std::uint64_t seed,
                         support::Unsynced unsynced) {
    SCOPED_TRACE(testing::Message()
                 << "event " << event << " kind " << static_cast<int>(kind) << " seed " << seed
                 << " unsynced " << support::UnsyncedName(unsynced));
    const auto image = sim.CrashImage(kind, event, seed, unsynced);
    const std::uint64_t generation = Loaded(image.get());
    EXPECT_GE(generation, acknowledged[event]);
    EXPECT_LE(generation, acknowledged[event] + 1);
    // What the crash left behind does not stop the next install.
    EXPECT_EQ(Install(Open(image.get()).get(), 5).outcome, InstallOutcome::kInstalled);
    EXPECT_EQ(Loaded(image.get()), 5u);
    ++images;
  };
  for (std::uint64_t event = 0; event <= sim.event_count(); ++event) {
    check(CrashKind::kKill, event, 0, support::Unsynced::kSeeded);
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      check(CrashKind::kKillTorn, event, seed, support::Unsynced::kSeeded);
      check(CrashKind::kPowerCut, event, seed, support::Unsynced::kSeeded);
    }
    for (const auto unsynced : support::kUnsyncedCorners) {
      check(CrashKind::kPowerCut, event, 0, unsynced);
    }
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(images, 500u);
}

}  // namespace
}  // namespace kyro::manifest
