// SPDX-License-Identifier: Apache-2.0
//
// The range of keys that --from, --to and --prefix describe, and walking over it.
#ifndef KYRO_TOOLS_KYROCTL_RANGE_H_
#define KYRO_TOOLS_KYROCTL_RANGE_H_

#include <optional>
#include <string>
#include <utility>

#include "kyro/view.h"
#include "kyroctl/request.h"
#include "kyroctl/rows.h"

namespace kyro::kyroctl {

// The ends of a walk, parsed. Absent: unbounded.
template <class K>
struct Bounds {
  std::optional<OwnedKey<K>> from;  // inclusive
  std::optional<OwnedKey<K>> to;    // exclusive

  Status Parse(const Request& request) {
    for (auto [text, key] : {std::pair(&request.from, &from), std::pair(&request.to, &to)}) {
      if (!*text) continue;
      auto parsed = ParseKey<K>(**text, request.hex);
      if (!parsed.ok()) return parsed.status();
      *key = *std::move(parsed);
    }
    return request.prefix ? Narrow(*request.prefix, request.hex) : Status::Ok();
  }
  bool Holds(typename K::Key key) const { return !(from && key < *from) && !(to && !(key < *to)); }

 private:
  // To the keys that begin with `text`.
  Status Narrow(const std::string& text, bool hex) {
    if constexpr (kKindOf<K> == KeyKind::kU64) {
      return Status(StatusCode::kInvalidArgument,
                    "--prefix is for bytes keys; give u64 keys a range with --from and --to");
    } else {
      auto prefix = ParseKey<K>(text, hex);
      if (!prefix.ok()) return prefix.status();
      const auto end = PrefixEnd(*prefix);
      if (!from || *from < *prefix) from = *std::move(prefix);
      if (end && (!to || *end < *to)) to = end;
      return Status::Ok();
    }
  }
};

template <class K>
void GoToStart(Iterator<K>* it, const Bounds<K>& bounds, bool reverse) {
  if (!reverse) {
    bounds.from ? it->Seek(*bounds.from) : it->SeekToFirst();
    return;
  }
  if (!bounds.to) return it->SeekToLast();
  it->SeekForPrev(*bounds.to);
  if (it->Valid() && it->key() == typename K::Key(*bounds.to)) it->Prev();
}

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_RANGE_H_
