// SPDX-License-Identifier: Apache-2.0
#include "kyroctl/report/bytes.h"

#include <algorithm>

namespace kyro::kyroctl {
namespace {

struct Columns {
  std::uint64_t keys = 0, values = 0, models = 0, filters = 0, aids = 0;
  std::uint64_t sum() const noexcept { return keys + values + models + filters + aids; }
};

void Add(const segment::Facts& facts, Columns* columns) {
  columns->keys += facts.key_column_bytes;
  columns->values += facts.value_column_bytes;
  columns->models += facts.model_column_bytes;
  columns->filters += facts.filter_bytes;
  columns->aids += facts.key_offset_bytes + facts.fingerprint_bytes + facts.value_offset_bytes +
                   facts.tombstone_bytes;
}

}  // namespace

std::vector<ByteShare> ByteSharesOf(const db::Inspection& inspection) {
  Columns columns;
  std::uint64_t segment_files = 0;
  for (const db::KeyspaceInspection& keyspace : inspection.keyspaces) {
    for (const db::RunInspection& run : keyspace.runs) {
      for (const db::SegmentInspection& segment : run.segments) {
        Add(segment.facts, &columns);
        // A model that is missing has no bytes in the directory.
        segment_files += segment.facts.keys_bytes + segment.facts.data_bytes +
                         (segment.facts.has_model ? segment.facts.model_bytes : 0);
      }
    }
  }
  std::uint64_t total = 0, log = 0;
  for (const db::FileInspection& file : inspection.files) {
    total += file.bytes;
    if (file.role == "wal") log += file.bytes;
  }
  const std::uint64_t frame = segment_files - std::min(segment_files, columns.sum());
  const std::uint64_t known = segment_files + log;
  return {{"keys", "key columns and heaps", columns.keys},
          {"values", "value columns and heaps", columns.values},
          {"models", "the learned index", columns.models},
          {"filters", "Bloom filters", columns.filters},
          {"offsets", "offsets, fingerprints and deletion bits", columns.aids},
          {"framing", "headers, checksums and padding", frame},
          {"log", "write-ahead log files", log},
          {"other", "manifest, lock and files of no segment", total - std::min(total, known)}};
}

}  // namespace kyro::kyroctl
