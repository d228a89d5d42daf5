// SPDX-License-Identifier: Apache-2.0
//
// Which runs to merge: tiered, so that runs stay logarithmic in number and a byte is rewritten a
// logarithmic number of times. A pure function.
#ifndef KYRO_UPKEEP_MERGE_POLICY_H_
#define KYRO_UPKEEP_MERGE_POLICY_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace kyro::upkeep {

// `run_bytes` holds the sizes of a keyspace's runs, newest first. Returns how many of the newest
// runs to merge into one: the longest prefix whose last run is at most 1/merge_fraction times as
// large as all newer ones together; 0 if there is none. More than `runs_max` runs always merge.
std::size_t PickMerge(std::span<const std::uint64_t> run_bytes, double merge_fraction,
                      std::size_t runs_max);

}  // namespace kyro::upkeep

#endif  // KYRO_UPKEEP_MERGE_POLICY_H_
