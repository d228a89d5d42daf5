// SPDX-License-Identifier: Apache-2.0
//
// A history: what a few threads did to one database, and what they were told. Stamps come from one
// counter that every operation takes twice, before its call and after its return; so no two are
// equal, and an operation that ended before another began has the smaller stamps.
#ifndef KYRO_TESTS_PROOFS_HISTORY_HISTORY_H_
#define KYRO_TESTS_PROOFS_HISTORY_HISTORY_H_

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kyro/types.h"

namespace kyro::proofs {

using Stamp = std::uint64_t;
using Value = std::optional<std::string>;  // nothing: absent

// One key of one keyspace.
struct Cell {
  std::size_t space = 0;
  std::string key;
  friend auto operator<=>(const Cell&, const Cell&) = default;
};

using Content = std::map<Cell, std::string>;

// A put of a value that no other operation writes, or a deletion.
struct Change {
  Cell cell;
  Value value;
};

// All rows that a read found in [lo, hi) of one keyspace; of a lookup, the range of one key.
struct Seen {
  Cell lo;
  std::optional<std::string> hi;  // nothing: to the end of the keyspace
  std::vector<std::pair<std::string, std::string>> rows;

  static Seen Lookup(Cell cell, Value value);
};

struct Op {
  enum class Kind : std::uint8_t {
    kCommit,  // applied: changes in their order within the batch
    kGet,     // one Seen
    kView,    // a view or read point was taken; seen is all that was ever read through it
  };
  Kind kind = Kind::kGet;
  Stamp begin = 0;
  Stamp end = 0;
  // kCommit: what Write returned, 0 if it was a Put or a Delete, which do not tell. kView: its own.
  Sequence sequence = 0;
  std::vector<Change> changes;
  std::vector<Seen> seen;
};

struct History {
  Sequence base = 0;  // the newest commit before the history
  Content start;      // what was there at `base`
  // Every sequence above `base` is a commit of this history. Not so after a failed sync of the log:
  // then each commit must say its sequence.
  bool dense = true;
  std::vector<std::vector<Op>> threads;  // each in the order of its thread
};

void Apply(const std::vector<Change>& changes, Content* content);

// What the range should show.
Seen Expected(const Content& content, const Seen& seen);
bool Matches(const Content& content, const Seen& seen);

std::uint64_t Operations(const History& history);
// Operations during which another thread's was under way too.
std::uint64_t Overlapping(const History& history);

// For people: "thread 2 [17,22] write #41 {0/a=v1, 1/b gone}".
std::string Text(const Cell& cell);
std::string Text(const Seen& seen);
// The keys in which two reads of one range differ.
std::string Difference(const Seen& found, const Seen& want);
std::string Text(std::size_t thread, const Op& op);

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_HISTORY_HISTORY_H_
