// SPDX-License-Identifier: Apache-2.0
//
// Reads the files of a segment from front to back, from the file system and not from a mapping, and
// checks every byte and everything that the bytes say: checksums, padding, order, counts, offsets,
// fingerprints, filter membership, tombstones. Memory: a few buffers of kVerifyBufferBytes, the
// checksum table and the filter.
#ifndef KYRO_SEGMENT_VERIFY_H_
#define KYRO_SEGMENT_VERIFY_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/file_ref.h"
#include "index/model.h"
#include "io/file_system.h"
#include "kyro/status.h"
#include "kyro/types.h"
#include "segment/format.h"
#include "segment/segment.h"

namespace kyro::segment {

inline constexpr std::size_t kVerifyBufferBytes = std::size_t{256} << 10;

// For reading `bytes` in pieces of at most kVerifyBufferBytes: no larger than they are.
inline std::unique_ptr<char[]> NewVerifyBuffer(std::uint64_t bytes) {
  return std::make_unique_for_overwrite<char[]>(std::min<std::uint64_t>(kVerifyBufferBytes, bytes));
}

// Where verification reads.
struct VerifySource {
  const io::Directory* directory = nullptr;
  bool device = true;      // past the page cache where the file system can
  bool temporary = false;  // NAME.tmp, which is about to become NAME
  const Tick* tick = nullptr;
  std::uint64_t* bytes = nullptr;  // bytes of files read are added here
};

// A file whose every byte was found right.
struct VerifiedFile {
  std::string name;
  std::unique_ptr<io::RandomFile> file;
  Header header;
};

// Checks length, identity, digest, every checksum and all padding of one file.
Result<VerifiedFile> VerifyFile(const VerifySource& source, FileKind kind, const FileRef& ref);

// .keys and .data, and what they say together.
Status VerifyKeysAndData(const VerifySource& source, KeyKind kind, const SegmentRef& ref);

// .rmi: its bytes, and that it predicts every key of `keys` (verified by the caller) within its
// recorded bound. kDataLoss names the .rmi file.
Status VerifyModelFile(const VerifySource& source, const SegmentRef& ref,
                       std::span<const std::uint64_t> keys);

// .rmi: its bytes, and that its model is `model`, byte for byte: what training measured of that
// holds for the file.
Status VerifyModelBytes(const VerifySource& source, const SegmentRef& ref,
                        std::span<const std::byte> model);

}  // namespace kyro::segment

#endif  // KYRO_SEGMENT_VERIFY_H_
