// SPDX-License-Identifier: Apache-2.0
//
// The input is a program that makes a column of keys, and then the bytes of its model: those that
// training wrote with some of them replaced, or all of them. Whatever the bytes are, every lookup
// through every SIMD target equals a binary search (G8).
#include <algorithm>
#include <cstring>

#include "fuzz/fuzz.h"
#include "fuzz/key_program.h"
#include "fuzz/targets.h"
#include "index/model.h"

namespace kyro::fuzz {
namespace {

using Force = index::TrainOptions::Force;

constexpr std::size_t kRunsMax = 6;
constexpr std::size_t kKeysMax = 1200;
constexpr std::size_t kQueriesMax = 60;
constexpr std::size_t kPatchesMax = 32;

void CheckLookups(const index::Model& model, std::span<const std::uint64_t> keys,
                  const std::vector<std::uint64_t>& queries) {
  index::Counters counters;
  const index::Columns columns{keys.data(), nullptr, 0, &counters};
  std::vector<std::uint32_t> positions(queries.size());
  model.LowerBoundBatch(columns, queries, positions);
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const auto want = static_cast<std::uint32_t>(
        std::lower_bound(keys.begin(), keys.end(), queries[i]) - keys.begin());
    const std::uint32_t found = model.LowerBound(columns, queries[i]);
    KYRO_REQUIRE(found == want, std::to_string(queries[i]) + ": " + std::to_string(found) +
                                    ", want " + std::to_string(want));
    KYRO_REQUIRE(positions[i] == want,
                 std::to_string(queries[i]) + " in a batch: " + std::to_string(positions[i]));
    const index::Window window = model.Predict(queries[i]);
    KYRO_REQUIRE(window.start <= keys.size() && window.count <= keys.size() - window.start,
                 "a window past the column");
    const index::Window traced = model.Trace(queries[i]).window;
    KYRO_REQUIRE(traced.start == window.start && traced.count == window.count, "another window");
  }
}

// Replaces bytes of a trained model, of its sections or its header.
void Patch(Input* input, std::span<std::byte> blob) {
  for (std::size_t n = 0; n < kPatchesMax && !input->empty() && !blob.empty(); ++n) {
    const std::uint8_t how = input->U8();
    const std::size_t header = std::min<std::size_t>(sizeof(index::ModelHeader), blob.size());
    const bool body = how % 4 != 0 && blob.size() > header;
    const std::size_t at =
        body ? header + input->Below(blob.size() - header) / 8 * 8 : input->Below(header) / 4 * 4;
    const std::string_view bytes = input->Take((how & 16) != 0 ? 8 : 1 + how / 32);
    std::memcpy(blob.data() + at, bytes.data(), std::min(bytes.size(), blob.size() - at));
  }
}

index::ModelBytes CopyOf(std::string_view bytes) {
  auto blob = index::ModelBytes::Allocate(bytes.size());
  KYRO_REQUIRE(blob.ok(), blob.status().ToString());
  if (!bytes.empty()) std::memcpy(blob->bytes().data(), bytes.data(), bytes.size());
  return *std::move(blob);
}

void Run(Input* input) {
  const std::uint8_t how = input->U8();
  const bool duplicates = (how & 1) != 0;
  const std::uint8_t runs = input->U8();
  const Column column(KeysFrom(input, runs % (kRunsMax + 1), kKeysMax, duplicates));
  const std::span<const std::uint64_t> keys = column.keys();
  const auto count = static_cast<std::uint32_t>(keys.size());
  index::ModelBytes blob;
  if ((how & 2) != 0) {
    blob = CopyOf(input->rest());
  } else {
    index::TrainOptions options;
    options.force = static_cast<Force>((how >> 2) % 4);
    options.keys_per_slot = 8u << (how >> 4) % 8;
    auto trained = index::Train(keys, options);
    // Not every column can have every structure.
    if (!trained.ok()) return;
    blob = *std::move(trained);
    Patch(input, blob.bytes());
  }
  const auto order = duplicates ? index::KeyOrder::kDuplicates : index::KeyOrder::kStrict;
  const std::vector<std::uint64_t> queries = QueriesFor(keys, kQueriesMax);
  ForEachTarget([&] {
    const auto model = index::Model::Open(blob.bytes(), count, order);
    if (!model.ok()) return RequireTyped(model.status());
    CheckLookups(*model, keys, queries);
    const Status verified = VerifyModel(*model, keys);
    if (!verified.ok()) RequireTyped(verified);
  });
}

}  // namespace
}  // namespace kyro::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kyro::fuzz::Input input(data, size);
  kyro::fuzz::Run(&input);
  return 0;
}
