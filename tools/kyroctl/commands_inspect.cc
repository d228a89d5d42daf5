// SPDX-License-Identifier: Apache-2.0
//
// inspect and keyspaces: what a database is made of.
#include <fmt/format.h>

#include <string>

#include "db/inspect.h"
#include "kyro/db.h"
#include "kyroctl/inspect.h"
#include "kyroctl/listing.h"
#include "kyroctl/open.h"
#include "kyroctl/request.h"
#include "kyroctl/rows.h"
#include "kyroctl/verbs.h"

namespace kyro::kyroctl {
namespace {

int Inspect(const Request& request, Output& output) {
  auto db = OpenToRead(request);
  if (!db.ok()) return FailToOpen(db.status(), request, output);
  const auto inspection = db::Door::Inspect(*db);
  if (!inspection.ok()) return output.Fail(inspection.status());
  if (request.json) {
    output.Object(InspectionAsJson(request.db, *inspection));
  } else {
    output.Write(InspectionAsText(request.db, *inspection));
  }
  const Status closed = db->Close();
  return closed.ok() ? output.Done() : output.Fail(closed);
}

// NAME takes what the other columns leave.
constexpr std::size_t kNameColumns = 34;

std::string KeyspaceLine(const KeyspaceStats& keyspace) {
  return fmt::format("{:<{}} {:>5}  {:<5} {:>14} {:>17}", Shortened(keyspace.name, kNameColumns),
                     kNameColumns, keyspace.id, KeyKindName(keyspace.kind),
                     Count(keyspace.entries + keyspace.delta_keys), Count(keyspace.file_bytes));
}

Json KeyspaceObject(const KeyspaceStats& keyspace) {
  Json object;
  SetBytes(&object, "name", keyspace.name);
  object["id"] = keyspace.id;
  object["keys"] = KeyKindName(keyspace.kind);
  object["entries"] = keyspace.entries;
  object["tombstones"] = keyspace.tombstones;
  object["delta_keys"] = keyspace.delta_keys;
  object["file_bytes"] = keyspace.file_bytes;
  return object;
}

int ListKeyspaces(const Request& request, Output& output) {
  auto db = OpenToRead(request);
  if (!db.ok()) return FailToOpen(db.status(), request, output);
  const Stats stats = db->stats();
  if (request.json) {
    Json list = Json::array();
    for (const KeyspaceStats& keyspace : stats.keyspaces) list.push_back(KeyspaceObject(keyspace));
    output.Object(Json{{"keyspaces", std::move(list)}});
  } else {
    output.Line(fmt::format("{:<{}} {:>5}  {:<5} {:>14} {:>17}", "NAME", kNameColumns, "ID", "KEYS",
                            "ENTRIES", "FILE BYTES"));
    for (const KeyspaceStats& keyspace : stats.keyspaces) output.Line(KeyspaceLine(keyspace));
  }
  const int code = CloseAnd(*db, kExitOk, output);
  return code == kExitOk ? output.Done() : code;
}

}  // namespace

Verb InspectVerb() {
  return {.name = "inspect",
          .summary = "Show files, segments, models, log, counters",
          .description =
              "Opens the database read-only and shows what it is made of. The counters "
              "count from that opening. Changes no file.",
          .group = Group::kUpkeep,
          .arguments = {DbArgument()},
          .examples = {{"kyroctl inspect cells", "Show everything"},
                       {"kyroctl inspect cells --json", "The same for a program"}},
          .run = &Inspect};
}

Verb KeyspacesVerb() {
  return {.name = "keyspaces",
          .summary = "List the keyspaces",
          .description =
              "Entries are those in segments and in the log: versions and deletions "
              "that no merge has met yet are among them (kyroctl count counts rows). "
              "Changes no file.",
          .group = Group::kReading,
          .arguments = {DbArgument()},
          .examples = {{"kyroctl keyspaces cells", "List names, kinds and sizes"}},
          .run = &ListKeyspaces};
}

}  // namespace kyro::kyroctl
