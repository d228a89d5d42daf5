// SPDX-License-Identifier: Apache-2.0
#include "kyro/version.h"

namespace kyro {

std::string_view LibraryVersion() noexcept {
  return KYRO_VERSION;
}

}  // namespace kyro
