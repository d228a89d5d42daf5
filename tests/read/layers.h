// SPDX-License-Identifier: Apache-2.0
//
// A keyspace of several layers and the map that it must read as.
#ifndef KYRO_TESTS_READ_LAYERS_H_
#define KYRO_TESTS_READ_LAYERS_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "read/view_state.h"
#include "segment/builder.h"
#include "support/test_env.h"

namespace kyro::read {

using Model = std::map<std::uint64_t, std::string>;

// Three runs and two generations of one keyspace, with overwrites and deletions in each.
class Layers {
 public:
  explicit Layers(std::uint64_t seed) : rng_(seed), env_(seed) {
    directory_ = *env_.fs().OpenDirectory("/db", true);
    auto version = std::make_shared<RunsVersion>();
    auto runs = std::make_shared<Runs<U64>>();
    for (int i = 0; i < 3; ++i) runs->runs.insert(runs->runs.begin(), NewRun());
    version->keyspaces.push_back({1, std::shared_ptr<const Runs<U64>>(runs)});
    std::shared_ptr<delta::Generation> frozen = NewGeneration();
    frozen->Freeze(sequence_);
    std::shared_ptr<delta::Generation> active = NewGeneration();
    states_.Publish(states_.NewState(), [&](const ReadState&, ReadState* then) {
      then->runs = version;
      then->generations[0] = active;
      then->generations[1] = frozen;
      then->generation_count = 2;
    });
  }

  std::shared_ptr<const ViewState<U64>> View() {
    return std::make_shared<const ViewState<U64>>(states_.Pin(), 1, sequence_);
  }
  const Model& model() const { return model_; }
  std::uint64_t RandomKey() { return rng_() % 400; }

 private:
  // A step on one key: value, or deletion when `tombstone`.
  template <class Put, class Delete>
  void Change(std::uint64_t key, Put&& put, Delete&& remove) {
    if (rng_() % 3 == 0) {
      model_.erase(key);
      remove(key);
    } else {
      put(key, model_[key] = std::to_string(rng_()));
    }
  }

  Run<U64> NewRun() {
    segment::BuildContext context;
    context.directory = directory_.get();
    context.random = &env_.random();
    context.database = {1, 2};
    context.next_number = [this] { return ++number_; };
    context.stop = [] { return false; };
    std::map<std::uint64_t, bool> keys;
    for (int i = 0; i < 120; ++i) keys[RandomKey()] = true;
    Run<U64> run;
    std::unique_ptr<segment::Builder<U64>> builder;
    const auto finish = [&] {
      if (builder == nullptr) return;
      const SegmentRef ref = *builder->Finish();
      run.segments.push_back(
          *segment::Segment<U64>::Open(*directory_, {1, 2}, ref, Access::kMap, &shared_->segments));
      run.first_keys.push_back(KeyTraits<U64>::Decode(ref.first_key));
      run.last_keys.push_back(KeyTraits<U64>::Decode(ref.last_key));
      builder = nullptr;
    };
    for (const auto& [key, unused] : keys) {
      if (builder != nullptr && builder->entries() == 40) finish();
      if (builder == nullptr) builder = *segment::Builder<U64>::Create(context, {});
      Change(
          key, [&](auto k, const auto& v) { EXPECT_TRUE(builder->Add(k, v).ok()); },
          [&](auto k) { EXPECT_TRUE(builder->AddTombstone(k).ok()); });
    }
    finish();
    return run;
  }

  std::shared_ptr<delta::Generation> NewGeneration() {
    std::shared_ptr<delta::Generation> generation = *delta::Generation::Create(64 << 10, sequence_);
    delta::Delta<U64>* delta = *generation->Ensure<U64>(1);
    for (int i = 0; i < 80; ++i) {
      EXPECT_TRUE(delta->Reserve(delta::Delta<U64>::OpBytes(8, 32)).ok());
      ++sequence_;
      Change(
          RandomKey(), [&](auto k, const auto& v) { delta->Put(k, sequence_, v); },
          [&](auto k) { delta->Delete(k, sequence_); });
    }
    return generation;
  }

  std::mt19937_64 rng_;
  support::TestEnv env_;
  std::unique_ptr<io::Directory> directory_;
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  StateHolder states_{shared_, std::make_shared<Reclaimer>([] {}), [] {}};
  std::uint64_t number_ = 0;
  Sequence sequence_ = 10;
  Model model_;
};

}  // namespace kyro::read

#endif  // KYRO_TESTS_READ_LAYERS_H_
