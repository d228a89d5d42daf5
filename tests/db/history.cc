// SPDX-License-Identifier: Apache-2.0
#include "db/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/status_util.h"

namespace kyro::db {
namespace {

std::uint32_t Bit(std::size_t space) {
  return std::uint32_t{1} << space;
}

}  // namespace

Result<Contents> ReadContents(Db* db) {
  Contents contents;
  contents.sequence = db->stats().visible;
  KYRO_ASSIGN_OR_RETURN(const auto list, db->ListKeyspaces());
  for (const KeyspaceInfo& info : list) {
    for (std::size_t i = 0; i < FourSpaces().size(); ++i) {
      if (FourSpaces()[i].name == info.name) contents.spaces |= Bit(i);
    }
  }
  KYRO_ASSIGN_OR_RETURN(contents.state, ReadAll(db));
  return contents;
}

History::History() {
  current_.state = std::make_shared<const State>(FourSpaces().size());
  points_.push_back(current_);
}

// ---------------------------------------------------------------------------------- what happened

Sequence History::Issue(Moment now, const Batch& batch) {
  auto state = std::make_shared<State>(*current_.state);
  Apply(batch, state.get());
  before_ = current_;
  current_ = {++last_, std::move(state), now, kNever};
  points_.push_back(current_);
  return last_;
}

void History::Refused(Moment now) {
  points_.back().until = now;
  current_ = before_;
  --last_;
}

void History::Unknown() {
  current_ = before_;
}

void History::Raise(Moment now, Sequence sequence, Floors* floors) {
  if (!floors->empty() && floors->back().second >= sequence) return;
  floors->emplace_back(now, sequence);
}

void History::Survives(Moment now, Sequence sequence, Lasts lasts) {
  Raise(now, sequence, &killed_);
  if (lasts == Lasts::kPowerCut) Raise(now, sequence, &cut_);
}

void History::LeaveBehind(Moment now, bool (*leaves)(const Point&, const Point&)) {
  for (Point& point : points_) {
    if (leaves(point, current_)) point.until = std::min(point.until, now);
  }
}

void History::Resumed(Moment begin, Moment now, Sequence visible) {
  const Point before = current_;
  last_ = visible;
  if (visible > before.sequence) {
    current_ = {visible, before.state, begin, kNever};
    points_.push_back(current_);
  }
  LeaveBehind(now, [](const Point& point, const Point& current) {
    return point.sequence >= current.sequence && point.state != current.state;
  });
  Survives(now, current_.sequence, Lasts::kPowerCut);
}

void History::Creating(Moment begin, std::size_t space) {
  presence_.push_back({begin, kNever, Bit(space), 0});
}
void History::Created(Moment now, std::size_t) {
  presence_.back().end = now;
}

void History::Dropping(Moment begin, std::size_t space) {
  presence_.push_back({begin, kNever, 0, Bit(space)});
  auto state = std::make_shared<State>(*current_.state);
  (*state)[space].clear();
  before_ = current_;
  // At the same sequence: a drop is no commit, but all commits before it are durable by then.
  current_ = {current_.sequence, std::move(state), begin, kNever};
  points_.push_back(current_);
}

void History::DropFailed() {
  current_ = before_;
}

void History::Dropped(Moment now, std::size_t) {
  presence_.back().end = now;
  LeaveBehind(now, [](const Point& point, const Point& current) {
    return point.sequence <= current.sequence && point.state != current.state;
  });
  Survives(now, current_.sequence, Lasts::kPowerCut);
}

// ---------------------------------------------------------------------------------- crashes

Sequence History::LeastSequence(const CrashAt& crash) const {
  const Floors& floors = crash.power_cut ? cut_ : killed_;
  const auto above = std::upper_bound(
      floors.begin(), floors.end(), crash.moment,
      [](Moment moment, const std::pair<Moment, Sequence>& floor) { return moment < floor.first; });
  return above == floors.begin() ? 0 : std::prev(above)->second;
}

bool History::Allows(const Point& point, const CrashAt& crash) const {
  const bool begun = point.from == 0 || point.from < crash.moment + (crash.torn ? 1 : 0);
  return begun && crash.moment < point.until && point.sequence >= LeastSequence(crash);
}

std::pair<std::uint32_t, std::uint32_t> History::Spaces(const CrashAt& crash) const {
  std::uint32_t certain = spaces_, maybe = maybe_spaces_;
  for (const Presence& change : presence_) {
    if (change.end <= crash.moment) {
      certain = (certain | change.set) & ~change.clear;
      maybe = (maybe | change.set) & ~change.clear;
    } else if (change.begin < crash.moment + (crash.torn ? 1 : 0)) {
      certain &= ~change.clear;
      maybe |= change.set;
    }
  }
  return {certain, maybe};
}

std::size_t History::PointOf(const Contents& found) const {
  const auto is_found = [&](const Point& point) {
    return point.sequence == found.sequence && *point.state == found.state;
  };
  const auto at = std::find_if(points_.begin(), points_.end(), is_found);
  return at == points_.end() ? kNoPoint : static_cast<std::size_t>(at - points_.begin());
}

std::string History::Verdict(const CrashAt& crash, std::size_t point, std::uint32_t spaces) const {
  const auto [certain, maybe] = Spaces(crash);
  if ((spaces & certain) != certain || (spaces & ~maybe) != 0) {
    return fmt::format("keyspaces {:04b}, want {:04b} and perhaps {:04b}", spaces, certain, maybe);
  }
  // The same contents may stand at several moments: a drop of an empty keyspace changes nothing.
  for (const Point& other : points_) {
    if (other.sequence != points_[point].sequence || *other.state != *points_[point].state)
      continue;
    if (Allows(other, crash)) return "";
  }
  const Sequence least = LeastSequence(crash);
  if (points_[point].sequence < least) {
    return fmt::format("lost: at {}, want at least {}", points_[point].sequence, least);
  }
  return fmt::format("at {}, which is not yet or no longer possible", points_[point].sequence);
}

std::string History::Verdict(const CrashAt& crash, const Contents& found) const {
  const std::size_t point = PointOf(found);
  if (point != kNoPoint) return Verdict(crash, point, found.spaces);
  const std::string at =
      fmt::format("at {} (want at least {}): ", found.sequence, LeastSequence(crash));
  std::string verdict = at + "no commit has this sequence";
  for (const Point& other : points_) {
    if (other.sequence == found.sequence) verdict = at + Difference(found.state, *other.state);
  }
  return verdict;
}

History History::After(const CrashAt& crash, const Contents& found) const {
  const CrashAt cut{crash.moment, true, crash.torn};
  History after;
  after.points_.clear();
  after.current_ = {found.sequence, points_[PointOf(found)].state, 0, kNever};
  after.last_ = found.sequence;
  after.spaces_ = after.maybe_spaces_ = after.opened_spaces_ = found.spaces;
  if (!crash.power_cut) {
    // What a kill left is the most that a later power cut can leave.
    for (const Point& point : points_) {
      if (point.sequence > found.sequence || !Allows(point, cut)) continue;
      after.points_.push_back({point.sequence, point.state, 0, kNever});
    }
    std::tie(after.spaces_, after.maybe_spaces_) = Spaces(crash);
  }
  after.points_.push_back(after.current_);
  after.killed_.emplace_back(0, found.sequence);
  after.cut_.emplace_back(0, crash.power_cut ? found.sequence : LeastSequence(cut));
  return after;
}

void History::Opened(Moment now) {
  LeaveBehind(now, [](const Point& point, const Point& current) {
    return point.sequence != current.sequence || point.state != current.state;
  });
  presence_.push_back({0, now, opened_spaces_, ~opened_spaces_});
  Survives(now, current_.sequence, Lasts::kPowerCut);
}

}  // namespace kyro::db
