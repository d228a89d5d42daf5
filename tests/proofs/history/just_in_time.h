// SPDX-License-Identifier: Apache-2.0
//
// The search for a linearization: an order of all operations in which each takes effect between its
// begin and its end, and that a sequential model accepts.
//
// J. Wing and C. Gong, "Testing and verifying concurrent objects" (1993): at every step the next
// operation is one that began before every other remaining one ended; dead ends are taken back.
// G. Lowe, "Testing for linearizability" (2017): what was tried is remembered as the set of
// operations done and the model's state, so that no configuration is searched twice. As every
// thread does one thing at a time, that set is one position per thread.
//
// A read that may come next and matches comes next: it changes nothing, so taking it early rules
// nothing out. Only writes are branched over. With n operations on t threads, of which at most c
// overlap at a time, there are at most n * 2^c * (states) configurations; where the order of writes
// is known, one per write.
#ifndef KYRO_TESTS_PROOFS_HISTORY_JUST_IN_TIME_H_
#define KYRO_TESTS_PROOFS_HISTORY_JUST_IN_TIME_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <unordered_set>
#include <vector>

#include "proofs/history/history.h"

namespace kyro::proofs {

// Model:
//   using Item = ...;                    // has begin and end
//   bool IsRead(const Item&) const;      // changes nothing
//   bool Matches(const Item&) const;     // of a read: what it saw is what is there
//   bool MayApply(const Item&) const;    // of a write: it may be the next one
//   void Apply(const Item&);  void Undo();  // Undo takes back the newest Apply
//   std::uint64_t digest() const;        // of the state
template <class Model>
class JustInTime {
 public:
  using Item = typename Model::Item;
  using Positions = std::vector<std::uint32_t>;  // by thread: how many items are done

  JustInTime(const std::vector<std::vector<Item>>* threads, Model* model)
      : threads_(*threads), model_(*model), at_(threads->size(), 0) {}

  // Whether there is a linearization. False also when `steps_max` configurations were not enough.
  bool Search(std::uint64_t steps_max) {
    steps_left_ = steps_max;
    return Step();
  }
  bool gave_up() const { return steps_left_ == 0; }

  // Of a search that failed: where it came furthest.
  const Positions& furthest() const { return furthest_; }
  // Of one that succeeded: the writes in their order.
  const std::vector<const Item*>& order() const { return order_; }

 private:
  const Item* Next(std::size_t thread) const {
    return at_[thread] < threads_[thread].size() ? &threads_[thread][at_[thread]] : nullptr;
  }

  // No other thread's next operation ended before `item` began.
  bool MayComeNext(const Item& item) const {
    for (std::size_t t = 0; t < threads_.size(); ++t) {
      const Item* other = Next(t);
      if (other != nullptr && other != &item && other->end < item.begin) return false;
    }
    return true;
  }

  void TakeReads() {
    for (bool more = true; more;) {
      more = false;
      for (std::size_t t = 0; t < threads_.size(); ++t) {
        for (const Item* item = Next(t);
             item != nullptr && model_.IsRead(*item) && MayComeNext(*item) && model_.Matches(*item);
             item = Next(t)) {
          ++at_[t];
          more = true;
        }
      }
    }
  }

  std::string Configuration() const {
    const std::uint64_t digest = model_.digest();
    std::string key(at_.size() * sizeof(std::uint32_t) + sizeof(digest), '\0');
    std::memcpy(key.data(), at_.data(), at_.size() * sizeof(std::uint32_t));
    std::memcpy(key.data() + at_.size() * sizeof(std::uint32_t), &digest, sizeof(digest));
    return key;
  }

  bool Done() {
    std::uint64_t done = 0;
    bool all = true;
    for (std::size_t t = 0; t < threads_.size(); ++t) {
      done += at_[t];
      all = all && at_[t] == threads_[t].size();
    }
    if (furthest_.empty() || done > furthest_done_) {
      furthest_ = at_;
      furthest_done_ = done;
    }
    return all;
  }

  bool Step() {
    if (steps_left_ == 0 || --steps_left_ == 0) return false;
    const Positions before = at_;
    TakeReads();
    if (Done()) return true;
    if (tried_.insert(Configuration()).second) {
      for (std::size_t t = 0; t < threads_.size(); ++t) {
        const Item* item = Next(t);
        if (item == nullptr || model_.IsRead(*item) || !MayComeNext(*item)) continue;
        if (!model_.MayApply(*item)) continue;
        model_.Apply(*item);
        ++at_[t];
        order_.push_back(item);
        if (Step()) return true;
        order_.pop_back();
        --at_[t];
        model_.Undo();
      }
    }
    at_ = before;
    return false;
  }

  const std::vector<std::vector<Item>>& threads_;
  Model& model_;
  Positions at_;
  Positions furthest_;
  std::uint64_t furthest_done_ = 0;
  std::uint64_t steps_left_ = 0;
  std::vector<const Item*> order_;
  std::unordered_set<std::string> tried_;
};

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_HISTORY_JUST_IN_TIME_H_
