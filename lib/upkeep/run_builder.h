// SPDX-License-Identifier: Apache-2.0
//
// Builds a run: a sequence of segments, split where one would grow past its limits.
#ifndef KYRO_UPKEEP_RUN_BUILDER_H_
#define KYRO_UPKEEP_RUN_BUILDER_H_

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

#include "base/status_util.h"
#include "segment/builder.h"

namespace kyro::upkeep {

// One thread at a time. Finished segments are appended to `*run`, also when a later one fails: the
// caller discards them then.
template <class K>
class RunBuilder {
 public:
  using Key = typename K::Key;

  RunBuilder(segment::BuildContext context, const segment::BuildOptions& options, RunRef* run)
      : context_(std::move(context)), options_(options), run_(run) {}

  Status Add(Key key, std::string_view value, bool tombstone) {
    if (builder_ != nullptr && builder_->Full(key, value.size())) KYRO_RETURN_IF_ERROR(Finish());
    if (builder_ == nullptr) {
      if (!run_->segments.empty() &&
          !KeyTraits<K>::Less(KeyTraits<K>::Decode(run_->segments.back().last_key), key)) {
        return Error(StatusCode::kInvalidArgument, "a key that does not follow the one before it");
      }
      KYRO_ASSIGN_OR_RETURN(builder_, segment::Builder<K>::Create(context_, options_));
    }
    return tombstone ? builder_->AddTombstone(key) : builder_->Add(key, value);
  }

  // The same for rows that have values. After an error any number of them may be there.
  Status AddBlock(const segment::RowBlock<K>& rows) {
    if (builder_ != nullptr && builder_->Holds(rows)) return builder_->AddBlock(rows);
    // A segment begins or ends among them.
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      KYRO_RETURN_IF_ERROR(Add(rows.keys[i], rows.value(i), /*tombstone=*/false));
    }
    return Status::Ok();
  }

  // OK and nothing appended if nothing was added.
  Status Finish() {
    if (builder_ == nullptr) return Status::Ok();
    KYRO_ASSIGN_OR_RETURN(SegmentRef ref, builder_->Finish());
    builder_ = nullptr;
    run_->segments.push_back(std::move(ref));
    return Status::Ok();
  }

 private:
  const segment::BuildContext context_;
  const segment::BuildOptions options_;
  RunRef* const run_;
  std::unique_ptr<segment::Builder<K>> builder_;
};

// Bytes of the run's files.
inline std::uint64_t RunBytes(const RunRef& run) {
  std::uint64_t bytes = 0;
  for (const SegmentRef& ref : run.segments) {
    bytes += ref.keys.bytes + ref.data.bytes + ref.model.bytes;
  }
  return bytes;
}

}  // namespace kyro::upkeep

#endif  // KYRO_UPKEEP_RUN_BUILDER_H_
