// SPDX-License-Identifier: Apache-2.0
#include "kyroctl/report/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "kyro/version.h"
#include "kyroctl/inspect.h"
#include "kyroctl/listing.h"
#include "kyroctl/progress.h"
#include "kyroctl/report/bytes.h"
#include "kyroctl/report/figures.h"
#include "kyroctl/report/numbers.h"
#include "kyroctl/rows.h"

namespace kyro::kyroctl {
namespace {

// A name from the database: isolated, so that no direction marks in it reach what follows.
std::string Name(std::string_view bytes) {
  return fmt::format("<bdi>{}</bdi>", Escaped(bytes));
}

std::string Tile(std::string_view number, std::string_view about) {
  return fmt::format("<li><b>{}</b><span>{}</span></li>\n", number, about);
}

std::string PerKey(std::uint64_t bytes, std::uint64_t keys) {
  if (keys == 0) return "–";
  return fmt::format("{:.2f}", static_cast<double>(bytes) / static_cast<double>(keys));
}

std::uint64_t RowsIn(const Report& report) {
  std::uint64_t rows = 0;
  for (const KeyspaceStats& keyspace : report.inspection.stats.keyspaces) rows += keyspace.entries;
  return rows;
}

void AppendHeader(std::string* out, const Report& report) {
  const db::Inspection& inspection = report.inspection;
  std::uint64_t total = 0;
  for (const db::FileInspection& file : inspection.files) total += file.bytes;
  std::uint64_t in_log = 0;
  for (const KeyspaceStats& keyspace : inspection.stats.keyspaces) in_log += keyspace.delta_keys;
  const std::uint64_t rows = RowsIn(report);
  const Stats& stats = inspection.stats;
  std::string_view path = report.path;
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const std::string_view name = path.substr(path.rfind('/') + 1);
  fmt::format_to(
      std::back_inserter(*out),
      "<header>\n<p class=\"eyebrow\">kyro database report</p>\n<h1>{}</h1>\n"
      "<p class=\"soft\">{} · manifest generation {}, {} · at sequence {}</p>\n"
      "<ul class=\"tiles\">\n{}{}{}{}{}</ul>\n</header>\n",
      Name(name.empty() ? path : name), Name(report.path), inspection.manifest_generation,
      inspection.clean ? "closed in order" : "not closed in order", Count(stats.visible),
      Tile(Compact(static_cast<double>(rows)),
           fmt::format("keys in {}", Counted(stats.segments, "segment"))),
      Tile(Compact(static_cast<double>(in_log)), "keys in the log only"),
      Tile(HumanBytes(static_cast<double>(total)),
           fmt::format("in {}", Counted(inspection.files.size(), "file"))),
      Tile(PerKey(total, rows), "bytes per key, everything"),
      Tile(stats.model_bytes == 0 ? "–" : fmt::format("{:.3f}", stats.model_bytes_per_key),
           "bytes per key, models alone"));
}

std::string WindowsOf(const segment::Facts& facts) {
  if (!facts.has_model) return "–";
  return fmt::format("{} · {} · {}", facts.window_p50, facts.window_p999, facts.window_max);
}

void AppendSegmentRow(std::string* out, const std::string& run,
                      const db::SegmentInspection& segment, KeyKind kind) {
  const segment::Facts& facts = segment.facts;
  const SegmentRef& ref = segment.ref;
  fmt::format_to(
      std::back_inserter(*out),
      "<tr><td>{}</td><td>{:06}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>"
      "<td>{}</td><td>{}</td><td>{}</td></tr>\n",
      run, ref.keys.id.number, Count(ref.entries), Count(ref.tombstones),
      Name(EncodedKeyForPeople(kind, ref.first_key)), Name(EncodedKeyForPeople(kind, ref.last_key)),
      HumanBytes(static_cast<double>(facts.keys_bytes + facts.data_bytes + facts.model_bytes)),
      facts.model_damaged ? "damaged"
      : !facts.has_model  ? "none"
                          : facts.structure,
      facts.has_model ? fmt::format("{}", facts.max_error) : "–", WindowsOf(facts));
}

void AppendRuns(std::string* out, const db::KeyspaceInspection& keyspace) {
  if (keyspace.runs.empty()) return;
  *out +=
      "<div class=\"scroll\"><table><thead><tr><th>run</th><th>segment</th><th>keys</th>"
      "<th>deleted</th><th>first key</th><th>last key</th><th>size</th><th>model</th>"
      "<th>max<br/>error</th><th>windows<br/>p50 · p99.9 · max</th></tr></thead><tbody>\n";
  for (std::size_t i = 0; i < keyspace.runs.size(); ++i) {
    for (const db::SegmentInspection& segment : keyspace.runs[i].segments) {
      AppendSegmentRow(out, fmt::format("{}", i + 1), segment, keyspace.info.kind);
    }
  }
  *out += "</tbody></table></div>\n";
  // The reasons, each once.
  std::vector<std::string> reasons;
  for (const db::RunInspection& run : keyspace.runs) {
    for (const db::SegmentInspection& segment : run.segments) {
      const std::string& why = segment.facts.why;
      if (why.empty() || std::find(reasons.begin(), reasons.end(), why) != reasons.end()) continue;
      reasons.push_back(why);
      if (reasons.size() > 3) continue;  // many segments: the table says the rest
      fmt::format_to(std::back_inserter(*out),
                     "<p class=\"why\">Why the index of segment {:06} is as it is: {}</p>\n",
                     segment.ref.keys.id.number, Escaped(why));
    }
  }
}

std::uint32_t MaxErrorOf(const db::KeyspaceInspection& keyspace) {
  std::uint32_t most = 0;
  for (const db::RunInspection& run : keyspace.runs) {
    for (const db::SegmentInspection& segment : run.segments) {
      if (segment.facts.has_model) most = std::max(most, segment.facts.max_error);
    }
  }
  return most;
}

std::string Pair(const std::string& one, const std::string& two) {
  if (one.empty() && two.empty()) return {};
  return fmt::format("<div class=\"pair\">\n{}{}</div>\n", one, two);
}

std::string Wide(const std::string& figure) {
  return figure.empty() ? figure : fmt::format("<div class=\"wide\">\n{}</div>\n", figure);
}

void AppendFigures(std::string* out, const Profile& profile, const std::string& id,
                   std::uint32_t max_error) {
  if (profile.kind == KeyKind::kBytes) {
    *out += Pair(KeyLengthHistogram(profile, id), {});
    return;
  }
  *out += Wide(DistributionFigure(profile, id));
  *out += Wide(ErrorBandFigure(profile, id, max_error));
  *out += Pair(ErrorHistogram(profile, id), WindowHistogram(profile, id));
  const std::string leaves = LeafHistogram(profile, id), gaps = GapHistogram(profile, id);
  const std::string layers = LayersFigure(profile, id);
  *out += leaves.empty() ? Pair(gaps, layers) : Pair(gaps, leaves) + Pair(layers, {});
}

void AppendKeyspace(std::string* out, const Report& report, const ReportedKeyspace& reported) {
  const db::KeyspaceInspection& keyspace = report.inspection.keyspaces[reported.keyspace];
  std::size_t segments = 0;
  for (const db::RunInspection& run : keyspace.runs) segments += run.segments.size();
  std::uint64_t in_log = 0;
  for (const KeyspaceStats& stats : report.inspection.stats.keyspaces) {
    if (stats.id == keyspace.info.id) in_log = stats.delta_keys;
  }
  fmt::format_to(
      std::back_inserter(*out),
      "<section>\n<h2>Keyspace {}</h2>\n<p class=\"soft\">{} keys · {} in {} and {} · {} in the "
      "log only</p>\n",
      Name(keyspace.info.name), KeyKindName(keyspace.info.kind),
      Counted(reported.profile.rows, "key"), Counted(keyspace.runs.size(), "run"),
      Counted(segments, "segment"), Counted(in_log, "key"));
  if (reported.profile.rows == 0) {
    *out +=
        "<p>There are no segments yet, so there is nothing to draw: keys come out of the log "
        "with the first flush (<code>kyroctl snapshot</code> makes one).</p>\n";
  }
  AppendFigures(out, reported.profile, fmt::format("k{}", keyspace.info.id), MaxErrorOf(keyspace));
  AppendRuns(out, keyspace);
  *out += "</section>\n";
}

void AppendFacts(std::string* out, const std::vector<std::pair<std::string, std::string>>& facts) {
  *out += "<dl>\n";
  for (const auto& [name, text] : facts) {
    fmt::format_to(std::back_inserter(*out), "<dt>{}</dt><dd>{}</dd>\n", name, text);
  }
  *out += "</dl>\n";
}

void AppendStatistics(std::string* out, const db::Inspection& inspection) {
  const Stats& s = inspection.stats;
  *out +=
      "<section>\n<h2>Statistics</h2>\n<p class=\"soft\">Counted since this report opened the "
      "database, read-only.</p>\n";
  std::vector<std::pair<std::string, std::string>> facts = {
      {"database", Escaped(inspection.database_uuid)},
      {"sequences", fmt::format("visible {}, durable {}, flushed {}", Count(s.visible),
                                Count(s.durable), Count(s.flushed))},
      {"log", fmt::format("{}; {} replayed from {}, {} torn", Counted(s.log_files, "file"),
                          Counted(s.replayed_batches, "commit"), Counted(s.replayed_files, "file"),
                          Counted(s.torn_bytes, "byte"))},
      {"models", fmt::format("{}, {}, {} damaged", Counted(s.model_bytes, "byte"),
                             s.leaves == 1 ? "1 leaf" : Count(s.leaves) + " leaves",
                             Count(s.models_damaged))},
      {"checksums", fmt::format("{} verified, {} bad", Counted(s.blocks_verified, "block"),
                                Count(s.blocks_bad))},
      {"delta", fmt::format("{} of memory", Counted(s.delta_bytes, "byte"))}};
  if (!s.background_error.ok()) facts.emplace_back("error", Escaped(s.background_error.ToString()));
  for (const db::FileInspection& file : inspection.files) {
    if (file.role == "unknown") facts.emplace_back("unknown file", Name(file.name));
  }
  AppendFacts(out, facts);
  *out += "</section>\n";
}

}  // namespace

std::string ReportAsHtml(const Report& report) {
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n"
      "<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<title>kyro: {}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n",
      Escaped(report.path), StyleSheet());
  AppendHeader(&out, report);
  for (const ReportedKeyspace& keyspace : report.keyspaces) AppendKeyspace(&out, report, keyspace);
  if (report.inspection.keyspaces.empty()) out += "<p>The database has no keyspaces.</p>\n";
  out += "<section class=\"wide\">\n<h2>Where the bytes go</h2>\n";
  out += BytesFigure(ByteSharesOf(report.inspection), RowsIn(report));
  out += "</section>\n";
  AppendStatistics(&out, report.inspection);
  fmt::format_to(std::back_inserter(out),
                 "<footer>Made by kyroctl report, kyro {}. Every number is computed by the code "
                 "that lookups use.</footer>\n</main>\n</body>\n</html>\n",
                 KYRO_VERSION);
  return out;
}

}  // namespace kyro::kyroctl
