// SPDX-License-Identifier: Apache-2.0
//
// Warm: every segment in memory and verified, as it is mapped or as a copy in huge pages.
#include <utility>

#include "base/status_util.h"
#include "db/core.h"

namespace kyro::db {
namespace {

// Bytes that verifying one segment ticks.
std::uint64_t BytesOf(const SegmentRef& ref, bool values) {
  return ref.keys.bytes + (values ? ref.data.bytes : 0);
}

class Warmer {
 public:
  Warmer(const WarmOptions& options, const Progress& progress, upkeep::Installer* installer)
      : options_(options), installer_(installer), meter_(&progress, 0) {}

  Status Run(const read::RunsVersion& version) {
    std::uint64_t total = 0;
    ForEachSegment(version, [&](std::uint32_t, const auto& segment) {
      const std::uint64_t bytes = BytesOf(segment->ref(), options_.values);
      total += NeedsCopy(*segment) ? 2 * bytes : bytes;
    });
    meter_.set_total(total);
    Status first;
    ForEachSegment(version, [&](std::uint32_t keyspace, const auto& segment) {
      if (first.code() == StatusCode::kCancelled) return;
      Status status = WarmOne(keyspace, *segment);
      if (status.code() == StatusCode::kCancelled) {
        first = Status(StatusCode::kCancelled, "warm cancelled");
      } else if (first.ok()) {
        first = std::move(status);
      }
    });
    return first;
  }

 private:
  template <class Visit>
  static void ForEachSegment(const read::RunsVersion& version, Visit visit) {
    for (const read::KeyspaceRuns& keyspace : version.keyspaces) {
      std::visit(
          [&](const auto& runs) {
            for (const auto& run : runs->runs) {
              for (const auto& segment : run.segments) visit(keyspace.id, segment);
            }
          },
          keyspace.runs);
    }
  }

  template <class K>
  bool NeedsCopy(const segment::Segment<K>& segment) const {
    return options_.huge_pages && !segment.copied(options_.values);
  }

  // Verified before it is copied: that can be cancelled at any time, finds damage without the copy
  // and leaves the file in the page cache, so that the copy takes a moment.
  template <class K>
  Status WarmOne(std::uint32_t keyspace, const segment::Segment<K>& segment) {
    KYRO_RETURN_IF_ERROR(segment.VerifyMapped(tick_, options_.values));
    if (!NeedsCopy(segment)) return Status::Ok();
    KYRO_ASSIGN_OR_RETURN(auto copy, segment.Copy(options_.values));
    KYRO_RETURN_IF_ERROR(installer_->PublishCopy<K>(keyspace, std::move(copy)));
    const bool on = tick_(BytesOf(segment.ref(), options_.values));
    return on ? Status::Ok() : Status(StatusCode::kCancelled);
  }

  const WarmOptions options_;
  upkeep::Installer* const installer_;
  upkeep::Meter meter_;
  const segment::Tick tick_ = [this](std::uint64_t bytes) {
    meter_.Add(bytes);
    return !meter_.Cancelled();
  };
};

}  // namespace

Status Core::Warm(const WarmOptions& options, const Progress& progress) {
  KYRO_RETURN_IF_ERROR(CheckOpen());
  read::StatePin state = states_->Pin();
  Status status = Warmer(options, progress, installer_.get()).Run(*state->runs);
  state = nullptr;
  states_->Reclaim();  // what is mapped twice now
  return status;
}

}  // namespace kyro::db
