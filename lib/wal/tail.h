// SPDX-License-Identifier: Apache-2.0
//
// What stands behind the last valid record of a log file, and what it means (docs/format-wal.md).
#ifndef KYRO_WAL_TAIL_H_
#define KYRO_WAL_TAIL_H_

#include <cstdint>

#include "kyro/status.h"
#include "wal/chain.h"
#include "wal/reader.h"

namespace kyro::wal {

ScannedFile Scanned(const Reader& reader, const Walk& walk);

// For a file that is complete: kDataLoss if there is anything but zeros.
Status CheckZerosBehind(Reader* reader, const Walk& walk);

// For the newest file: how many bytes of a torn write there are, 0 at a clean end. kDataLoss if
// they cannot be one, because a later record proves that these bytes were durable once.
Result<std::uint64_t> TornBytes(Reader* reader, const Walk& walk);

}  // namespace kyro::wal

#endif  // KYRO_WAL_TAIL_H_
