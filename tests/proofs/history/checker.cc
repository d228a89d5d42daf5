// SPDX-License-Identifier: Apache-2.0
#include "proofs/history/checker.h"

#include <algorithm>
#include <functional>
#include <set>

#include "proofs/history/just_in_time.h"

namespace kyro::proofs {
namespace {

// Configurations; a history of the size that is recorded takes a few hundred.
constexpr std::uint64_t kStepsMax = 1'000'000;

// ---------------------------------------------------------------------------------- one key

// What one operation did to one key.
struct Touch {
  Stamp begin = 0;
  Stamp end = 0;
  bool write = false;
  Value value;
  const Op* op = nullptr;
};

class Register {
 public:
  using Item = Touch;
  explicit Register(Value start) { values_.push_back(std::move(start)); }

  bool IsRead(const Touch& touch) const { return !touch.write; }
  bool Matches(const Touch& touch) const { return touch.value == values_.back(); }
  bool MayApply(const Touch&) const { return true; }
  void Apply(const Touch& touch) { values_.push_back(touch.value); }
  void Undo() { values_.pop_back(); }
  std::uint64_t digest() const {
    return values_.back() ? std::hash<std::string>()(*values_.back()) | 1 : 0;
  }

 private:
  std::vector<Value> values_;
};

// Every key that the history writes.
std::set<Cell> WrittenCells(const History& history) {
  std::set<Cell> cells;
  for (const auto& ops : history.threads) {
    for (const Op& op : ops) {
      for (const Change& change : op.changes) cells.insert(change.cell);
    }
  }
  return cells;
}

bool Covers(const Seen& seen, const Cell& cell) {
  return seen.lo.space == cell.space && seen.lo.key <= cell.key &&
         (!seen.hi || cell.key < *seen.hi);
}

Value ValueIn(const Seen& seen, const std::string& key) {
  const auto it =
      std::lower_bound(seen.rows.begin(), seen.rows.end(), key,
                       [](const auto& row, const std::string& k) { return row.first < k; });
  return it != seen.rows.end() && it->first == key ? Value(it->second) : std::nullopt;
}

void AddTouches(const Op& op, const Cell& cell, std::vector<Touch>* touches) {
  Touch touch{op.begin, op.end, false, {}, &op};
  for (const Change& change : op.changes) {
    if (change.cell != cell) continue;
    touch.write = true;
    touch.value = change.value;  // of two in one batch the last wins
  }
  if (touch.write) return touches->push_back(std::move(touch));
  bool first = true;
  for (const Seen& seen : op.seen) {
    if (!Covers(seen, cell)) continue;
    Value value = ValueIn(seen, cell.key);
    // What a view shows twice is one read, unless it differs, which nothing explains.
    if (!first && value == touch.value) continue;
    touch.value = std::move(value);
    touches->push_back(touch);
    first = false;
  }
}

std::string Pending(const std::vector<std::vector<Touch>>& threads,
                    const std::vector<std::uint32_t>& furthest) {
  std::string text;
  for (std::size_t t = 0; t < threads.size(); ++t) {
    if (furthest[t] == threads[t].size()) continue;
    text += "\n    next: " + Text(t, *threads[t][furthest[t]].op);
  }
  return text;
}

std::string CheckKey(const History& history, const Cell& cell) {
  const auto start = history.start.find(cell);
  Register model(start == history.start.end() ? Value() : Value(start->second));
  std::vector<std::vector<Touch>> threads(history.threads.size());
  for (std::size_t t = 0; t < threads.size(); ++t) {
    for (const Op& op : history.threads[t]) AddTouches(op, cell, &threads[t]);
  }
  JustInTime<Register> search(&threads, &model);
  if (search.Search(kStepsMax)) return "";
  if (search.gave_up()) return "no linearization found in a million steps";
  return "key " + Text(cell) + " is not linearizable; stuck at" +
         Pending(threads, search.furthest());
}

// Rows that nobody writes are all there, always, as they were.
std::string CheckConstants(const History& history, const std::set<Cell>& written) {
  const auto constants = [&](Seen seen) {
    std::erase_if(seen.rows, [&](const auto& row) {
      return written.count({seen.lo.space, row.first}) != 0;
    });
    return seen;
  };
  for (std::size_t t = 0; t < history.threads.size(); ++t) {
    for (const Op& op : history.threads[t]) {
      for (const Seen& seen : op.seen) {
        const Seen found = constants(seen);
        const Seen want = constants(Expected(history.start, seen));
        if (found.rows == want.rows) continue;
        return "rows that nobody writes: " + Difference(found, want) + " in a read by thread " +
               std::to_string(t);
      }
    }
  }
  return "";
}

// ---------------------------------------------------------------------------------- the database

class Whole {
 public:
  using Item = Op;

  explicit Whole(const History& history)
      : dense_(history.dense), content_(history.start), done_{{history.base, nullptr}} {
    for (const auto& [cell, value] : content_) digest_ += Digest(cell, value);
    for (const auto& ops : history.threads) {
      for (const Op& op : ops) {
        if (op.kind == Op::Kind::kCommit && op.sequence != 0) told_.insert(op.sequence);
      }
    }
  }

  bool IsRead(const Op& op) const { return op.kind != Op::Kind::kCommit; }
  bool Matches(const Op& op) const {
    if (op.kind == Op::Kind::kView && !IsNow(op.sequence)) return false;
    return std::all_of(op.seen.begin(), op.seen.end(),
                       [&](const Seen& seen) { return proofs::Matches(content_, seen); });
  }
  bool MayApply(const Op& op) const {
    const auto next = told_.upper_bound(done_.back().sequence);
    if (op.sequence != 0) {
      return next != told_.end() && op.sequence == *next &&
             (!dense_ || op.sequence == done_.back().sequence + 1);
    }
    return dense_ && (next == told_.end() || *next != done_.back().sequence + 1);
  }
  void Apply(const Op& op) {
    const Sequence sequence = op.sequence != 0 ? op.sequence : done_.back().sequence + 1;
    done_.push_back({sequence, &op});
    for (const Change& change : op.changes) {
      done_.back().replaced.push_back({change.cell, Set(change.cell, change.value)});
    }
  }
  void Undo() {
    auto& replaced = done_.back().replaced;
    for (auto it = replaced.rbegin(); it != replaced.rend(); ++it) Set(it->cell, it->value);
    done_.pop_back();
  }
  std::uint64_t digest() const { return digest_; }

  Sequence sequence() const { return done_.back().sequence; }
  const Content& content() const { return content_; }
  std::vector<std::pair<Sequence, const Op*>> order() const {
    std::vector<std::pair<Sequence, const Op*>> order;
    for (std::size_t i = 1; i < done_.size(); ++i) {
      order.emplace_back(done_[i].sequence, done_[i].op);
    }
    return order;
  }

 private:
  struct Done {
    Sequence sequence;
    const Op* op;
    std::vector<Change> replaced;
  };

  static std::uint64_t Digest(const Cell& cell, const std::string& value) {
    const std::hash<std::string> hash;
    std::uint64_t x = hash(cell.key) * 31 + hash(value) * 0x9E3779B97F4A7C15 + cell.space;
    x = (x ^ x >> 29) * 0xBF58476D1CE4E5B9;
    return x ^ x >> 32;
  }

  // The view's sequence is the newest commit's; where numbers may be skipped, one behind it that
  // no commit took.
  bool IsNow(Sequence sequence) const {
    if (sequence == done_.back().sequence) return true;
    if (dense_ || sequence < done_.back().sequence) return false;
    const auto next = told_.upper_bound(done_.back().sequence);
    return next == told_.end() || sequence < *next;
  }

  // Returns what was there.
  Value Set(const Cell& cell, const Value& value) {
    Value old;
    const auto it = content_.find(cell);
    if (it != content_.end()) {
      digest_ -= Digest(cell, it->second);
      old = std::move(it->second);
      if (!value) content_.erase(it);
    }
    if (value) {
      digest_ += Digest(cell, *value);
      content_[cell] = *value;
    }
    return old;
  }

  const bool dense_;
  std::set<Sequence> told_;  // sequences that Write returned
  Content content_;
  std::uint64_t digest_ = 0;
  std::vector<Done> done_;  // the first stands for all before the history
};

// Two commits under one number, one from before the history, one that leaves a gap: no order.
std::string CheckNumbers(const History& history) {
  std::set<Sequence> told;
  std::uint64_t commits = 0;
  for (std::size_t t = 0; t < history.threads.size(); ++t) {
    for (const Op& op : history.threads[t]) {
      if (op.kind != Op::Kind::kCommit) continue;
      ++commits;
      if (op.sequence == 0 && history.dense) continue;
      if (op.sequence <= history.base) return "a number from before the history: " + Text(t, op);
      if (!told.insert(op.sequence).second) return "a number given out twice: " + Text(t, op);
    }
  }
  if (history.dense && !told.empty() && *told.rbegin() > history.base + commits) {
    return "sequence " + std::to_string(*told.rbegin()) + " after " + std::to_string(history.base) +
           " and " + std::to_string(commits) + " commits";
  }
  return "";
}

// Where the search came furthest, the content there, and what does not fit it.
std::string Stuck(const History& history, const JustInTime<Whole>::Positions& furthest) {
  Content content = history.start;
  std::vector<std::pair<Sequence, const Op*>> done;
  for (std::size_t t = 0; t < furthest.size(); ++t) {
    for (std::size_t i = 0; i < furthest[t]; ++i) {
      const Op& op = history.threads[t][i];
      if (op.kind == Op::Kind::kCommit) done.emplace_back(op.sequence, &op);
    }
  }
  std::string text = "no order of the commits explains it; stuck after " +
                     std::to_string(done.size()) + " commits from sequence " +
                     std::to_string(history.base);
  const bool known = std::all_of(done.begin(), done.end(), [](const auto& d) { return d.first; });
  std::sort(done.begin(), done.end());
  for (const auto& [sequence, op] : done) Apply(op->changes, &content);
  for (std::size_t t = 0; t < furthest.size(); ++t) {
    if (furthest[t] == history.threads[t].size()) continue;
    const Op& op = history.threads[t][furthest[t]];
    text += "\n    next: " + Text(t, op);
    if (!known) continue;
    for (const Seen& seen : op.seen) {
      if (!Matches(content, seen)) text += "\n      " + Difference(seen, Expected(content, seen));
    }
  }
  return text;
}

}  // namespace

Verdict CheckKeys(const History& history) {
  const std::set<Cell> written = WrittenCells(history);
  Verdict verdict;
  verdict.why = CheckConstants(history, written);
  for (const Cell& cell : written) {
    if (verdict.accepted()) verdict.why = CheckKey(history, cell);
  }
  return verdict;
}

Verdict CheckOrder(const History& history) {
  Verdict verdict;
  verdict.why = CheckNumbers(history);
  if (!verdict.accepted()) return verdict;
  Whole model(history);
  JustInTime<Whole> search(&history.threads, &model);
  if (search.Search(kStepsMax)) {
    verdict.order = model.order();
  } else {
    verdict.why = search.gave_up() ? "no order of the commits found in a million steps"
                                   : Stuck(history, search.furthest());
  }
  return verdict;
}

}  // namespace kyro::proofs
