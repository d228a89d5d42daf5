// SPDX-License-Identifier: Apache-2.0
//
// Warm: every segment in memory and verified, as it is mapped or as a copy in huge pages.
#include <utility>

#include "base/status_util.h"
#include "db/core.h"

namespace kyro::db {
namespace {

class Warmer {
 public:
  Warmer(const WarmOptions& options, const Progress& progress, upkeep::Installer* installer)
      : options_(options), installer_(installer), meter_(&progress, 0) {}

  Status Run(const read::RunsVersion& version) {
    std::uint64_t total = 0;
    version.ForEachSegment([&](std::uint32_t, const segment::AnySegment& segment) {
      total += (NeedsCopy(segment) ? 2 : 1) * BytesOf(segment);
    });
    meter_.set_total(total);
    Status first;
    version.ForEachSegment([&](std::uint32_t keyspace, const segment::AnySegment& segment) {
      if (first.code() == StatusCode::kCancelled) return;
      Status status = WarmOne(keyspace, segment);
      if (status.code() == StatusCode::kCancelled) {
        first = Status(StatusCode::kCancelled, "warm cancelled");
      } else if (first.ok()) {
        first = std::move(status);
      }
    });
    return first;
  }

 private:
  // What verifying the segment ticks.
  std::uint64_t BytesOf(const segment::AnySegment& segment) const noexcept {
    const SegmentRef& ref = segment.ref();
    return ref.keys.bytes + (options_.values ? ref.data.bytes : 0);
  }
  bool NeedsCopy(const segment::AnySegment& segment) const noexcept {
    return options_.huge_pages && !segment.copied(options_.values);
  }

  // Verified before it is copied: that can be cancelled at any time, finds damage without the copy
  // and leaves the file in the page cache, so that the copy takes a moment.
  Status WarmOne(std::uint32_t keyspace, const segment::AnySegment& segment) {
    KYRO_RETURN_IF_ERROR(segment.VerifyMapped(tick_, options_.values));
    if (!NeedsCopy(segment)) return Status::Ok();
    KYRO_ASSIGN_OR_RETURN(const auto copy, segment.Copy(options_.values));
    KYRO_RETURN_IF_ERROR(installer_->PublishCopy(keyspace, copy));
    return tick_(BytesOf(segment)) ? Status::Ok() : Status(StatusCode::kCancelled);
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
