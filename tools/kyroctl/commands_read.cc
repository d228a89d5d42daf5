// SPDX-License-Identifier: Apache-2.0
//
// get, scan, dump: reading through one view of a database opened read-only.
#include <fmt/format.h>

#include <optional>
#include <string>

#include "kyro/db.h"
#include "kyroctl/open.h"
#include "kyroctl/request.h"
#include "kyroctl/rows.h"
#include "kyroctl/text.h"

namespace kyro::kyroctl {
namespace {

enum class RowStyle { kPeople, kNdjson };

template <class K>
int GetFrom(const Keyspace<K>& keyspace, const Request& request, Output& output) {
  const auto key = ParseKey<K>(request.key, request.hex);
  if (!key.ok()) return output.Fail(key.status());
  const auto value = keyspace.Get(*key);
  if (!value.ok() && value.status().code() == StatusCode::kNotFound) {
    return output.No(StatusCode::kNotFound, fmt::format("key {} is absent", KeyForPeople(*key)));
  }
  if (!value.ok()) return output.Fail(value.status());
  if (request.json) {
    std::string row;
    AppendRow(&row, *key, *value);
    output.Write(row);
  } else {
    output.Write(*value);
    if (output.streams().out_is_terminal) output.Write("\n");
  }
  return kExitOk;
}

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
    return Status::Ok();
  }
  bool Holds(typename K::Key key) const { return !(from && key < *from) && !(to && !(key < *to)); }
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

template <class K>
void AppendStyled(std::string* out, RowStyle style, typename K::Key key, std::string_view value) {
  if (style == RowStyle::kNdjson) return AppendRow(out, key, value);
  if constexpr (kKindOf<K> == KeyKind::kU64) {
    fmt::format_to(std::back_inserter(*out), "{}\t{}\n", key, Printable(value));
  } else {
    fmt::format_to(std::back_inserter(*out), "{}\t{}\n", Printable(key), Printable(value));
  }
}

template <class K>
int Walk(const Keyspace<K>& keyspace, const Request& request, RowStyle style, Output& output) {
  Bounds<K> bounds;
  if (const Status parsed = bounds.Parse(request); !parsed.ok()) return output.Fail(parsed);
  const auto view = keyspace.view();
  if (!view.ok()) return output.Fail(view.status());
  Iterator<K> it = view->NewIterator();
  GoToStart(&it, bounds, request.reverse);
  std::string row;
  for (std::uint64_t left = request.limit; left > 0 && it.Valid() && bounds.Holds(it.key());
       --left) {
    row.clear();
    AppendStyled<K>(&row, style, it.key(), it.value());
    output.Write(row);
    if (!output.writable()) break;
    request.reverse ? it.Prev() : it.Next();
  }
  if (!it.status().ok()) return output.Fail(it.status());
  return kExitOk;
}

template <class Visit>
int Reading(const Request& request, Output& output, Visit&& visit) {
  auto db = OpenToRead(request);
  if (!db.ok()) return FailToOpen(db.status(), request, output);
  const int code = CloseAnd(*db, VisitKeyspace(*db, request, output, visit), output);
  return code == kExitOk ? output.Done() : code;
}

}  // namespace

int Get(const Request& request, Output& output) {
  return Reading(request, output,
                 [&](const auto& keyspace) { return GetFrom(keyspace, request, output); });
}

int ScanRows(const Request& request, Output& output) {
  const RowStyle style = request.json ? RowStyle::kNdjson : RowStyle::kPeople;
  return Reading(request, output,
                 [&](const auto& keyspace) { return Walk(keyspace, request, style, output); });
}

int Dump(const Request& request, Output& output) {
  return Reading(request, output, [&](const auto& keyspace) {
    return Walk(keyspace, request, RowStyle::kNdjson, output);
  });
}

}  // namespace kyro::kyroctl
