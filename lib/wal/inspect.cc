// SPDX-License-Identifier: Apache-2.0
#include "wal/inspect.h"

#include "base/status_util.h"
#include "wal/tail.h"

namespace kyro::wal {

Result<FileReport> ScanFile(const io::Directory& directory, std::string_view name,
                            const RecordVisitor& visit) {
  KYRO_ASSIGN_OR_RETURN(Reader reader, Reader::Open(directory, name));
  FileReport report;
  report.header = reader.header();
  Status refused;  // by `visit`: the caller's error, not the file's
  const auto visit_unless_refused = [&](const RecordHeader& header, std::string_view payload) {
    if (visit) refused = visit(header, payload);
    return refused;
  };
  Walk walk;
  report.damage = WalkRecords(&reader, WalkLimits{}, visit_unless_refused, &walk);
  if (!refused.ok()) return refused;
  report.file = Scanned(reader, walk);
  report.link = walk.link;
  report.seal = walk.seal;
  if (!report.damage.ok()) return report;
  if (walk.seal && walk.seal->successor.exists()) {
    report.damage = CheckZerosBehind(&reader, walk);
    return report;
  }
  const Result<std::uint64_t> torn = TornBytes(&reader, walk);
  if (torn.ok()) report.torn_bytes = *torn;
  report.damage = torn.status();
  return report;
}

}  // namespace kyro::wal
