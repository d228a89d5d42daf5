// SPDX-License-Identifier: Apache-2.0
#include "kyroctl/report/profile.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>

namespace kyro::kyroctl {
namespace {

constexpr std::uint64_t kNone = ~std::uint64_t{0};
// Of the linear axis: fewer columns than this that hold half of the keys make a plot that shows
// nothing.
constexpr std::size_t kCrowdedColumns = kKeyColumns / 50;

Ending EndingOf(const index::Route& route) noexcept {
  switch (route.end) {
    case index::Route::End::kLeaf:
      return route.step_count > 1 ? Ending::kDeepLeaf : Ending::kRootLeaf;
    case index::Route::End::kSmallTree:
      return Ending::kSmallTree;
    case index::Route::End::kRootTree:
      return Ending::kRootTree;
    case index::Route::End::kPackedTree:
      return Ending::kPackedTree;
    case index::Route::End::kSearch:
      break;
  }
  return Ending::kSearch;
}

void CountAt(std::vector<std::uint64_t>* counts, std::uint64_t at) {
  at = std::min<std::uint64_t>(at, kLeafKeysMax);
  if (counts->size() <= at) counts->resize(at + 1);
  ++(*counts)[at];
}

// Carries the last known reach over columns without keys and adds it to the columns.
void AddReach(const std::array<std::uint64_t, kKeyColumns>& rank,
              const std::array<std::uint64_t, kKeyColumns>& predicted, KeyColumns* columns) {
  std::uint64_t last_rank = 0, last_predicted = 0;
  for (std::size_t i = 0; i < kKeyColumns; ++i) {
    last_rank = std::max(last_rank, rank[i]);
    last_predicted = std::max(last_predicted, predicted[i]);
    (*columns)[i].rank += last_rank;
    (*columns)[i].predicted += last_predicted;
  }
}

}  // namespace

Profile::Windows Profile::windows() const noexcept {
  Windows widths = tree_windows;
  for (std::int64_t error = -kErrorSpan; error <= kErrorSpan; ++error) {
    const auto at = static_cast<std::size_t>(error + kErrorSpan);
    widths[static_cast<std::size_t>(std::abs(error)) + 1] += leaf_errors[at];
  }
  return widths;
}

bool Profile::prefers_log() const noexcept {
  std::array<std::uint64_t, kKeyColumns> counts;
  std::transform(linear.begin(), linear.end(), counts.begin(),
                 [](const KeyColumn& column) { return column.keys; });
  std::sort(counts.begin(), counts.end(), std::greater<>());
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < kCrowdedColumns; ++i) most += counts[i];
  return rows > kKeyColumns && most > rows / 2;
}

Profiler::Profiler(KeyKind kind, std::uint64_t first_key, std::uint64_t last_key) {
  profile_.kind = kind;
  profile_.first_key = first_key;
  profile_.last_key = last_key;
  EndSegment();
}

std::size_t Profiler::LinearColumn(std::uint64_t key) const noexcept {
  const auto span = static_cast<double>(profile_.last_key - profile_.first_key) + 1;
  const double part = static_cast<double>(key - profile_.first_key) / span;
  return std::min(static_cast<std::size_t>(part * kKeyColumns), kKeyColumns - 1);
}

std::size_t Profiler::LogColumn(std::uint64_t key) const noexcept {
  const auto span = static_cast<double>(profile_.last_key - profile_.first_key);
  const double part =
      std::log1p(static_cast<double>(key - profile_.first_key)) / std::log1p(std::max(span, 1.0));
  return std::min(static_cast<std::size_t>(part * kKeyColumns), kKeyColumns - 1);
}

void Profiler::Add(const db::RowBatch<Bytes>& batch) {
  for (const std::string_view key : batch.keys) {
    if (profile_.key_lengths.size() <= key.size()) profile_.key_lengths.resize(key.size() + 1);
    ++profile_.key_lengths[key.size()];
  }
  profile_.rows += batch.keys.size();
  profile_.unmodelled += batch.keys.size();
  profile_.endings[static_cast<std::size_t>(Ending::kSearch)] += batch.keys.size();
}

void Profiler::Add(const db::RowBatch<U64>& batch) {
  if (batch.run != run_) EndRun();
  if (batch.segment != segment_ && batch.run == run_) EndSegment();
  run_ = batch.run;
  segment_ = batch.segment;
  for (std::size_t i = 0; i < batch.keys.size(); ++i) {
    AddRow(batch.keys[i], batch.position + i, batch.routes[i]);
  }
}

void Profiler::AddRow(std::uint64_t key, std::uint64_t position, const index::Route& route) {
  const Ending ending = EndingOf(route);
  const bool modelled = ending != Ending::kSearch;
  const std::int64_t error = static_cast<std::int64_t>(position) - route.window.position;
  if (segment_rows_ != 0 && key > last_key_) {
    ++profile_.gaps[static_cast<std::size_t>(std::bit_width(key - last_key_) - 1)];
  }
  last_key_ = key;
  ++profile_.rows;
  ++segment_rows_;
  ++profile_.endings[static_cast<std::size_t>(ending)];
  if (modelled) {
    AddError(route, position, error);
    AddLayers(route, ending);
  } else {
    ++profile_.unmodelled;
  }
  // A key is among those that are at or below it, hence + 1.
  const std::uint64_t rank = run_base_ + position + 1;
  const std::uint64_t predicted =
      modelled ? run_base_ + std::uint64_t{route.window.position} + 1 : rank;
  const std::size_t at = LinearColumn(key), log_at = LogColumn(key);
  AddToColumn(&profile_.linear[at], modelled, error);
  AddToColumn(&profile_.log[log_at], modelled, error);
  linear_reach_.rank[at] = rank, linear_reach_.predicted[at] = predicted;
  log_reach_.rank[log_at] = rank, log_reach_.predicted[log_at] = predicted;
}

void Profiler::AddToColumn(KeyColumn* column, bool modelled, std::int64_t error) {
  ++column->keys;
  if (!modelled) return;
  ++column->modelled;
  column->error_min = std::min(column->error_min, error);
  column->error_max = std::max(column->error_max, error);
  column->error_sum += static_cast<std::uint64_t>(std::abs(error));
}

void Profiler::AddError(const index::Route& route, std::uint64_t position, std::int64_t error) {
  const bool packed = route.end == index::Route::End::kPackedTree;
  if (std::abs(error) > (packed ? std::int64_t{index::kPackedNodeKeys} : kErrorSpan)) {
    ++profile_.far;
  }
  const std::int64_t shown = std::clamp(error, -kErrorSpan, kErrorSpan);
  auto& errors = route.window.in_tree ? profile_.tree_errors : profile_.leaf_errors;
  ++errors[static_cast<std::size_t>(shown + kErrorSpan)];
  // As in segment::Explanation::probe_proves, of a key that is there.
  const std::uint64_t begin = route.window.start, end = begin + route.window.count;
  profile_.second_looks += position >= begin && position < end ? 0 : 1;
  if (!route.window.in_tree) return;
  const std::uint64_t behind =
      packed && position >= begin ? (position - begin) / index::kLineKeys : 0;
  const std::uint64_t half = route.window.count / 2 + behind * index::kLineKeys / 2;
  ++profile_.tree_windows[std::min<std::size_t>(half, profile_.tree_windows.size() - 1)];
}

void Profiler::AddLayers(const index::Route& route, Ending ending) {
  for (std::uint32_t i = 0; i < route.step_count; ++i) {
    profile_.linear_nodes[i] += route.steps[i].node != last_linear_[i] ? 1 : 0;
    last_linear_[i] = route.steps[i].node;
  }
  if (route.level_count != 0) {
    const bool packed = ending == Ending::kPackedTree;
    (packed ? profile_.lines : profile_.blocks) += route.block != last_block_ ? 1 : 0;
    last_block_ = route.block;
  }
  const std::uint32_t slot = route.step_count == 0 ? 0 : route.steps[route.step_count - 1].slot;
  const bool same = stretch_.keys != 0 && stretch_.ending == ending && stretch_.slot == slot;
  if (!same) {
    EndStretch();
    stretch_ = {.ending = ending, .slot = slot};
    if (ending == Ending::kSmallTree) last_tree_.fill(kNone);  // nodes count in their own tree
  }
  ++stretch_.keys;
  for (std::uint32_t i = 0; i < route.level_count; ++i) {
    profile_.tree_nodes[i] += route.tree_nodes[i] != last_tree_[i] ? 1 : 0;
    last_tree_[i] = route.tree_nodes[i];
  }
}

void Profiler::EndStretch() {
  if (stretch_.keys == 0) return;
  if (stretch_.ending == Ending::kRootLeaf || stretch_.ending == Ending::kDeepLeaf) {
    ++profile_.leaves;
    CountAt(&profile_.keys_per_leaf, stretch_.keys);
  } else if (stretch_.ending == Ending::kSmallTree) {
    ++profile_.small_trees;
    CountAt(&profile_.keys_per_tree, stretch_.keys);
  }
  stretch_ = {};
}

void Profiler::EndSegment() {
  EndStretch();
  run_base_ += segment_rows_;
  segment_rows_ = 0;
  last_linear_.fill(kNone);
  last_tree_.fill(kNone);
  last_block_ = kNone;
}

void Profiler::EndRun() {
  EndSegment();
  AddReach(linear_reach_.rank, linear_reach_.predicted, &profile_.linear);
  AddReach(log_reach_.rank, log_reach_.predicted, &profile_.log);
  linear_reach_ = log_reach_ = {};
  run_base_ = 0;
}

Profile Profiler::Finish() {
  EndRun();
  return std::move(profile_);
}

}  // namespace kyro::kyroctl
