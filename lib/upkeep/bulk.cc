// SPDX-License-Identifier: Apache-2.0
//
// The upkeep half of a bulk load: building its run and installing it. The order of things is in
// commit/bulk.cc.
#include <algorithm>
#include <utility>

#include "base/status_util.h"
#include "upkeep/run_builder.h"
#include "upkeep/upkeep.h"

namespace kyro::upkeep {

template <class K>
Result<std::unique_ptr<RunBuilder<K>>> Upkeep::NewBulkBuilder(std::uint32_t keyspace,
                                                              const Meter* meter, RunRef* run) {
  const manifest::Manifest manifest = installer_->manifest();
  const auto* found = manifest::FindKeyspace(&manifest, keyspace);
  if (found == nullptr) return Status(StatusCode::kClosed, "the keyspace was dropped");
  segment::BuildOptions options;  // its sequence, not known yet, stays 0
  options.with_filter = !found->runs.empty();
  options.heap_bytes_max = options_.segment_bytes;
  return std::make_unique<RunBuilder<K>>(NewBuildContext(manifest.database, meter), options, run);
}

Status Upkeep::InstallBulk(std::uint32_t keyspace, const RunRef& run, Sequence sequence,
                           const delta::LogEdge& log, const Turnover& turnover) {
  const Status status = installer_->InstallCommit(
      [&](manifest::Manifest* next) -> Status {
        manifest::KeyspaceRef* found = manifest::FindKeyspace(next, keyspace);
        if (found == nullptr) return Status(StatusCode::kClosed, "the keyspace was dropped");
        found->runs.insert(found->runs.begin(), run);
        next->last_sequence = std::max(next->last_sequence, sequence);
        next->floor_sequence = sequence;
        MoveLogFloor(log, next);
        return Status::Ok();
      },
      turnover);
  if (status.ok()) MaintainSoon();
  return status;
}

void Upkeep::DiscardBulk(const RunRef& run) {
  NewRun discarded;
  discarded.run = run;
  Discard({discarded});
}

template Result<std::unique_ptr<RunBuilder<U64>>> Upkeep::NewBulkBuilder<U64>(std::uint32_t,
                                                                              const Meter*,
                                                                              RunRef*);
template Result<std::unique_ptr<RunBuilder<Bytes>>> Upkeep::NewBulkBuilder<Bytes>(std::uint32_t,
                                                                                  const Meter*,
                                                                                  RunRef*);

}  // namespace kyro::upkeep
