// SPDX-License-Identifier: Apache-2.0
//
// get, scan, dump: reading through one view of a database opened read-only.
#include <fmt/format.h>

#include <optional>
#include <string>

#include "kyro/db.h"
#include "kyroctl/open.h"
#include "kyroctl/range.h"
#include "kyroctl/request.h"
#include "kyroctl/rows.h"
#include "kyroctl/text.h"
#include "kyroctl/verbs.h"

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

// Counts by walking: what is in segments and what is newer in the log cannot be added up.
template <class K>
int CountRows(const Keyspace<K>& keyspace, const Request& request, Output& output) {
  Bounds<K> bounds;
  if (const Status parsed = bounds.Parse(request); !parsed.ok()) return output.Fail(parsed);
  const auto view = keyspace.view();
  if (!view.ok()) return output.Fail(view.status());
  std::uint64_t count = 0;
  Iterator<K> it = view->NewIterator();
  for (GoToStart(&it, bounds, false); it.Valid() && bounds.Holds(it.key()); it.Next()) ++count;
  if (!it.status().ok()) return output.Fail(it.status());
  if (request.json) {
    output.Object(Json{{"count", count}});
  } else {
    output.Line(fmt::format("{}", count));
  }
  return kExitOk;
}

int CountVisited(const Request& request, Output& output) {
  return Reading(request, output,
                 [&](const auto& keyspace) { return CountRows(keyspace, request, output); });
}

}  // namespace

Verb GetVerb() {
  return {.name = "get",
          .summary = "Print a row's value",
          .description =
              "The value's bytes and nothing else, with a newline after them only on a "
              "terminal. Changes no file.",
          .group = Group::kReading,
          .arguments = {DbArgument(), KeyArgument()},
          .options = {HexOption()},
          .examples = {{"kyroctl get cells 42", "Print a value"},
                       {"kyroctl get cells 0x2a --json", "Print a row in JSON"}},
          .exits = {{kExitNo, "no: the key is absent"}},
          .run = &Get};
}

Verb ScanVerb() {
  return {.name = "scan",
          .summary = "Print rows for people, a key, a tab and a value each",
          .description =
              "In the order of the keys. Tabs, line ends, backslashes and everything a "
              "terminal could obey are escaped. Changes no file.",
          .group = Group::kReading,
          .arguments = {DbArgument()},
          .options = WalkOptions(),
          .examples = {{"kyroctl scan cells --from 42 --limit 10", "Print ten rows from key 42 on"},
                       {"kyroctl scan cells --keyspace names --prefix a --reverse",
                        "Print the rows whose keys begin with a, last one first"}},
          .run = &ScanRows};
}

Verb DumpVerb() {
  return {.name = "dump",
          .summary = "Print rows as NDJSON, for load",
          .description =
              "Each row is {\"key\":42,\"value\":\"text\"}; what is not UTF-8 "
              "stands in base64 under key_b64 or value_b64. Changes no file.",
          .group = Group::kReading,
          .arguments = {DbArgument()},
          .options = WalkOptions(),
          .examples = {{"kyroctl dump cells > cells.ndjson", "Write all rows to a file"},
                       {"kyroctl dump cells | kyroctl load copy - --create",
                        "Copy a keyspace into another database"}},
          .run = &Dump};
}

Verb CountVerb() {
  return {.name = "count",
          .summary = "Count rows",
          .description = "Walks over them: the time grows with their number. Changes no file.",
          .group = Group::kReading,
          .arguments = {DbArgument()},
          .options = RangeOptions(),
          .examples = {{"kyroctl count cells", "Count all rows"},
                       {"kyroctl count cells --from 40 --to 50",
                        "Count the rows with keys from 40 to 49"},
                       {"kyroctl count cells --keyspace names --prefix a",
                        "Count the rows whose keys begin with a"}},
          .run = &CountVisited};
}

}  // namespace kyro::kyroctl
