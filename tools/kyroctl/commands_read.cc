// SPDX-License-Identifier: Apache-2.0
//
// get, scan, dump: reading through one view of a database opened read-only.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "kyro/db.h"
#include "kyroctl/listing.h"
#include "kyroctl/open.h"
#include "kyroctl/progress.h"
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
std::string LineOf(typename K::Key key, std::string_view value, std::size_t columns) {
  if constexpr (kKindOf<K> == KeyKind::kU64) {
    return RowLine({}, fmt::format("{}", key), value, columns) + "\n";
  } else {
    return RowLine({}, key, value, columns) + "\n";
  }
}

// What a walk without bounds has before it, about: entries that hide each other count twice.
std::uint64_t RowsAhead(const Db& db, const Request& request) {
  if (request.from || request.to || request.prefix) return 0;
  for (const KeyspaceStats& keyspace : db.stats().keyspaces) {
    if (keyspace.name != request.keyspace) continue;
    return std::min(keyspace.entries + keyspace.delta_keys, request.limit);
  }
  return 0;
}

// Rows between two looks at the clock.
constexpr std::uint64_t kRowsPerUpdate = 1024;

template <class K>
int Walk(const Db& db, const Keyspace<K>& keyspace, const Request& request, RowStyle style,
         Output& output) {
  Bounds<K> bounds;
  if (const Status parsed = bounds.Parse(request); !parsed.ok()) return output.Fail(parsed);
  const auto view = keyspace.view();
  if (!view.ok()) return output.Fail(view.status());
  Iterator<K> it = view->NewIterator();
  GoToStart(&it, bounds, request.reverse);
  const std::uint64_t ahead = RowsAhead(db, request);
  const Streams& streams = output.streams();
  const std::size_t columns = streams.out_is_terminal ? streams.out_screen.columns : 0;
  std::string row;
  std::uint64_t rows = 0;
  bool more = true;
  {
    Task task(output, "printing", Unit::kRows, streams.out_is_terminal);
    for (; more && rows < request.limit && it.Valid() && bounds.Holds(it.key()); ++rows) {
      row.clear();
      if (style == RowStyle::kNdjson) {
        AppendRow(&row, it.key(), it.value());
      } else {
        row = LineOf<K>(it.key(), it.value(), columns);
      }
      output.Write(row);
      if (!output.writable()) break;
      request.reverse ? it.Prev() : it.Next();
      if (rows % kRowsPerUpdate == 0) more = task.Update(rows, ahead, rows);
    }
  }
  if (!it.status().ok()) return output.Fail(it.status());
  if (more) return kExitOk;
  return output.Interrupted(
      fmt::format("the output has the first {} rows, and lacks the others", rows));
}

template <class Visit>
int Reading(const Request& request, Output& output, Visit&& visit) {
  auto db = OpenToRead(request);
  if (!db.ok()) return FailToOpen(db.status(), request, output);
  const int visited = VisitKeyspace(*db, request, output,
                                    [&](const auto& keyspace) { return visit(*db, keyspace); });
  const int code = CloseAnd(*db, visited, output);
  return code == kExitOk ? output.Done() : code;
}

int Get(const Request& request, Output& output) {
  return Reading(request, output, [&](const Db&, const auto& keyspace) {
    return GetFrom(keyspace, request, output);
  });
}

int ScanRows(const Request& request, Output& output) {
  const RowStyle style = request.json ? RowStyle::kNdjson : RowStyle::kPeople;
  return Reading(request, output, [&](const Db& db, const auto& keyspace) {
    return Walk(db, keyspace, request, style, output);
  });
}

int Dump(const Request& request, Output& output) {
  return Reading(request, output, [&](const Db& db, const auto& keyspace) {
    return Walk(db, keyspace, request, RowStyle::kNdjson, output);
  });
}

// Counts by walking: what is in segments and what is newer in the log cannot be added up.
template <class K>
int CountRows(const Db& db, const Keyspace<K>& keyspace, const Request& request, Output& output) {
  Bounds<K> bounds;
  if (const Status parsed = bounds.Parse(request); !parsed.ok()) return output.Fail(parsed);
  const auto view = keyspace.view();
  if (!view.ok()) return output.Fail(view.status());
  const std::uint64_t ahead = RowsAhead(db, request);
  std::uint64_t count = 0;
  bool more = true;
  Iterator<K> it = view->NewIterator();
  {
    Task task(output, "counting", Unit::kRows);
    for (GoToStart(&it, bounds, false); more && it.Valid() && bounds.Holds(it.key()); it.Next()) {
      if (++count % kRowsPerUpdate == 0) more = task.Update(count, ahead, count);
    }
  }
  if (!it.status().ok()) return output.Fail(it.status());
  if (!more) {
    return output.Interrupted(fmt::format("{} rows are counted, the others are not", count));
  }
  if (request.json) {
    output.Object(Json{{"count", count}});
  } else {
    output.Line(fmt::format("{}", count));
  }
  return kExitOk;
}

int CountVisited(const Request& request, Output& output) {
  return Reading(request, output, [&](const Db& db, const auto& keyspace) {
    return CountRows(db, keyspace, request, output);
  });
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
              "terminal could obey are escaped; on a terminal a row that is too long for a "
              "line is shortened in the middle. Changes no file.",
          .group = Group::kReading,
          .arguments = {DbArgument()},
          .options = WalkOptions(),
          .examples = {{"kyroctl scan cells --from 42 --limit 10", "Print ten rows from key 42 on"},
                       {"kyroctl scan cells --keyspace names --prefix a --reverse",
                        "Print the rows whose keys begin with a, last one first"}},
          .exits = {{kExitInterrupted, "interrupted: the output lacks rows"}},
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
          .exits = {{kExitInterrupted, "interrupted: the output lacks rows"}},
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
          .exits = {{kExitInterrupted, "interrupted: not all rows are counted"}},
          .run = &CountVisited};
}

}  // namespace kyro::kyroctl
