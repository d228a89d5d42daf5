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
#define KYRO_PLANTED_BUG_LIST(X)                                                                \
  X(kSkipLogSync, "a group is acknowledged in kSync without an fdatasync of the log")           \
  X(kVisibleBeforeSync, "a group in kSync is visible before its fdatasync, even if that fails") \
  X(kVisibleBeforeApply,                                                                        \
    "a group's sequences are visible before its operations are in the deltas")                  \
  X(kVisibleOneLate, "the last commit of a group is acknowledged before it is visible")         \
  X(kBatchVisibleInHalves, "a batch is visible while its operations are being applied")         \
  X(kGroupNumbersReversed, "writers of one group are told each other's sequences")              \
  X(kFreezeTakesInstallBack,                                                                    \
    "a freeze publishes the runs from before an install that came between")                     \
  X(kViewSequenceFirst, "a view takes its sequence first and pins the state after (V2)")        \
  X(kViewUnclamped, "a view whose state was frozen meanwhile has a later sequence (V2)")        \
  X(kWalkSeesNewer, "a walk through a delta finds the newest versions, whatever the view")      \
  X(kMultiGetSeesNewer, "MultiGet finds the newest versions in deltas, whatever the view")      \
  X(kOlderVersionsLost, "a write to a delta drops the key's older versions (D2)")

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
