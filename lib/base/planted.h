// SPDX-License-Identifier: Apache-2.0
//
// Planted bugs: `if (KYRO_PLANTED(kSkipLogSync)) return {};` leaves the sync out where the code is
// compiled with KYRO_PLANTED_BUGS and that bug was chosen at run time, and is `if (false)`
// otherwise. The shipped library is compiled without; tests/proofs compiles a second one with, and
// ./tests/proof shows that what proves kyro's promises fails for every bug of this list.
//
// A switch stands in a .cc file, or in a header that only the library's own .cc files include.
#ifndef KYRO_BASE_PLANTED_H_
#define KYRO_BASE_PLANTED_H_

// X(enumerator, "what is broken"), by room.
#define KYRO_PLANTED_BUG_LIST(X) \
  X(kSkipLogSync, "a group is acknowledged in kSync without an fdatasync of the log")

#ifdef KYRO_PLANTED_BUGS

namespace kyro {

enum class PlantedBug {
#define KYRO_PLANTED_ENUMERATOR(name, what) name,
  KYRO_PLANTED_BUG_LIST(KYRO_PLANTED_ENUMERATOR)
#undef KYRO_PLANTED_ENUMERATOR
};

// Whether this is the bug that was chosen. Defined beside the proofs (tests/proofs/planted.cc).
bool IsPlanted(PlantedBug bug) noexcept;

}  // namespace kyro

#define KYRO_PLANTED(bug) ::kyro::IsPlanted(::kyro::PlantedBug::bug)

#else

#define KYRO_PLANTED(bug) false

#endif  // KYRO_PLANTED_BUGS

#endif  // KYRO_BASE_PLANTED_H_
