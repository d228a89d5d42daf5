// SPDX-License-Identifier: Apache-2.0
//
// checkpoint, snapshot, rebuild, verify: a whole database at once.
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
#include "kyroctl/rows.h"
#include "kyroctl/text.h"
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

void SetCopied(Json* object, const Request& request, Sequence sequence) {
  SetBytes(object, "checkpoint", request.directory);
  (*object)["sequence"] = sequence;
}

std::string CopiedLine(const Request& request, Sequence sequence) {
  const std::string lead = fmt::format("copied up to sequence {} into ", sequence);
  return lead + Shortened(request.directory, kColumns - lead.size());
}

// What came of copying a database into request.directory.
struct Copied {
  int code = kExitOk;
  Sequence sequence = 0;
};

Copied Copy(Db* db, const Request& request, Output& output) {
  const auto copied = [&] {
    Task task(output, "copying", Unit::kBytes);
    return db->Checkpoint(request.directory, task.AsProgress());
  }();
  if (copied.ok()) return {.sequence = *copied};
  const Status& status = copied.status();
  if (status.code() == StatusCode::kCancelled) {
    return {.code = output.Interrupted(fmt::format("{0} is not made; {0}.tmp can be deleted",
                                                   Printable(request.directory)))};
  }
  if (status.code() == StatusCode::kAlreadyExists) {
    return {.code = output.No(status.code(), fmt::format("{}; give a directory that is not there",
                                                         status.message()))};
  }
  return {.code = output.Fail(status)};
}

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
  const bool copies = code == kExitOk && !request.directory.empty();
  const Copied copied = copies ? Copy(&*db, request, output) : Copied{.code = code};
  code = CloseAnd(*db, copied.code, output);
  if (code != kExitOk) return code;
  if (request.json) {
    Json object{{"ok", true},
                {"segments", stats.segments},
                {"segment_bytes", stats.segment_bytes},
                {"model_bytes", stats.model_bytes}};
    if (copies) SetCopied(&object, request, copied.sequence);
    output.Object(object);
  } else {
    output.Line(fmt::format("{} {} segments of {} bytes, {} of them models", job.did,
                            stats.segments, stats.segment_bytes, stats.model_bytes));
    if (copies) output.Line(CopiedLine(request, copied.sequence));
  }
  return output.Done();
}

int MakeCheckpoint(const Request& request, Output& output) {
  auto db = OpenToWrite(request, false);
  if (!db.ok()) return FailToOpen(db.status(), request, output);
  const Copied copied = Copy(&*db, request, output);
  const int code = CloseAnd(*db, copied.code, output);
  if (code != kExitOk) return code;
  if (request.json) {
    Json object{{"ok", true}};
    SetCopied(&object, request, copied.sequence);
    output.Object(object);
  } else {
    output.Line(CopiedLine(request, copied.sequence));
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

Argument CopyArgument(bool required) {
  return {.name = "DIR",
          .about = "Directory of the copy; must not exist",
          .field = &Request::directory,
          .required = required,
          .completes = Completes::kDirectory};
}

}  // namespace

Verb CheckpointVerb() {
  return {.name = "checkpoint",
          .summary = "Copy a database into a new directory",
          .description =
              "The copy is a database of its own and holds every row of this one. Files "
              "are shared by hard links where the file system can. What is in the log "
              "is flushed first.",
          .group = Group::kUpkeep,
          .arguments = {DbArgument(), CopyArgument(true)},
          .examples = {{"kyroctl checkpoint cells monday", "Make a copy to restore from"}},
          .exits = {{kExitNo, "no: DIR exists already"},
                    {kExitInterrupted, "interrupted: DIR is not made"}},
          .run = &MakeCheckpoint};
}

Verb SnapshotVerb() {
  return {.name = "snapshot",
          .summary = "Fold each keyspace into one run of segments",
          .description =
              "Flushes what is in the log and merges, so that no keyspace holds a "
              "deletion or an old version any more. With DIR the result is then copied "
              "there, as checkpoint does.",
          .group = Group::kUpkeep,
          .arguments = {DbArgument(), CopyArgument(false)},
          .examples = {{"kyroctl snapshot cells", "Fold a database"},
                       {"kyroctl snapshot cells sunday", "Fold it and keep a copy"}},
          .exits = {{kExitNo, "no: DIR exists already"},
                    {kExitInterrupted, "interrupted: not all is folded and copied"}},
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
