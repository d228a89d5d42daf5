// SPDX-License-Identifier: Apache-2.0
#include "proofs/history/history.h"

#include <algorithm>

namespace kyro::proofs {
namespace {

std::string Shown(const std::string& bytes) {
  std::string shown;
  for (const unsigned char byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    if (byte >= 0x20 && byte < 0x7f) {
      shown += static_cast<char>(byte);
    } else {
      shown += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return shown.size() <= 48 ? shown : shown.substr(0, 45) + "...";
}

bool IsLookup(const Seen& seen) {
  return seen.hi.has_value() && *seen.hi == seen.lo.key + '\0';
}

}  // namespace

Seen Seen::Lookup(Cell cell, Value value) {
  Seen seen;
  seen.hi = cell.key + '\0';
  if (value) seen.rows.emplace_back(cell.key, *std::move(value));
  seen.lo = std::move(cell);
  return seen;
}

void Apply(const std::vector<Change>& changes, Content* content) {
  for (const Change& change : changes) {
    if (change.value) {
      (*content)[change.cell] = *change.value;
    } else {
      content->erase(change.cell);
    }
  }
}

Seen Expected(const Content& content, const Seen& seen) {
  Seen expected;
  expected.lo = seen.lo;
  expected.hi = seen.hi;
  for (auto it = content.lower_bound(seen.lo); it != content.end(); ++it) {
    if (it->first.space != seen.lo.space || (seen.hi && it->first.key >= *seen.hi)) break;
    expected.rows.emplace_back(it->first.key, it->second);
  }
  return expected;
}

bool Matches(const Content& content, const Seen& seen) {
  auto it = content.lower_bound(seen.lo);
  for (const auto& [key, value] : seen.rows) {
    if (it == content.end() || it->first.space != seen.lo.space || it->first.key != key ||
        it->second != value) {
      return false;
    }
    ++it;
  }
  return it == content.end() || it->first.space != seen.lo.space ||
         (seen.hi && it->first.key >= *seen.hi);
}

std::uint64_t Operations(const History& history) {
  std::uint64_t operations = 0;
  for (const auto& ops : history.threads) operations += ops.size();
  return operations;
}

std::uint64_t Overlapping(const History& history) {
  std::uint64_t overlapping = 0;
  for (std::size_t t = 0; t < history.threads.size(); ++t) {
    for (const Op& op : history.threads[t]) {
      bool overlaps = false;
      for (std::size_t u = 0; u < history.threads.size() && !overlaps; ++u) {
        if (u == t) continue;
        // The other thread's first operation that ends after this one's begin.
        const auto& others = history.threads[u];
        const auto it = std::partition_point(others.begin(), others.end(),
                                             [&](const Op& other) { return other.end < op.begin; });
        overlaps = it != others.end() && it->begin < op.end;
      }
      overlapping += overlaps;
    }
  }
  return overlapping;
}

std::string Text(const Cell& cell) {
  return std::to_string(cell.space) + "/" + Shown(cell.key);
}

std::string Text(const Seen& seen) {
  if (IsLookup(seen)) {
    return Text(seen.lo) + (seen.rows.empty() ? " absent" : "=" + Shown(seen.rows[0].second));
  }
  return "[" + Text(seen.lo) + "," + (seen.hi ? Shown(*seen.hi) : "") +
         "): " + std::to_string(seen.rows.size()) + " rows";
}

std::string Difference(const Seen& found, const Seen& want) {
  std::map<std::string, std::pair<Value, Value>> rows;
  for (const auto& [key, value] : found.rows) rows[key].first = value;
  for (const auto& [key, value] : want.rows) rows[key].second = value;
  std::string text;
  for (const auto& [key, pair] : rows) {
    if (pair.first == pair.second) continue;
    text += Text(Cell{found.lo.space, key}) + " found " + Shown(pair.first.value_or("absent")) +
            ", want " + Shown(pair.second.value_or("absent")) + "; ";
  }
  return text.empty() ? "a row twice, or out of order" : text;
}

std::string Text(std::size_t thread, const Op& op) {
  std::string text = "thread " + std::to_string(thread) + " [" + std::to_string(op.begin) + "," +
                     std::to_string(op.end) + "] ";
  text += op.kind == Op::Kind::kCommit ? "write" : op.kind == Op::Kind::kGet ? "get" : "view";
  if (op.sequence != 0) text += " #" + std::to_string(op.sequence);
  text += " {";
  for (const Change& change : op.changes) {
    text += Text(change.cell) + (change.value ? "=" + Shown(*change.value) : " gone") + ", ";
  }
  for (const Seen& seen : op.seen) text += Text(seen) + "; ";
  return text + "}";
}

}  // namespace kyro::proofs
