// SPDX-License-Identifier: Apache-2.0
//
// snapshot, rebuild, verify: a whole database at once.
#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <vector>

#include "db/inspect.h"
#include "kyro/db.h"
#include "kyroctl/listing.h"
#include "kyroctl/open.h"
#include "kyroctl/request.h"
#include "kyroctl/verbs.h"

namespace kyro::kyroctl {
namespace {

// Shows a call's progress on `bar`, and keeps its last word in `*done`.
Progress ShowOn(ProgressBar* bar, std::uint64_t* done) {
  return Progress{.on_progress = [bar, done](std::uint64_t now, std::uint64_t total) {
    *done = now;
    bar->Update(now, total, now);
    return true;
  }};
}

int Maintain(const Request& request, Output& output, std::string_view what,
             Status (Db::*call)(const Progress&), std::string_view did) {
  auto db = OpenToWrite(request, false);
  if (!db.ok()) return FailToOpen(db.status(), request, output);
  Status status;
  {
    std::uint64_t done = 0;
    ProgressBar bar(output, what, "bytes");
    status = ((*db).*call)(ShowOn(&bar, &done));
  }
  const Stats stats = db->stats();
  const int code = CloseAnd(*db, status.ok() ? kExitOk : output.Fail(status), output);
  if (code != kExitOk) return code;
  if (request.json) {
    output.Object(Json{{"ok", true},
                       {"segments", stats.segments},
                       {"segment_bytes", stats.segment_bytes},
                       {"model_bytes", stats.model_bytes}});
  } else {
    output.Line(fmt::format("{} {} segments of {} bytes, {} of them models", did, stats.segments,
                            stats.segment_bytes, stats.model_bytes));
  }
  return output.Done();
}

// What a directory holds for verify.
struct Checked {
  std::uint64_t files = 0;
  std::vector<std::string> ignored;  // not kyro's, or left over and about to be deleted
};

Checked Sort(const std::vector<db::FileInspection>& files) {
  Checked checked;
  for (const db::FileInspection& file : files) {
    if (file.role == "lock") continue;
    if (file.role == "unknown" || file.role == "temporary") {
      checked.ignored.push_back(file.name);
    } else {
      ++checked.files;
    }
  }
  return checked;
}

void SayVerified(const Request& request, const Checked& checked, std::uint64_t bytes,
                 Output& output) {
  if (request.json) {
    Json object{{"ok", true}, {"files", checked.files}, {"bytes_checked", bytes}};
    object["ignored"] = checked.ignored;
    output.Object(object);
    return;
  }
  output.Line(fmt::format("sound: {} files, {} bytes checked", checked.files, bytes));
  for (const std::string& name : checked.ignored) {
    constexpr std::string_view kLead = "not checked, no file of this database: ";
    output.Line(fmt::format("{}{}", kLead, Shortened(name, kColumns - kLead.size())));
  }
}

int Snapshot(const Request& request, Output& output) {
  return Maintain(request, output, "folding", &Db::Fold, "folded into");
}

int Rebuild(const Request& request, Output& output) {
  return Maintain(request, output, "training", &Db::RebuildIndex, "trained the models of");
}

int Verify(const Request& request, Output& output) {
  auto db = OpenToRead(request);
  if (!db.ok()) return FailToOpen(db.status(), request, output);
  Status status;
  std::uint64_t bytes = 0;
  {
    ProgressBar bar(output, "checking", "bytes");
    status = db->Verify(ShowOn(&bar, &bytes));
  }
  if (!status.ok()) return output.Fail(status);
  const auto inspection = db::Door::Inspect(*db);
  if (!inspection.ok()) return output.Fail(inspection.status());
  const Status closed = db->Close();
  if (!closed.ok()) return output.Fail(closed);
  SayVerified(request, Sort(inspection->files), bytes, output);
  return output.Done();
}

}  // namespace

Verb SnapshotVerb() {
  return {.name = "snapshot",
          .summary = "Fold each keyspace into one run of segments",
          .description =
              "Flushes what is in the log and merges, so that no keyspace holds a "
              "deletion or an old version any more.",
          .group = Group::kUpkeep,
          .arguments = {DbArgument()},
          .examples = {{"kyroctl snapshot cells", "Fold a database"}},
          .run = &Snapshot};
}

Verb RebuildVerb() {
  return {.name = "rebuild",
          .summary = "Train every model anew",
          .description = "The data stays as it is.",
          .group = Group::kUpkeep,
          .arguments = {DbArgument()},
          .examples = {{"kyroctl rebuild cells", "Train the models of all segments"}},
          .run = &Rebuild};
}

Verb VerifyVerb() {
  return {.name = "verify",
          .summary = "Check every byte of every file",
          .description =
              "Every checksum, the order of the keys, the filters, and the bound of "
              "every model over every key. The first damage ends it. Repairs nothing, "
              "changes no file.",
          .group = Group::kUpkeep,
          .arguments = {DbArgument()},
          .examples = {{"kyroctl verify cells", "Check a database"}},
          .run = &Verify};
}

}  // namespace kyro::kyroctl
