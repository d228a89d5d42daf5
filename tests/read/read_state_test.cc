// SPDX-License-Identifier: Apache-2.0
#include "read/read_state.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "read/view_state.h"

namespace kyro::read {
namespace {

// A holder whose states carry one generation each, so that tests can watch them go.
struct World {
  std::atomic<int> wakes{0};
  std::shared_ptr<Shared> shared = std::make_shared<Shared>();
  std::shared_ptr<Reclaimer> reclaimer =
      std::make_shared<Reclaimer>([this] { wakes.fetch_add(1); });
  StateHolder states{shared, reclaimer, [] { std::this_thread::yield(); }};

  std::weak_ptr<delta::Generation> Publish(Sequence floor) {
    std::shared_ptr<delta::Generation> generation = *delta::Generation::Create(64 << 10, floor);
    std::weak_ptr<delta::Generation> watch = generation;
    states.Publish(states.NewState(), [&](const ReadState& now, ReadState* then) {
      then->runs = now.runs;
      then->generations[0] = std::move(generation);
      then->generation_count = 1;
    });
    return watch;
  }
};

TEST(StateHolder, PinShowsTheNewestState) {
  World world;
  world.Publish(0);
  world.Publish(7);
  EXPECT_EQ(world.states.Pin()->generations[0]->floor_sequence(), 7u);
}

TEST(StateHolder, AReplacedStateIsFreedByReclaimAndNotBefore) {
  World world;
  const auto first = world.Publish(0);
  world.Publish(1);
  EXPECT_FALSE(first.expired());
  world.states.Reclaim();
  EXPECT_TRUE(first.expired());
}

TEST(StateHolder, APinKeepsAReplacedState) {
  World world;
  const auto first = world.Publish(0);
  StatePin pin = world.states.Pin();
  world.Publish(1);
  world.states.Reclaim();
  EXPECT_FALSE(first.expired());
  const int wakes = world.wakes.load();
  pin = nullptr;
  // The last unpin only queues: the state goes with the next Reclaim (R2).
  EXPECT_FALSE(first.expired());
  EXPECT_EQ(world.wakes.load(), wakes + 1);
  world.states.Reclaim();
  EXPECT_TRUE(first.expired());
}

TEST(StateHolder, AfterFreeInPlaceTheLastUnpinFrees) {
  World world;
  const auto first = world.Publish(0);
  StatePin pin = world.states.Pin();
  world.Publish(1);
  world.reclaimer->FreeInPlace();
  world.states.Reclaim();
  EXPECT_FALSE(first.expired());
  pin = nullptr;
  EXPECT_TRUE(first.expired());
}

TEST(StateHolder, AReaderInsideACallKeepsWhatItPeekedAt) {
  World world;
  const auto first = world.Publish(0);
  std::atomic<int> step{0};
  std::thread reader([&] {
    const EpochGuard guard;
    const ReadState* state = world.states.Peek(guard);
    step.store(1);
    while (step.load() != 2) std::this_thread::yield();
    EXPECT_EQ(state->generations[0]->floor_sequence(), 0u);
  });
  while (step.load() != 1) std::this_thread::yield();
  world.Publish(1);
  std::thread reclaim([&] { world.states.Reclaim(); });
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(first.expired());
    std::this_thread::yield();
  }
  step.store(2);
  reader.join();
  reclaim.join();
  EXPECT_TRUE(first.expired());
}

TEST(ClampToState, CutsOffWhatCameAfterTheFreeze) {
  World world;
  world.Publish(0);
  const StatePin pin = world.states.Pin();
  EXPECT_EQ(ClampToState(*pin, 9), 9u);
  pin->generations[0]->Freeze(5);
  EXPECT_EQ(ClampToState(*pin, 9), 5u);
  EXPECT_EQ(ClampToState(*pin, 3), 3u);
}

// A bulk load that is the very first commit: readers of the state before it stay at 0, readers of
// the state that shows it read at its sequence even before that is visible.
TEST(ClampToState, HoldsBothSidesOfABulkLoad) {
  World world;
  world.Publish(0);
  const StatePin before = world.states.Pin();
  before->generations[0]->Freeze(0);
  EXPECT_EQ(ClampToState(*before, 1), 0u);
  auto runs = std::make_shared<RunsVersion>();
  runs->floor_sequence = 1;
  world.states.Publish(world.states.NewState(), [&](const ReadState&, ReadState* then) {
    then->runs = runs;
    then->generations[0] = *delta::Generation::Create(64 << 10, 1);
    then->generation_count = 1;
  });
  const StatePin after = world.states.Pin();
  EXPECT_EQ(ClampToState(*after, 0), 1u);
  EXPECT_EQ(ClampToState(*after, 1), 1u);
  EXPECT_EQ(ClampToState(*after, 2), 2u);
}

TEST(ViewRegistry, KnowsTheOldestLiveView) {
  World world;
  world.Publish(0);
  EXPECT_EQ(world.shared->views.Summarize().views, 0u);
  {
    const ViewState<U64> newer(world.states.Pin(), 1, 9);
    const ViewState<U64> older(world.states.Pin(), 1, 4);
    EXPECT_EQ(world.shared->views.Summarize().views, 2u);
    EXPECT_EQ(world.shared->views.Summarize().oldest, 4u);
  }
  EXPECT_EQ(world.shared->views.Summarize().views, 0u);
  EXPECT_EQ(world.shared->views.Summarize().oldest, 0u);
}

TEST(Tally, SumsOverThreads) {
  Tally tally;
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) tally.Add(2);
  });
  for (int i = 0; i < 1000; ++i) tally.Add(1);
  other.join();
  EXPECT_EQ(tally.Sum(), 3000u);
}

}  // namespace
}  // namespace kyro::read
