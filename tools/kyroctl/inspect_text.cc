// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "kyroctl/inspect.h"
#include "kyroctl/listing.h"
#include "kyroctl/rows.h"
#include "kyroctl/text.h"

namespace kyro::kyroctl {
namespace {

std::string WalName(std::uint64_t number) {
  return number == 0 ? "none" : fmt::format("{:06}", number);
}

void AppendHead(std::string* out, std::string_view path, const db::Inspection& inspection) {
  const Stats& s = inspection.stats;
  AppendField(out, 0, "database", Shortened(path, kColumns - kLabelColumns));
  AppendField(out, 0, "uuid", inspection.database_uuid);
  AppendField(out, 0, "manifest",
              fmt::format("generation {}, {}", inspection.manifest_generation,
                          inspection.clean ? "closed in order" : "not closed in order"));
  AppendField(out, 0, "sequences",
              fmt::format("visible {}, durable {}, flushed {}", Count(s.visible), Count(s.durable),
                          Count(s.flushed)));
  AppendField(out, 0, "log",
              fmt::format("oldest {}, newest {}, {}", WalName(inspection.wal_floor),
                          WalName(inspection.wal_newest), Counted(s.log_files, "file")));
  AppendField(out, 0, "replayed",
              fmt::format("{} from {}, {} torn", Counted(s.replayed_batches, "commit"),
                          Counted(s.replayed_files, "file"), Counted(s.torn_bytes, "byte")));
}

void AppendFiles(std::string* out, const db::Inspection& inspection) {
  constexpr std::size_t kNameColumns = 44;
  fmt::format_to(std::back_inserter(*out), "\n{:<{}}  {:<10}{:>20}\n", "FILE", kNameColumns, "ROLE",
                 "BYTES");
  std::uint64_t total = 0;
  for (const db::FileInspection& file : inspection.files) {
    total += file.bytes;
    fmt::format_to(std::back_inserter(*out), "{:<{}}  {:<10}{:>20}\n",
                   Shortened(file.name, kNameColumns), kNameColumns, file.role, Count(file.bytes));
  }
  fmt::format_to(std::back_inserter(*out), "{:<{}}  {:<10}{:>20}\n",
                 Counted(inspection.files.size(), "file"), kNameColumns, "", Count(total));
}

std::string BytesPerKey(std::uint64_t bytes, std::uint64_t keys) {
  return fmt::format("{:.3f}",
                     keys == 0 ? 0.0 : static_cast<double>(bytes) / static_cast<double>(keys));
}

void AppendModel(std::string* out, const segment::Facts& facts) {
  if (facts.model_damaged) {
    return AppendField(out, 4, "model", "damaged, not used: kyroctl rebuild makes a new one");
  }
  if (!facts.has_model) return AppendField(out, 4, "model", "none: searched exactly");
  AppendField(out, 4, "model",
              fmt::format("{}, {}, depth {}, {} bytes per key", facts.structure,
                          facts.leaves == 1 ? "1 leaf" : Count(facts.leaves) + " leaves",
                          facts.depth, BytesPerKey(facts.model_bytes, facts.entries)));
  AppendField(out, 4, "why", facts.why);
  AppendField(out, 4, "windows",
              fmt::format("p50 {}, p99 {}, p99.9 {}, max {} keys; max error {}", facts.window_p50,
                          facts.window_p99, facts.window_p999, facts.window_max, facts.max_error));
}

void AppendSegment(std::string* out, const db::SegmentInspection& segment, KeyKind kind) {
  const SegmentRef& ref = segment.ref;
  const segment::Facts& facts = segment.facts;
  AppendField(out, 2, "segment",
              fmt::format("{:06}.keys {:06}.data{}", ref.keys.id.number, ref.data.id.number,
                          ref.model.id.exists() ? fmt::format(" {:06}.rmi", ref.model.id.number)
                                                : std::string()));
  AppendField(
      out, 4, "entries",
      fmt::format("{}, {} of them deletions; values {}", Count(ref.entries), Count(ref.tombstones),
                  facts.fixed_width ? "of " + Counted(facts.value_bytes_fixed, "byte")
                                    : "of various lengths"));
  AppendField(out, 4, "keys",
              fmt::format("{} to {}", EncodedKeyForPeople(kind, ref.first_key),
                          EncodedKeyForPeople(kind, ref.last_key)));
  AppendField(out, 4, "sequences",
              fmt::format("{} to {}", Count(ref.min_sequence), Count(ref.max_sequence)));
  AppendField(
      out, 4, "bytes",
      fmt::format("keys {}, data {}, model {}, filter {}", Count(facts.keys_bytes),
                  Count(facts.data_bytes), Count(facts.model_bytes), Count(facts.filter_bytes)));
  AppendModel(out, facts);
}

void AppendKeyspace(std::string* out, const db::KeyspaceInspection& keyspace, const Stats& stats) {
  fmt::format_to(std::back_inserter(*out), "\nKEYSPACE \"{}\"\n",
                 Shortened(keyspace.info.name, kColumns - 11));
  std::size_t segments = 0;
  for (const db::RunInspection& run : keyspace.runs) segments += run.segments.size();
  std::string line =
      fmt::format("id {}, {} keys, {}, {}", keyspace.info.id, KeyKindName(keyspace.info.kind),
                  Counted(keyspace.runs.size(), "run"), Counted(segments, "segment"));
  for (const KeyspaceStats& counts : stats.keyspaces) {
    if (counts.id == keyspace.info.id) {
      line += fmt::format(", {} in the log", Counted(counts.delta_keys, "key"));
    }
  }
  AppendField(out, 2, "is", line);
  for (std::size_t i = 0; i < keyspace.runs.size(); ++i) {
    AppendField(out, 2, fmt::format("run {}", i + 1),
                fmt::format("{}{}", Counted(keyspace.runs[i].segments.size(), "segment"),
                            i == 0 && keyspace.runs.size() > 1 ? ", the newest" : ""));
    for (const db::SegmentInspection& segment : keyspace.runs[i].segments) {
      AppendSegment(out, segment, keyspace.info.kind);
    }
  }
}

void AppendStats(std::string* out, const Stats& s) {
  out->append("\nSTATISTICS since it was opened\n");
  AppendField(out, 2, "index",
              fmt::format("{}, {} leaves, {:.3f} bytes per key, {}, {}, {} damaged",
                          Counted(s.model_bytes, "model byte"), Count(s.leaves),
                          s.model_bytes_per_key, Counted(s.predictions, "prediction"),
                          Counted(s.model_fallbacks, "fallback"), Count(s.models_damaged)));
  AppendField(out, 2, "windows",
              fmt::format("p50 {}, p99 {}, p99.9 {}, max {} keys", s.window_p50, s.window_p99,
                          s.window_p999, s.window_max));
  AppendField(out, 2, "blocks",
              fmt::format("{} verified, {} bad", Count(s.blocks_verified), Count(s.blocks_bad)));
  AppendField(out, 2, "delta", Counted(s.delta_bytes, "byte"));
  AppendField(out, 2, "writers", StallReasonName(s.stall));
  for (const std::string& name : s.unknown_files) {
    AppendField(out, 2, "unknown", Shortened(name, kColumns - kLabelColumns - 2));
  }
  if (!s.background_error.ok()) AppendField(out, 2, "error", s.background_error.ToString());
}

}  // namespace

std::string EncodedKeyForPeople(KeyKind kind, std::string_view encoded) {
  const auto number = DecodeU64Key(encoded);
  if (kind == KeyKind::kU64 && number) return KeyForPeople(*number);
  return Shortened(encoded, 28);
}

std::string InspectionAsText(std::string_view path, const db::Inspection& inspection) {
  std::string out;
  AppendHead(&out, path, inspection);
  AppendFiles(&out, inspection);
  for (const db::KeyspaceInspection& keyspace : inspection.keyspaces) {
    AppendKeyspace(&out, keyspace, inspection.stats);
  }
  AppendStats(&out, inspection.stats);
  return out;
}

}  // namespace kyro::kyroctl
