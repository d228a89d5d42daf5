// SPDX-License-Identifier: Apache-2.0
//
// A new model for a segment whose data stays as it is.
#include <span>

#include "base/limits.h"
#include "base/planted.h"
#include "base/status_util.h"
#include "segment/block_file.h"
#include "segment/block_writer.h"
#include "segment/builder.h"
#include "segment/layout.h"
#include "segment/model_file.h"
#include "segment/verify.h"

namespace kyro::segment {

Result<SegmentRef> Retrain(const BuildContext& context, const SegmentRef& segment) {
  return Guarded([&]() -> Result<SegmentRef> {
    Counters counters;
    KYRO_ASSIGN_OR_RETURN(const auto keys,
                          BlockFile::Open(*context.directory, FileKind::kKeys, segment.keys,
                                          Access::kMap, &counters, /*unverified=*/nullptr));
    const Header& header = keys->header();
    if (header.key_kind != KeyKind::kU64) return segment;
    const Column* const column = header.Find(ColumnId::kKeys);
    if (column == nullptr || column->type != ColumnType::kU64 || column->count != segment.entries ||
        header.entries != segment.entries || segment.entries > kSegmentEntriesMax) {
      return FileError(StatusCode::kDataLoss, keys->name(), kFileHeaderBytes,
                       "has no keys column of {} entries", segment.entries);
    }
    const Tick tick = [&](std::uint64_t) { return !context.stop || !context.stop(); };
    KYRO_RETURN_IF_ERROR(keys->VerifyAll(tick));
    const std::span<const std::uint64_t> span(
        reinterpret_cast<const std::uint64_t*>(keys->at(column->offset)), column->count);
    index::ModelBytes trained;
    KYRO_ASSIGN_OR_RETURN(const auto model,
                          WriteModel(context, segment.keys, header.block_bits, span, &trained));
    SegmentRef ref = segment;
    ref.model = FileRef{};
    if (model == nullptr) return ref;
    ref.model = model->ref();
    if (!KYRO_PLANTED(kSkipRetrainSync)) KYRO_RETURN_IF_ERROR(model->Sync());
    const VerifySource source{
        .directory = context.directory, .device = false, .temporary = true, .tick = &tick};
    KYRO_RETURN_IF_ERROR(VerifyModelBytes(source, ref, trained.bytes()));
    KYRO_RETURN_IF_ERROR(model->Publish());
    return ref;
  });
}

}  // namespace kyro::segment
