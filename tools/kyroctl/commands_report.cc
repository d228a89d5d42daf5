// SPDX-License-Identifier: Apache-2.0
//
// report: a database as one page of HTML, from one pass over its keys.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "db/inspect.h"
#include "kyro/db.h"
#include "kyroctl/open.h"
#include "kyroctl/progress.h"
#include "kyroctl/report/page.h"
#include "kyroctl/report/profile.h"
#include "kyroctl/request.h"
#include "kyroctl/rows.h"
#include "kyroctl/text.h"
#include "kyroctl/verbs.h"

namespace kyro::kyroctl {
namespace {

// The least and the largest key of all segments.
std::pair<std::uint64_t, std::uint64_t> KeyRange(const db::KeyspaceInspection& keyspace) {
  std::uint64_t first = ~std::uint64_t{0}, last = 0;
  for (const db::RunInspection& run : keyspace.runs) {
    for (const db::SegmentInspection& segment : run.segments) {
      first = std::min(first, DecodeU64Key(segment.ref.first_key).value_or(first));
      last = std::max(last, DecodeU64Key(segment.ref.last_key).value_or(last));
    }
  }
  return first > last ? std::pair<std::uint64_t, std::uint64_t>{0, 0} : std::pair{first, last};
}

template <class K>
Status ProfileRows(const Db& db, const db::KeyspaceInspection& keyspace, const Progress& progress,
                   Profile* profile) {
  const auto [first, last] =
      kKindOf<K> == KeyKind::kU64 ? KeyRange(keyspace) : std::pair<std::uint64_t, std::uint64_t>();
  Profiler profiler(kKindOf<K>, first, last);
  const db::RowVisitor<K> visit = [&](const db::RowBatch<K>& batch) { profiler.Add(batch); };
  const Status status = db::Door::VisitRows<K>(db, keyspace.info.id, visit, progress);
  *profile = profiler.Finish();
  return status;
}

// The keyspace that was asked for, or all.
Status Gather(const Db& db, const Request& request, Output& output, Report* report) {
  auto inspection = db::Door::Inspect(db);
  if (!inspection.ok()) return inspection.status();
  report->path = request.db;
  report->inspection = *std::move(inspection);
  for (std::size_t i = 0; i < report->inspection.keyspaces.size(); ++i) {
    const db::KeyspaceInspection& keyspace = report->inspection.keyspaces[i];
    if (request.keyspace_given && *request.keyspace_given != keyspace.info.name) continue;
    Task task(output, "reading", Unit::kRows);
    ReportedKeyspace& reported = report->keyspaces.emplace_back();
    reported.keyspace = i;
    const Status status =
        keyspace.info.kind == KeyKind::kU64
            ? ProfileRows<U64>(db, keyspace, task.AsProgress(), &reported.profile)
            : ProfileRows<Bytes>(db, keyspace, task.AsProgress(), &reported.profile);
    if (!status.ok()) return status;
  }
  return Status::Ok();
}

Status WritePage(const std::string& path, std::string_view page) {
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(page.data(), static_cast<std::streamsize>(page.size()));
  file.close();
  if (file.good()) return Status::Ok();
  const int cause = errno;
  return Status(cause == ENOSPC ? StatusCode::kNoSpace : StatusCode::kIoError,
                fmt::format("{} cannot be written: {}", Printable(path),
                            std::generic_category().message(cause)));
}

int SayWritten(const Request& request, const std::string& path, const std::string& page,
               Output& output) {
  if (request.json) {
    output.Object(Json{{"report", path}, {"bytes", page.size()}});
  } else {
    output.Line(fmt::format("wrote {} of {} bytes", Printable(path), page.size()));
  }
  return output.Done();
}

int MakeReport(const Request& request, Output& output) {
  if (!request.out) {
    return output.Fail(Status(StatusCode::kInvalidArgument,
                              "report needs a file for its page: -o FILE.html, or - for standard "
                              "output; see kyroctl report --help"));
  }
  auto db = OpenToRead(request);
  if (!db.ok()) return FailToOpen(db.status(), request, output);
  if (request.keyspace_given) {
    const auto info = FindKeyspace(*db, request.keyspace);
    if (!info.ok()) return FailToFind(*db, info.status(), request, output);
  }
  Report report;
  const Status gathered = Gather(*db, request, output, &report);
  int code = kExitOk;
  if (gathered.code() == StatusCode::kCancelled) {
    code = output.Interrupted("no page was written");
  } else if (!gathered.ok()) {
    code = output.Fail(gathered);
  }
  code = CloseAnd(*db, code, output);
  if (code != kExitOk) return code;
  const std::string page = ReportAsHtml(report);
  if (*request.out == "-") {
    output.Write(page);
    return output.Done();
  }
  const Status written = WritePage(*request.out, page);
  return written.ok() ? SayWritten(request, *request.out, page, output) : output.Fail(written);
}

}  // namespace

Verb ReportVerb() {
  Option out = TextOption("--output", "FILE", &Request::out, "Page to write; - is standard output");
  out.letter = 'o';
  out.completes = Completes::kFile;
  return {.name = "report",
          .summary = "Draw a database as one page of HTML",
          .description =
              "Key distribution and model, prediction errors, windows, the index's layers, where "
              "the bytes go, runs, segments and statistics, on one page without scripts or "
              "anything from elsewhere. Reads every key once. All keyspaces, or the one that "
              "--keyspace names. Changes no file of the database.",
          .group = Group::kUpkeep,
          .arguments = {DbArgument()},
          .options = {std::move(out)},
          .examples = {{"kyroctl report cells -o cells.html", "Draw a database"},
                       {"kyroctl report cells -o names.html --keyspace names",
                        "Draw one keyspace of it"}},
          .exits = {{kExitInterrupted, "interrupted: no page was written"}},
          .run = &MakeReport};
}

}  // namespace kyro::kyroctl
