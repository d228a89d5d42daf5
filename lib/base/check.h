// SPDX-License-Identifier: Apache-2.0
//
// Checks of our own reasoning, never of bytes from disk: a false KYRO_DCHECK is a bug that we can
// prove. They vanish from a release build; the library never aborts a user's process.
#ifndef KYRO_BASE_CHECK_H_
#define KYRO_BASE_CHECK_H_

#include <cassert>

#define KYRO_DCHECK(condition) assert(condition)

#endif  // KYRO_BASE_CHECK_H_
