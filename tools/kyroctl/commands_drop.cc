// SPDX-License-Identifier: Apache-2.0
//
// drop: a keyspace and everything in it, for ever.
#include <fmt/format.h>

#include <string>

#include "kyro/db.h"
#include "kyroctl/open.h"
#include "kyroctl/request.h"
#include "kyroctl/rows.h"
#include "kyroctl/text.h"
#include "kyroctl/verbs.h"

namespace kyro::kyroctl {
namespace {

int DropFrom(Db* db, const Request& request, Output& output) {
  Request named = request;
  named.keyspace = request.name;
  if (const auto info = FindKeyspace(*db, request.name); !info.ok()) {
    return FailToFind(*db, info.status(), named, output);
  }
  if (const Status dropped = db->DropKeyspace(request.name); !dropped.ok()) {
    return output.Fail(dropped);
  }
  if (request.json) {
    Json object;
    SetBytes(&object, "dropped", request.name);
    output.Object(object);
  } else {
    output.Line(fmt::format("dropped keyspace \"{}\"", Printable(request.name)));
  }
  return kExitOk;
}

int Drop(const Request& request, Output& output) {
  if (!request.yes) {
    return output.Fail(
        Status(StatusCode::kInvalidArgument,
               fmt::format("this deletes every row of keyspace \"{}\" for ever; say so with --yes",
                           Printable(request.name))));
  }
  auto db = OpenToWrite(request, false);
  if (!db.ok()) return FailToOpen(db.status(), request, output);
  const int code = CloseAnd(*db, DropFrom(&*db, request, output), output);
  return code == kExitOk ? output.Done() : code;
}

}  // namespace

Verb DropVerb() {
  return {
      .name = "drop",
      .summary = "Delete a keyspace and every row in it",
      .description = "For ever, and durably when the command exits. Other keyspaces stay.",
      .group = Group::kWriting,
      .arguments = {DbArgument(),
                    {.name = "KEYSPACE", .about = "Name of the keyspace", .field = &Request::name}},
      .options = {FlagOption("--yes", &Request::yes, "Without it nothing is deleted")},
      .examples = {{"kyroctl drop cells names --yes", "Delete a keyspace"}},
      .run = &Drop};
}

}  // namespace kyro::kyroctl
