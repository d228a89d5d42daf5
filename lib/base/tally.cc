// SPDX-License-Identifier: Apache-2.0
#include "base/tally.h"

namespace kyro {

constinit thread_local std::uint32_t thread_tally_cell = kTallyCells;

}  // namespace kyro
