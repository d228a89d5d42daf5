// SPDX-License-Identifier: Apache-2.0
//
// The oracle of a view: every way of reading it, compared with the std::map that it must show.
#ifndef KYRO_TESTS_DB_VIEW_CHECK_H_
#define KYRO_TESTS_DB_VIEW_CHECK_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "db/any_space.h"
#include "support/seeded_random.h"

namespace kyro::db {

// What is wrong. Thrown by the checks, caught by who runs them.
struct Wrong {
  std::string what;
};

// `what()` is called only if it does not hold.
template <class What>
void Require(bool holds, What&& what) {
  if (!holds) throw Wrong{what()};
}
void RequireOk(const Status& status, const char* what);

// An iterator, and where it must stand in the map, which outlives this object.
class WatchedIterator {
 public:
  WatchedIterator(std::unique_ptr<AnyIterator> iterator, const Map* map)
      : iterator_(std::move(iterator)), map_(map), at_(map->end()) {}

  // One random move; `key` is for seeks. Throws Wrong.
  void Move(support::SeededRandom* random, const std::string& key);

 private:
  void Compare(std::uint64_t dice) const;

  const std::unique_ptr<AnyIterator> iterator_;
  const Map* const map_;
  Map::const_iterator at_;
};

// One thread at a time. Each check throws Wrong.
class ViewCheck {
 public:
  // `any_key` makes up keys, some of which the view has and some not.
  ViewCheck(support::SeededRandom* random, std::function<std::string()> any_key)
      : random_(random), any_key_(std::move(any_key)) {}

  // One of the checks below.
  void Some(const AnyView& view, const Map& map);
  // Every row and every key of the map, in every way.
  void All(const AnyView& view, const Map& map);

  void Gets(const AnyView& view, const Map& map, const std::vector<std::string>& keys);
  void MultiGet(const AnyView& view, const Map& map, const std::vector<std::string>& keys);
  // By rows and by batches.
  void Scan(const AnyView& view, const Map& map, const std::optional<std::string>& lo,
            const std::optional<std::string>& hi);
  void Walk(const AnyView& view, const Map& map, bool forward);
  void Iterator(const AnyView& view, const Map& map, int moves);

 private:
  // Keys that may be there, and about one in `share` of those that are.
  std::vector<std::string> SomeKeys(const Map& map, std::uint64_t count, std::uint64_t share);
  // `found` are the rows of [lo, hi) of the map; `how` they were found.
  static void CompareRows(const Rows& found, const Map& map, const std::optional<std::string>& lo,
                          const std::optional<std::string>& hi, const std::string& how);

  support::SeededRandom* const random_;
  const std::function<std::string()> any_key_;
};

}  // namespace kyro::db

#endif  // KYRO_TESTS_DB_VIEW_CHECK_H_
