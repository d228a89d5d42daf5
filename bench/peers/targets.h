// SPDX-License-Identifier: Apache-2.0
//
// What kyro is meant to reach, beside what a run of the preset "core" measured.
#ifndef KYRO_BENCH_PEERS_TARGETS_H_
#define KYRO_BENCH_PEERS_TARGETS_H_

#include <string>

#include "bench/peers/record.h"

namespace kyro::bench {

// The table for one data set, on standard output, 80 columns: target, what kyro reached by default,
// after Warm and after Warm into huge pages, and whether the default met it. Rows that were not
// measured say so.
void PrintTargets(const Results& results, const std::string& dataset);

}  // namespace kyro::bench

#endif  // KYRO_BENCH_PEERS_TARGETS_H_
