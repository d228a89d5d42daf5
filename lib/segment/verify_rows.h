// SPDX-License-Identifier: Apache-2.0
//
// The half of verification that looks at every row: order, offsets, fingerprints, filter
// membership, tombstones, over files whose bytes were found right.
#ifndef KYRO_SEGMENT_VERIFY_ROWS_H_
#define KYRO_SEGMENT_VERIFY_ROWS_H_

#include <cstdint>

#include "segment/layout.h"
#include "segment/verify.h"

namespace kyro::segment {

Status VerifyRows(const VerifySource& source, KeyKind kind, const VerifiedFile& keys,
                  const VerifiedFile& data, const SegmentRef& ref, const Layout& layout);

// kCancelled if the source's tick says so; `bytes` were read since it was asked last.
Status Ticked(const VerifySource& source, std::uint64_t bytes);

// All of [offset, offset + bytes) or an error.
Status ReadAll(const VerifySource& source, const VerifiedFile& from, std::uint64_t offset,
               std::uint64_t bytes, char* to);

}  // namespace kyro::segment

#endif  // KYRO_SEGMENT_VERIFY_ROWS_H_
