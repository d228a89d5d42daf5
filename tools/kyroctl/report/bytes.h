// SPDX-License-Identifier: Apache-2.0
//
// Where the bytes of a database's directory go, by what they are for. Pure; any thread.
#ifndef KYRO_TOOLS_KYROCTL_REPORT_BYTES_H_
#define KYRO_TOOLS_KYROCTL_REPORT_BYTES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "db/inspect.h"

namespace kyro::kyroctl {

struct ByteShare {
  std::string name;
  std::string about;
  std::uint64_t bytes = 0;
};

// In a fixed order, those of no bytes included. Their sum is that of `inspection.files`.
std::vector<ByteShare> ByteSharesOf(const db::Inspection& inspection);

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_REPORT_BYTES_H_
