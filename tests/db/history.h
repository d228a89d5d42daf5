// SPDX-License-Identifier: Apache-2.0
//
// The oracle of crashes: what was done to a database and when, and from that what each crash may
// leave.
//
// A moment is a number of events of the SimFs: a crash at moment m lets events 0 .. m-1 happen. A
// database may be found at one of the history's points, a sequence and what it holds there:
//
//   H1 A point is there from its commit's first event on, until an acknowledged step (a Resume, a
//      drop, an Open) left it behind.
//   H2 The sequence is at least that of every commit which was acknowledged, or seen by a reader,
//      as surviving this kind of crash.
//   H3 What is held is exactly what the point holds: whole batches, in all keyspaces.
//   H4 A keyspace whose creation was acknowledged is there; one whose drop was acknowledged is not.
//
// Not thread-safe.
#ifndef KYRO_TESTS_DB_HISTORY_H_
#define KYRO_TESTS_DB_HISTORY_H_

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "db/model.h"

namespace kyro::db {

using Moment = std::uint64_t;
inline constexpr Moment kNever = std::numeric_limits<Moment>::max();

struct CrashAt {
  Moment moment = 0;
  bool power_cut = false;  // else a kill: the page cache lives on
  bool torn = false;       // of a kill: a part of the next event happened too
};

// What a database says it holds. `spaces`: bit i is set if FourSpaces()[i] is there.
struct Contents {
  Sequence sequence = 0;
  State state;
  std::uint32_t spaces = 0;
};
Result<Contents> ReadContents(Db* db);

class History {
 public:
  enum class Lasts : std::uint8_t { kKill, kPowerCut };  // the latter includes the former

  History();

  // --- What happened, in its order.

  // A commit is tried: the next sequence, which is returned.
  Sequence Issue(Moment now, const Batch& batch);
  // The last one issued failed for certain: it is nowhere, now or after any crash.
  void Refused(Moment now);
  // The last one issued may be there after a crash. Readers do not see it.
  void Unknown();
  // From `now` on everything up to `sequence` survives: it was acknowledged or seen.
  void Survives(Moment now, Sequence sequence, Lasts lasts);
  // Resume returned OK. What was unknown is nowhere; sequences up to `visible` are taken.
  void Resumed(Moment begin, Moment now, Sequence visible);
  // A keyspace is being made or dropped; `end` is kNever until that was acknowledged.
  void Creating(Moment begin, std::size_t space);
  void Created(Moment now, std::size_t space);
  void Dropping(Moment begin, std::size_t space);
  void Dropped(Moment now, std::size_t space);
  void DropFailed();  // readers still see it; whether a crash does is left open

  // The newest sequence that was not refused or unknown, and what is held there.
  Sequence sequence() const noexcept { return current_.sequence; }
  const State& state() const noexcept { return *current_.state; }

  // --- What a crash may leave.

  // Why `found` is no state that this crash may leave; empty if it is one.
  std::string Verdict(const CrashAt& crash, const Contents& found) const;
  // The same for what was found to be point `point`, as PointOf returned it, with these keyspaces.
  std::string Verdict(const CrashAt& crash, std::size_t point, std::uint32_t spaces) const;
  // The point that `found` is, at any moment; kNoPoint if none.
  static constexpr std::size_t kNoPoint = ~std::size_t{0};
  std::size_t PointOf(const Contents& found) const;
  Sequence LeastSequence(const CrashAt& crash) const;

  // The history of a database of which the crash left `found`, which Verdict accepted; it begins
  // anew at moment 0. Until Opened a power cut may still take what was never synced; a kill takes
  // nothing.
  History After(const CrashAt& crash, const Contents& found) const;
  // Open returned: what it found is durable.
  void Opened(Moment now);

 private:
  struct Point {
    Sequence sequence = 0;
    std::shared_ptr<const State> state;
    Moment from = 0;
    Moment until = kNever;
  };
  struct Presence {
    Moment begin = 0, end = 0;
    std::uint32_t set = 0, clear = 0;  // bits
  };
  using Floors = std::vector<std::pair<Moment, Sequence>>;  // ascending in both

  bool Allows(const Point& point, const CrashAt& crash) const;
  // Keyspaces that are there, and those that may be.
  std::pair<std::uint32_t, std::uint32_t> Spaces(const CrashAt& crash) const;
  void Raise(Moment now, Sequence sequence, Floors* floors);
  void LeaveBehind(Moment now, bool (*leaves)(const Point& point, const Point& current));

  std::vector<Point> points_;
  Point current_, before_;  // the newest that readers see; the one before the last Issue
  Sequence last_ = 0;       // the highest sequence that was issued or taken
  Floors killed_, cut_;
  std::vector<Presence> presence_;
  std::uint32_t spaces_ = 0, maybe_spaces_ = 0;  // at moment 0: there, and perhaps there
  std::uint32_t opened_spaces_ = 0;              // as found
};

}  // namespace kyro::db

#endif  // KYRO_TESTS_DB_HISTORY_H_
