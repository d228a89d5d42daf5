// SPDX-License-Identifier: Apache-2.0
//
// Makes the checksums of changed bytes right again, as someone who forges a file would, so that
// what stands behind them is reached. Never fails: what is too damaged to have a checksum is left.
// Pure functions; any thread.
#ifndef KYRO_FUZZ_SEAL_H_
#define KYRO_FUZZ_SEAL_H_

#include <string>

#include "base/file_ref.h"

namespace kyro::fuzz {

// The header that every file starts with.
void SealHeader(std::string* file);
// Also its length, which the file says itself.
void SealManifest(std::string* file);
// Both checksums of every record, and its own offset, as far as lengths lead from one to the next.
void SealLog(std::string* file);
// Header area, blocks, table and footer of a .keys, .data or .rmi file.
void SealBlockFile(std::string* file);
// What a manifest says of such a file; zeros if it has no footer to lead to its table.
Digest DigestOfBlockFile(const std::string& file);

}  // namespace kyro::fuzz

#endif  // KYRO_FUZZ_SEAL_H_
