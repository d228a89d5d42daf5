// SPDX-License-Identifier: Apache-2.0
//
// An installer over a new database with one u64 keyspace, of id 1, and no segments.
#ifndef KYRO_TESTS_UPKEEP_INSTALLER_WORLD_H_
#define KYRO_TESTS_UPKEEP_INSTALLER_WORLD_H_

#include <gtest/gtest.h>

#include <memory>

#include "support/fault_fs.h"
#include "support/test_env.h"
#include "upkeep/installer.h"

namespace kyro::upkeep {

class InstallerWorld : public testing::Test {
 protected:
  InstallerWorld() {
    directory_ = *faults_.OpenDirectory("/db", true);
    manifest::Manifest first;
    first.database = *env_.random().NewUuid();
    first.generation = 1;
    first.next_keyspace = 2;
    first.keyspaces.push_back({1, KeyKind::kU64, "default", {}});
    const auto installed =
        manifest::InstallManifest(directory_.get(), first, *env_.random().NewUuid());
    EXPECT_TRUE(installed.status.ok());
    InstallContext context;
    context.env = env_.EnvOver(&faults_);
    context.directory = directory_.get();
    context.states = &states_;
    context.durable = [this] { return durable_; };
    installer_ = std::make_unique<Installer>(std::move(context), first, installed.mark);
    EXPECT_TRUE(installer_->PublishInitial(*delta::Generation::Create(kBudget, 0)).ok());
  }

  manifest::Manifest OnDisk() { return manifest::LoadManifest(*directory_)->manifest; }
  delta::Generation& active() { return *states_.Pin()->generations[0]; }

  // The active generation, frozen at `last`; a new one is before it.
  std::shared_ptr<delta::Generation> FreezeActive(Sequence last) {
    std::shared_ptr<delta::Generation> frozen = states_.Pin()->generations[0];
    frozen->Freeze(last);
    states_.Publish(states_.NewState(), [&](const read::ReadState& now, read::ReadState* then) {
      then->runs = now.runs;
      then->generations[0] = *delta::Generation::Create(kBudget, last);
      then->generations[1] = frozen;
      then->generation_count = 2;
    });
    return frozen;
  }

  static constexpr std::size_t kBudget = 4096;

  support::TestEnv env_;
  support::FaultFs faults_{&env_.fs()};
  std::unique_ptr<io::Directory> directory_;
  std::shared_ptr<read::Shared> shared_ = std::make_shared<read::Shared>();
  read::StateHolder states_{shared_, std::make_shared<read::Reclaimer>([] {}), [] {}};
  Sequence durable_ = 0;
  std::unique_ptr<Installer> installer_;
};

}  // namespace kyro::upkeep

#endif  // KYRO_TESTS_UPKEEP_INSTALLER_WORLD_H_
