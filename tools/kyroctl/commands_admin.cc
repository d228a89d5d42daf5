// SPDX-License-Identifier: Apache-2.0
//
// snapshot, rebuild, verify: a whole database at once.
#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "db/inspect.h"
#include "kyro/db.h"
#include "kyroctl/listing.h"
#include "kyroctl/open.h"
#include "kyroctl/progress.h"
#include "kyroctl/request.h"
#include "kyroctl/verbs.h"

namespace kyro::kyroctl {
namespace {

// What snapshot and rebuild have in common: a call that takes long.
struct Job {
  std::string_view what;  // "folding", on the bar
  std::string_view did;   // "folded into", in the answer
  std::string_view left;  // what ^C leaves
  Status (Db::*call)(const Progress&);
};

int RunJob(const Job& job, const Request& request, Output& output) {
  auto db = OpenToWrite(request, false);
  if (!db.ok()) return FailToOpen(db.status(), request, output);
  Status status;
  {
    Task task(output, job.what, Unit::kBytes);
    status = ((*db).*job.call)(task.AsProgress());
  }
  const Stats stats = db->stats();
  int code = kExitOk;
  if (status.code() == StatusCode::kCancelled) {
    code = output.Interrupted(job.left);
  } else if (!status.ok()) {
    code = output.Fail(status);
  }
  code = CloseAnd(*db, code, output);
  if (code != kExitOk) return code;
  if (request.json) {
    output.Object(Json{{"ok", true},
                       {"segments", stats.segments},
                       {"segment_bytes", stats.segment_bytes},
                       {"model_bytes", stats.model_bytes}});
  } else {
    output.Line(fmt::format("{} {} segments of {} bytes, {} of them models", job.did,
                            stats.segments, stats.segment_bytes, stats.model_bytes));
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
  output.Line(fmt::format("{}: {} files, {} bytes checked",
                          output.Coloured(Output::Colour::kGreen, "sound"), checked.files, bytes));
  for (const std::string& name : checked.ignored) {
    constexpr std::string_view kLead = "not checked, no file of this database: ";
    output.Line(fmt::format("{}{}", kLead, Shortened(name, kColumns - kLead.size())));
  }
}

int Snapshot(const Request& request, Output& output) {
  return RunJob({.what = "folding",
                 .did = "folded into",
                 .left = "every row is as it was, but not all keyspaces are folded; run it again",
                 .call = &Db::Fold},
                request, output);
}

int Rebuild(const Request& request, Output& output) {
  return RunJob({.what = "training",
                 .did = "trained the models of",
                 .left = "every row is as it was, but not all models are new; run it again",
                 .call = &Db::RebuildIndex},
                request, output);
}

int Verify(const Request& request, Output& output) {
  auto db = OpenToRead(request);
  if (!db.ok()) return FailToOpen(db.status(), request, output);
  Status status;
  std::uint64_t bytes = 0, total = 0;
  {
    Task task(output, "checking", Unit::kBytes);
    status = db->Verify({.on_progress = [&](std::uint64_t done, std::uint64_t all) {
      bytes = done;
      total = all;
      return task.Update(done, all, done);
    }});
  }
  if (status.code() == StatusCode::kCancelled) {
    return output.Interrupted(fmt::format(
        "{} of {} bytes are checked and sound, the others are not looked at", bytes, total));
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
          .exits = {{kExitInterrupted, "interrupted: not all keyspaces are folded"}},
          .run = &Snapshot};
}

Verb RebuildVerb() {
  return {.name = "rebuild",
          .summary = "Train every model anew",
          .description = "The data stays as it is.",
          .group = Group::kUpkeep,
          .arguments = {DbArgument()},
          .examples = {{"kyroctl rebuild cells", "Train the models of all segments"}},
          .exits = {{kExitInterrupted, "interrupted: not all models are new"}},
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
          .exits = {{kExitInterrupted, "interrupted: not all bytes are checked"}},
          .run = &Verify};
}

}  // namespace kyro::kyroctl
