// SPDX-License-Identifier: Apache-2.0
//
// Sections that belong together: what bench/README.md lists.
#ifndef KYRO_BENCH_PEERS_PRESETS_H_
#define KYRO_BENCH_PEERS_PRESETS_H_

#include <string>
#include <vector>

#include "bench/peers/runner.h"

namespace kyro::bench {

// The sections of "core" or "full" for one data set. Of `common` everything but name, engines,
// workloads and shape is taken over. Throws for an unknown preset.
std::vector<Section> PresetSections(const std::string& preset, const Section& common);

// The data sets that a preset goes through unless others are named.
std::vector<std::string> PresetDatasets(const std::string& preset);

}  // namespace kyro::bench

#endif  // KYRO_BENCH_PEERS_PRESETS_H_
