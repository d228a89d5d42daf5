// SPDX-License-Identifier: Apache-2.0
//
// What repair makes of each damage (lib/db/repair.h). NEW opens and verifies; no row in it is
// anything but the newest value up to the sequence that the report names; a key that differs from
// what the database held then is in a range that the report lists; what damage does not touch is
// there. With `all` every value is one that the key once had, and a key that is not as it was last
// is listed.
#ifndef KYRO_TESTS_PROOFS_ROT_REPAIR_H_
#define KYRO_TESTS_PROOFS_ROT_REPAIR_H_

#include <string>

#include "proofs/rot/damage.h"

namespace kyro::proofs {

// Repairs what `injector` makes of `damage`. What must not be; empty: nothing. `*complete`: the
// report says that all was salvaged.
std::string TryRepair(Injector* injector, const Damages& damages, const Case& damage, bool all,
                      bool* complete);

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_ROT_REPAIR_H_
