// SPDX-License-Identifier: Apache-2.0
//
// Explain and VisitRows: how lookups go, for tools.
#include <vector>

#include "base/status_util.h"
#include "db/core.h"
#include "read/explain.h"

namespace kyro::db {
namespace {

// Rows between two looks at the progress: less than 10 ms of work.
constexpr std::uint64_t kRowsPerBatch = 512;
constexpr std::uint64_t kBatchesPerTick = 16;

// Walks one segment. Its buffers are kept from one segment to the next.
template <class K>
class RowWalker {
 public:
  RowWalker(const RowVisitor<K>& visit, upkeep::Meter* meter) : visit_(visit), meter_(meter) {
    keys_.reserve(kRowsPerBatch);
    routes_.reserve(kRowsPerBatch);
  }

  Status Walk(const segment::Segment<K>& segment, RowBatch<K> batch) {
    const std::uint64_t entries = segment.ref().entries;
    std::uint64_t batches = 0;
    for (batch.position = 0; batch.position < entries;) {
      segment::Chunk chunk;
      const Status* error = segment.ChunkAt(batch.position, kRowsPerBatch, &chunk);
      if (error != nullptr) return *error;
      keys_.clear();
      routes_.clear();
      for (std::uint64_t i = chunk.begin; i < chunk.end; ++i) {
        keys_.push_back(chunk.template key<K>(i));
        routes_.push_back(segment.RouteOf(keys_.back()));
      }
      batch.keys = keys_;
      batch.routes = routes_;
      visit_(batch);
      meter_->Add(keys_.size());
      batch.position = chunk.end;
      if (++batches % kBatchesPerTick == 0 && meter_->Cancelled()) return Cancelled();
    }
    return meter_->Cancelled() ? Cancelled() : Status::Ok();
  }

 private:
  static Status Cancelled() { return Status(StatusCode::kCancelled, "walk cancelled"); }

  const RowVisitor<K>& visit_;
  upkeep::Meter* const meter_;
  std::vector<typename K::Key> keys_;
  std::vector<index::Route> routes_;
};

template <class K>
std::uint64_t RowsOf(const read::Runs<K>& runs) {
  std::uint64_t rows = 0;
  for (const auto& run : runs.runs) {
    for (const auto& segment : run.segments) rows += segment->ref().entries;
  }
  return rows;
}

}  // namespace

Status Core::CheckKeyspace(std::uint32_t keyspace, KeyKind kind) const {
  KYRO_RETURN_IF_ERROR(CheckOpen());
  for (const manifest::KeyspaceRef& known : installer_->manifest().keyspaces) {
    if (known.id == keyspace && known.kind == kind) return Status::Ok();
  }
  return Status::NotFound();
}

template <class K>
Result<read::Explanation> Core::Explain(std::uint32_t keyspace, typename K::Key key) const {
  KYRO_RETURN_IF_ERROR(CheckKeyspace(keyspace, kKindOf<K>));
  const read::StatePin state = states_->Pin();
  const Sequence sequence = read::ClampToState(*state, visible());
  const read::Sources<K> sources(*state, keyspace);
  return read::Explain<K>(sources, key, sequence, &shared_->predictions);
}

template <class K>
Status Core::VisitRows(std::uint32_t keyspace, const RowVisitor<K>& visit,
                       const Progress& progress) const {
  KYRO_RETURN_IF_ERROR(CheckKeyspace(keyspace, kKindOf<K>));
  const read::StatePin state = states_->Pin();
  const read::Runs<K>* runs = state->runs->Find<K>(keyspace);
  if (runs == nullptr) return Status::Ok();
  upkeep::Meter meter(&progress, RowsOf(*runs));
  RowWalker<K> walker(visit, &meter);
  RowBatch<K> batch;
  for (batch.run = 0; batch.run < runs->runs.size(); ++batch.run) {
    const auto& segments = runs->runs[batch.run].segments;
    for (batch.segment = 0; batch.segment < segments.size(); ++batch.segment) {
      KYRO_RETURN_IF_ERROR(walker.Walk(*segments[batch.segment], batch));
    }
  }
  return Status::Ok();
}

template Result<read::Explanation> Core::Explain<U64>(std::uint32_t, std::uint64_t) const;
template Result<read::Explanation> Core::Explain<Bytes>(std::uint32_t, std::string_view) const;
template Status Core::VisitRows<U64>(std::uint32_t, const RowVisitor<U64>&, const Progress&) const;
template Status Core::VisitRows<Bytes>(std::uint32_t, const RowVisitor<Bytes>&,
                                       const Progress&) const;

}  // namespace kyro::db
