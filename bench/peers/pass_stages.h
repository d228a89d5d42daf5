// SPDX-License-Identifier: Apache-2.0
//
// Where the time of what passes over all rows goes, of scans and of training: the same pass with
// less and less left out. Values of 8 bytes, rows of one segment.
#ifndef KYRO_BENCH_PEERS_PASS_STAGES_H_
#define KYRO_BENCH_PEERS_PASS_STAGES_H_

#include <cstdint>
#include <vector>

#include "bench/peers/hot_loops.h"
#include "bench/peers/stages.h"
#include "index/model.h"
#include "index/slot_builder.h"

namespace kyro::bench {

// Reads words in order and does next to nothing with them: what memory takes.
[[gnu::noinline]] inline std::uint64_t XorOf(KeySpan words) {
  std::uint64_t all = 0;
  for (const std::uint64_t word : words) all ^= word;
  return all;
}

// Rows where a scan finds them, with nothing to find out.
class RowsKnown {
 public:
  explicit RowsKnown(const MappedRows& rows) noexcept : rows_(rows) {}
  void WalkColumns(RowChecker& rows) const { rows.Columns(rows_.keys, rows_.values); }

 private:
  const MappedRows rows_;
};

template <class Reader>
std::vector<Outcome> ScanStages(Reader& reader, const MappedRows& rows, const Values& values) {
  const std::size_t count = rows.keys.size();
  const KeySpan words(reinterpret_cast<const std::uint64_t*>(rows.values), count);
  std::uint64_t wanted = XorOf(rows.keys);
  for (const std::uint64_t key : rows.keys) wanted ^= WordOf(key);
  RowsKnown known(rows);
  StageTimer timer;
  timer.Time("bytes read", count, [&] { return XorOf(rows.keys) ^ XorOf(words) ^ wanted; });
  timer.Time("rows checked", count, [&] { return ScanAll<true>(known, count, values); });
  timer.Time("Scan::NextBatch", count, [&] { return ScanAll<true>(reader, count, values); });
  timer.Time("Scan, row by row", count, [&] { return ScanAll<false>(reader, count, values); });
  return timer.Take();
}

// Training's passes in its order; `model` is what they make. What training does besides, its check
// of the keys' order first of all, is the last stage's.
inline std::vector<Outcome> TrainStages(KeySpan keys, const index::Model& model) {
  const bool tree = model.facts().nodes == 0;
  const std::uint64_t wanted = XorOf(keys);
  const index::TrainOptions defaults;

  const auto build = [&]() -> std::uint64_t {
    index::SlotBuilder slots(keys, defaults.keys_per_slot, true);
    const bool built = slots.Build(defaults.keys_per_slot, false);
    // Where they were not taken, trying them is what they take.
    return tree ? 0 : !built || slots.slots().size() != model.facts().slots;
  };
  const auto measure = [&]() -> std::uint64_t {
    const Result<index::Measured> measured = index::MeasureModel(model, keys);
    return !measured.ok() || measured->outside != 0;
  };
  StageTimer timer;
  timer.Time("keys read", keys.size(), [&] { return XorOf(keys) ^ wanted; });
  timer.Time("slots built", keys.size(), build);
  timer.Time("errors measured", keys.size(), [&] { return build() | measure(); });
  timer.Time("Train", keys.size(), [&]() -> std::uint64_t { return !index::Train(keys).ok(); });
  return timer.Take();
}

}  // namespace kyro::bench

#endif  // KYRO_BENCH_PEERS_PASS_STAGES_H_
