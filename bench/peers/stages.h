// SPDX-License-Identifier: Apache-2.0
//
// Where the time of a get goes: the loops of get_hit, get_dependent and multiget_32 over readers
// that are told beforehand what a get has to find out, each less than the one before it. All read
// the memory that the store reads and pay for the same check, so what a stage takes more than the
// one before it is what it adds, and the parts sum up to the whole.
#ifndef KYRO_BENCH_PEERS_STAGES_H_
#define KYRO_BENCH_PEERS_STAGES_H_

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/peers/engine_of.h"
#include "bench/peers/predict.h"
#include "bench/peers/timing.h"
#include "index/model.h"

namespace kyro::bench {

inline constexpr std::size_t kStagedBatch = 32;

// Rows as they lie in a segment, with values of 8 bytes.
struct MappedRows {
  KeySpan keys;
  const char* values = nullptr;

  // The value at `position` if `key` is there, else none.
  std::string_view Get(std::uint64_t position, std::uint64_t key) const noexcept {
    if (position >= keys.size() || keys[position] != key) return {};
    return {values + position * 8, 8};
  }
  void Prefetch(std::uint64_t position) const noexcept {
    __builtin_prefetch(keys.data() + position);
    __builtin_prefetch(values + position * 8);
  }
};

// The model of these rows, trained as their segment's was.
class StagedModel {
 public:
  StagedModel(index::ModelBytes bytes, index::Model model, const MappedRows& rows)
      : bytes_(std::move(bytes)),
        model_(model),
        rows_(rows),
        columns_{rows.keys.data(), rows.values, 8, nullptr} {}

  const MappedRows& rows() const noexcept { return rows_; }
  const index::Core& core() const noexcept { return model_.core(); }
  std::uint32_t LowerBound(std::uint64_t key) const noexcept {
    return model_.LowerBound(columns_, key);
  }
  void LowerBounds(KeySpan queries, std::span<std::uint32_t> positions) const noexcept {
    model_.LowerBoundBatch(columns_, queries, positions);
  }
  // How far beside its window a key may lie; a packed tree's, behind it.
  std::uint32_t max_error() const noexcept { return model_.facts().max_error; }
  std::uint32_t widest_window() const noexcept {
    const bool learned = core().structure != index::Structure::kSearch;
    return learned ? index::kBlockKeys : core().key_count;
  }

 private:
  index::ModelBytes bytes_;
  index::Model model_;
  MappedRows rows_;
  index::Columns columns_;
};

// What the readers are told about the questions, in their order.
struct Told {
  Told(KeySpan questions, const StagedModel& model) : keys(questions) {
    for (const std::uint64_t key : keys) {
      positions.push_back(model.LowerBound(key));
      const std::string_view value = model.rows().Get(positions.back(), key);
      if (value.empty()) Give("a key is not where the model finds it");
      answers.push_back(LoadLE<std::uint64_t>(value.data()));
    }
  }

  KeySpan keys;
  std::vector<std::uint32_t> positions;
  std::vector<std::uint64_t> answers;
};

// Is told the answers. `key - keys[i]` is 0, as only we know: what waits for the last answer in a
// lookup waits for it here too. After a wrong answer it is anything.
class AnswerKnown {
 public:
  explicit AnswerKnown(const Told& told) : told_(told) {}

  std::string_view Get(std::uint64_t key) noexcept {
    const std::uint64_t at = next_ + (key - told_.keys[next_]);
    ++next_;
    if (at >= told_.answers.size()) return {};
    return {reinterpret_cast<const char*>(&told_.answers[at]), 8};
  }

 private:
  const Told& told_;
  std::size_t next_ = 0;
};

// Is told the positions: reads a key, compares it, and reads its value. No index can take less.
class PositionKnown {
 public:
  PositionKnown(const Told& told, const MappedRows& rows) : told_(told), rows_(rows) {}

  std::string_view Get(std::uint64_t key) noexcept {
    const std::uint64_t position = told_.positions[next_] + (key - told_.keys[next_]);
    ++next_;
    return rows_.Get(position, key);
  }
  template <class F>
  void MultiGet(KeySpan keys, F&& each) noexcept {
    for (std::size_t i = 0; i < keys.size(); ++i) rows_.Prefetch(told_.positions[next_ + i]);
    for (std::size_t i = 0; i < keys.size(); ++i) each(i, Get(keys[i]));
  }

 private:
  const Told& told_;
  const MappedRows rows_;
  std::size_t next_ = 0;
};

// Is told the positions, and has the model predict them all the same: it begins to read where a
// lookup does, and no earlier.
class PositionPredicted {
 public:
  PositionPredicted(const Told& told, const StagedModel& model)
      : position_(told.positions.data()),
        core_(model.core()),
        start_(PredictStartOf(core_)),
        rows_(model.rows()),
        error_(model.max_error()),
        reach_(model.widest_window() + 2 * error_) {}

  std::string_view Get(std::uint64_t key) noexcept {
    const std::uint64_t start = start_(core_, key);
    std::uint64_t nothing = 0;  // of `start`, which the processor has to wait for
    asm volatile("" : "+r"(nothing));
    const std::uint64_t position = *position_++ + (start & nothing);
    if (position + error_ - start > reach_) return {};
    return rows_.Get(position, key);
  }

 private:
  const std::uint32_t* position_;
  const index::Core& core_;
  const PredictStart start_;
  const MappedRows rows_;
  const std::uint64_t error_;
  const std::uint64_t reach_;  // from `error_` before a window to as far behind it
};

// Is told nothing: the index alone, without the database around it.
class PositionFound {
 public:
  explicit PositionFound(const StagedModel& model) : model_(model), rows_(model.rows()) {}

  std::string_view Get(std::uint64_t key) noexcept {
    return rows_.Get(model_.LowerBound(key), key);
  }
  template <class F>
  void MultiGet(KeySpan keys, F&& each) noexcept {
    const std::span<std::uint32_t> positions(positions_.data(), keys.size());
    model_.LowerBounds(keys, positions);
    for (std::size_t i = 0; i < keys.size(); ++i) each(i, rows_.Get(positions[i], keys[i]));
  }

 private:
  const StagedModel& model_;
  const MappedRows rows_;
  std::array<std::uint32_t, kStagedBatch> positions_;
};

// Times the stages of one run, one after the other.
class StageTimer {
 public:
  // `work` does `ops` operations, checks as many answers, and returns 0 if all were right.
  template <class F>
  void Time(const char* stage, std::uint64_t ops, F&& work) {
    std::uint64_t wrong = 0;
    const double nanos = TimeNanos([&] { wrong = work(); });
    Add(stage, ops, ops, nanos, wrong);
  }
  // The same of work that was timed elsewhere.
  void Add(const char* stage, std::uint64_t ops, std::uint64_t verified, double nanos,
           std::uint64_t wrong) {
    Outcome outcome;
    outcome.stage = stage;
    outcome.ops = ops;
    outcome.verified = verified;
    outcome.nanos = nanos;
    if (wrong != 0) outcome.wrong = fmt::format("an answer of stage {}", stage);
    outcomes_.push_back(outcome);
  }
  std::vector<Outcome> Take() { return std::move(outcomes_); }

 private:
  std::vector<Outcome> outcomes_;
};

// The stages of gets: each the loop of `workload`, with the same questions.
class GetTimer {
 public:
  GetTimer(Workload workload, const Queries& queries, const Values& values)
      : workload_(workload), keys_(queries.keys), values_(values) {}

  template <class Reader>
  void Time(const char* stage, Reader&& reader) {
    timer_.Time(stage, keys_.size(), [&] { return Loop(reader); });
  }
  // Untimed.
  template <class Reader>
  void WarmUp(Reader& reader) {
    Loop(reader);
  }
  std::vector<Outcome> Take() { return timer_.Take(); }

 private:
  template <class Reader>
  std::uint64_t Loop(Reader& reader) {
    if (workload_ == Workload::kStagesBatch) return Batches(reader, keys_, kStagedBatch, values_);
    if (workload_ == Workload::kStagesDependent) return Dependent(reader, keys_, values_);
    return Hits(reader, keys_, values_);
  }

  const Workload workload_;
  const KeySpan keys_;
  const Values& values_;
  StageTimer timer_;
};

// The same of get_hit by two threads, which ask the same questions, one of them the second half
// first. Times are those of a get of each of the two: what one thread alone takes stands in the
// stages of get_hit.
class TwoThreadsTimer {
 public:
  TwoThreadsTimer(const Queries& queries, const Values& values) : values_(values) {
    keys_[0] = keys_[1] = queries.keys;
    const auto half = static_cast<std::ptrdiff_t>(queries.keys.size() / 2);
    std::rotate(keys_[1].begin(), keys_[1].begin() + half, keys_[1].end());
  }

  // Of thread `i`.
  KeySpan keys(int i) const noexcept { return keys_[i]; }

  // make(i) makes the reader of thread `i`, a unique_ptr.
  template <class Make>
  void Time(const char* stage, Make&& make) {
    std::uint64_t wrong[2] = {};
    const std::uint64_t gets = keys_[0].size();
    const double nanos = TimeTwoThreads([&](int i) {
      return [&, i, reader = make(i)] { wrong[i] = Hits(*reader, keys(i), values_); };
    });
    timer_.Add(stage, gets, 2 * gets, nanos, wrong[0] | wrong[1]);
  }
  std::vector<Outcome> Take() { return timer_.Take(); }

 private:
  const Values& values_;
  std::vector<std::uint64_t> keys_[2];
  StageTimer timer_;
};

}  // namespace kyro::bench

#endif  // KYRO_BENCH_PEERS_STAGES_H_
