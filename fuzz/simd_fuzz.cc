// SPDX-License-Identifier: Apache-2.0
//
// The input is a program that makes a column of keys. A model trained for it finds every key and
// every neighbour inside its recorded bound, on every SIMD target, and all targets predict what the
// scalar one predicts. The input's own bytes go through the other kernels: the checksum instruction
// against the table, the filter against what was put into it.
#include <algorithm>
#include <optional>

#include "base/crc32c.h"
#include "filter/split_block.h"
#include "fuzz/fuzz.h"
#include "fuzz/key_program.h"
#include "fuzz/targets.h"
#include "index/model.h"

namespace kyro::fuzz {
namespace {

constexpr std::size_t kRunsMax = 16;
constexpr std::size_t kKeysMax = 3000;
constexpr std::size_t kQueriesMax = 200;

struct Answers {
  std::vector<std::uint32_t> starts, counts, positions;
  friend bool operator==(const Answers&, const Answers&) = default;
};

Answers Ask(const index::Model& model, std::span<const std::uint64_t> keys,
            const std::vector<std::uint64_t>& queries) {
  index::Counters counters;
  const index::Columns columns{keys.data(), keys.data(), 8, &counters};
  Answers answers;
  std::vector<std::uint32_t> batched(queries.size());
  model.LowerBoundBatch(columns, queries, batched);
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const index::Window window = model.Predict(queries[i]);
    answers.starts.push_back(window.start);
    answers.counts.push_back(window.count);
    answers.positions.push_back(model.LowerBound(columns, queries[i]));
    const auto want = static_cast<std::uint32_t>(
        std::lower_bound(keys.begin(), keys.end(), queries[i]) - keys.begin());
    KYRO_REQUIRE(answers.positions[i] == want, std::to_string(queries[i]));
    KYRO_REQUIRE(batched[i] == want, std::to_string(queries[i]) + " in a batch");
  }
  KYRO_REQUIRE(counters.fallbacks.load() == 0, "an intact model misled a lookup");
  return answers;
}

void CheckIndex(Input* input) {
  const std::uint8_t how = input->U8();
  const bool duplicates = (how & 1) != 0;
  const Column column(KeysFrom(input, kRunsMax, kKeysMax, duplicates));
  const std::span<const std::uint64_t> keys = column.keys();
  index::TrainOptions options;
  options.force = static_cast<index::TrainOptions::Force>((how >> 1) % 4);
  options.keys_per_slot = 8u << (how >> 3) % 8;
  const auto blob = index::Train(keys, options);
  if (!blob.ok()) {
    KYRO_REQUIRE(options.force != index::TrainOptions::Force::kNothing, blob.status().ToString());
    return RequireTyped(blob.status());
  }
  const std::vector<std::uint64_t> queries = QueriesFor(keys, kQueriesMax);
  std::optional<Answers> first;
  ForEachTarget([&] {
    const auto model =
        index::Model::Open(blob->bytes(), static_cast<std::uint32_t>(keys.size()),
                           duplicates ? index::KeyOrder::kDuplicates : index::KeyOrder::kStrict);
    KYRO_REQUIRE(model.ok(), model.status().ToString());
    const Status verified = VerifyModel(*model, keys);
    KYRO_REQUIRE(verified.ok(), verified.ToString());
    const Answers answers = Ask(*model, keys, queries);
    if (!first) first = answers;
    KYRO_REQUIRE(answers == *first, "two targets, two answers");
  });
}

void CheckBytes(std::string_view bytes) {
  for (std::size_t from = 0; from < std::min<std::size_t>(bytes.size(), 9); ++from) {
    const std::string_view part = bytes.substr(from);
    const std::uint32_t want = Crc32cTable(part, static_cast<std::uint32_t>(from));
    KYRO_REQUIRE(Crc32c(part, static_cast<std::uint32_t>(from)) == want, "another checksum");
    const std::size_t half = part.size() / 2;
    const std::uint32_t head = Crc32c(part.substr(0, half), static_cast<std::uint32_t>(from));
    KYRO_REQUIRE(Crc32c(part.substr(half), head) == want, "another checksum in two parts");
  }
  std::string filter(filter::FilterBytes(bytes.size(), 10), '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    filter::Add(filter, filter::HashKey(bytes.substr(i, 8)));
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    KYRO_REQUIRE(filter::MayContain(filter, filter::HashKey(bytes.substr(i, 8))),
                 "a key that was added is excluded");
  }
}

}  // namespace
}  // namespace kyro::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kyro::fuzz::Input input(data, size);
  kyro::fuzz::CheckBytes(input.rest().substr(0, 300));
  kyro::fuzz::CheckIndex(&input);
  return 0;
}
