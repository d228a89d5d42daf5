// SPDX-License-Identifier: Apache-2.0
//
// inspect: what a database is made of, through the inspection door.
#include <string>

#include "db/inspect.h"
#include "kyro/db.h"
#include "kyroctl/inspect.h"
#include "kyroctl/open.h"
#include "kyroctl/request.h"

namespace kyro::kyroctl {

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

}  // namespace kyro::kyroctl
