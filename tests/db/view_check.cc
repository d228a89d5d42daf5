// SPDX-License-Identifier: Apache-2.0
#include "db/view_check.h"

#include <iterator>
#include <optional>

#include "db/model.h"

namespace kyro::db {

void RequireOk(const Status& status, const char* what) {
  Require(status.ok(), [&] { return std::string(what) + ": " + status.ToString(); });
}

namespace {

void CompareLookup(const Map& map, const std::string& key, const Lookup& found, const char* how) {
  const auto want = map.find(key);
  const auto told = [&] { return std::string(how) + " of " + Shown(key) + ": "; };
  Require(!found.failed(), [&] { return told() + found.status().ToString(); });
  Require(found.present() == (want != map.end()), [&] {
    return told() + (found.present() ? "found " + Shown(std::string(found.value())) + ", want none"
                                     : "found nothing, want " + Shown(want->second));
  });
  Require(!found.present() || found.value() == want->second, [&] {
    return told() + "found " + Shown(std::string(found.value())) + ", want " + Shown(want->second);
  });
}

}  // namespace

// ---------------------------------------------------------------------------------- iterators

void WatchedIterator::Move(support::SeededRandom* random, const std::string& key) {
  const std::uint64_t dice = random->Below(at_ == map_->end() ? 4 : 24);
  const auto back = [this](Map::const_iterator at) {
    return at == map_->begin() ? map_->end() : std::prev(at);
  };
  if (dice == 0) {
    iterator_->SeekToFirst();
    at_ = map_->begin();
  } else if (dice == 1) {
    iterator_->SeekToLast();
    at_ = back(map_->end());
  } else if (dice == 2) {
    iterator_->Seek(key);
    at_ = map_->lower_bound(key);
  } else if (dice == 3) {
    iterator_->SeekForPrev(key);
    at_ = back(map_->upper_bound(key));
  } else if (dice < 14) {
    iterator_->Next();
    ++at_;
  } else {
    iterator_->Prev();
    at_ = back(at_);
  }
  Compare(dice);
}

void WatchedIterator::Compare(std::uint64_t dice) const {
  const auto told = [&] { return "iterator, move " + std::to_string(dice) + ": "; };
  const Status status = iterator_->status();
  Require(status.ok(), [&] { return told() + status.ToString(); });
  const bool end = at_ == map_->end();
  Require(iterator_->Valid() != end, [&] {
    return told() + (end ? "at " + Shown(iterator_->key()) + ", want the end"
                         : "at the end, want " + at_->first);
  });
  if (end) return;
  Require(iterator_->key() == at_->first,
          [&] { return told() + "at " + Shown(iterator_->key()) + ", want " + Shown(at_->first); });
  Require(iterator_->value() == at_->second, [&] {
    return told() + "at " + Shown(at_->first) + " = " + Shown(iterator_->value()) + ", want " +
           Shown(at_->second);
  });
}

// ---------------------------------------------------------------------------------- views

std::vector<std::string> ViewCheck::SomeKeys(const Map& map, std::uint64_t count,
                                             std::uint64_t share) {
  std::vector<std::string> keys;
  for (std::uint64_t i = 0; i < count; ++i) keys.push_back(any_key_());
  for (const auto& [key, value] : map) {
    if (random_->OneIn(share)) keys.push_back(key);
  }
  return keys;
}

void ViewCheck::Some(const AnyView& view, const Map& map) {
  std::optional<std::string> lo, hi;
  switch (random_->Below(5)) {
    case 0:
      return Gets(view, map, SomeKeys(map, 10, 8));
    case 1:
      return MultiGet(view, map, SomeKeys(map, random_->Below(40), 8));
    case 2:
      if (random_->OneIn(2)) lo = any_key_();
      if (random_->OneIn(2)) hi = any_key_();
      return Scan(view, map, lo, hi);
    case 3:
      return Walk(view, map, random_->OneIn(2));
    default:
      return Iterator(view, map, 30);
  }
}

void ViewCheck::All(const AnyView& view, const Map& map) {
  const std::vector<std::string> keys = SomeKeys(map, 100, 1);
  Gets(view, map, keys);
  MultiGet(view, map, keys);
  Scan(view, map, std::nullopt, std::nullopt);
  Walk(view, map, true);
  Walk(view, map, false);
}

void ViewCheck::Gets(const AnyView& view, const Map& map, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) CompareLookup(map, key, view.Get(key), "Get");
}

void ViewCheck::MultiGet(const AnyView& view, const Map& map,
                         const std::vector<std::string>& keys) {
  std::vector<Lookup> lookups;
  RequireOk(view.MultiGet(keys, &lookups), "MultiGet");
  for (std::size_t i = 0; i < keys.size(); ++i) {
    CompareLookup(map, keys[i], lookups[i], "MultiGet");
  }
}

void ViewCheck::Scan(const AnyView& view, const Map& map, const std::optional<std::string>& lo,
                     const std::optional<std::string>& hi) {
  for (const bool batches : {false, true}) {
    const std::string how = batches ? "NextBatch" : "Scan";
    Rows found;
    const Status status = batches ? view.ScanBatches(lo, hi, &found) : view.Scan(lo, hi, &found);
    RequireOk(status, how.c_str());
    CompareRows(found, map, lo, hi, how);
  }
}

void ViewCheck::CompareRows(const Rows& found, const Map& map, const std::optional<std::string>& lo,
                            const std::optional<std::string>& hi, const std::string& how) {
  auto want = lo ? map.lower_bound(*lo) : map.begin();
  for (const auto& row : found) {
    const std::string &key = row.first, &value = row.second;
    const bool end = want == map.end() || (hi && want->first >= *hi);
    Require(!end && key == want->first && value == want->second, [&] {
      return how + ": at " + Shown(key) + " = " + Shown(value) + ", want " +
             (end ? "the end" : Shown(want->first) + " = " + Shown(want->second));
    });
    ++want;
  }
  Require(want == map.end() || (hi && want->first >= *hi),
          [&] { return how + ": ends before " + Shown(want->first); });
}

// End to end, with an iterator.
void ViewCheck::Walk(const AnyView& view, const Map& map, bool forward) {
  const auto it = view.NewIterator();
  std::size_t rows = 0;
  for (forward ? it->SeekToFirst() : it->SeekToLast(); it->Valid();
       forward ? it->Next() : it->Prev()) {
    const auto want = map.find(it->key());
    Require(want != map.end() && it->value() == want->second && ++rows <= map.size(), [&] {
      return "a walk " + std::string(forward ? "forward" : "backward") + " comes to " +
             Shown(it->key()) + " = " + Shown(it->value()) + ", row " + std::to_string(rows);
    });
  }
  RequireOk(it->status(), "a walk");
  Require(rows == map.size(), [&] {
    return "a walk " + std::string(forward ? "forward" : "backward") + " over " +
           std::to_string(rows) + " rows, want " + std::to_string(map.size());
  });
}

void ViewCheck::Iterator(const AnyView& view, const Map& map, int moves) {
  WatchedIterator iterator(view.NewIterator(), &map);
  for (int move = 0; move < moves; ++move) iterator.Move(random_, any_key_());
}

}  // namespace kyro::db
