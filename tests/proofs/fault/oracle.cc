// SPDX-License-Identifier: Apache-2.0
#include "proofs/fault/oracle.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace kyro::proofs {

Oracle::Oracle() : lines_{Line{db::State(db::FourSpaces().size())}} {}

void Oracle::Commit(const db::Batch& batch, bool durable) {
  for (Line& line : lines_) {
    line.push_back(line.back());
    db::Apply(batch, &line.back());
  }
  if (durable) Synced();
}

void Oracle::Empty(std::size_t space) {
  for (Line& line : lines_) line.back()[space].clear();
  Synced();
}

void Oracle::Synced() {
  for (Line& line : lines_) line.erase(line.begin(), line.end() - 1);
}

void Oracle::Fork(db::State other) {
  Line line = lines_[0];
  line.push_back(std::move(other));
  lines_.push_back(std::move(line));
}

void Oracle::Doubt(const db::Batch& batch) {
  db::State other = now();
  db::Apply(batch, &other);
  Fork(std::move(other));
}

void Oracle::DoubtEmpty(std::size_t space) {
  db::State other = now();
  other[space].clear();
  Fork(std::move(other));
}

void Oracle::Resumed() {
  lines_.resize(1);
  Synced();
}

std::string Oracle::Reopened(const db::State& found, bool durable) {
  const std::string wrong = Left(found, false);
  const auto other = [&](const Line& line) { return line.back() != found; };
  if (std::all_of(lines_.begin(), lines_.end(), other)) lines_ = {Line{found}};
  std::stable_partition(lines_.begin(), lines_.end(), std::not_fn(other));
  if (durable) Resumed();
  return wrong;
}

std::string Oracle::Left(const db::State& found, bool power_cut) const {
  for (const Line& line : lines_) {
    for (std::size_t i = power_cut ? 0 : line.size() - 1; i < line.size(); ++i) {
      if (db::Difference(found, line[i]).empty()) return "";
    }
  }
  std::string wrong = db::Difference(found, now());
  if (lines_.size() > 1) wrong += ", or " + std::to_string(lines_.size() - 1) + " other outcomes";
  return wrong;
}

}  // namespace kyro::proofs
