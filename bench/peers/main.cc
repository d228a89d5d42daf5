// SPDX-License-Identifier: Apache-2.0
//
// kyro_peers: kyro against other stores and structures, in one process, interleaved. See
// bench/README.md.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "bench/peers/meter.h"
#include "bench/peers/presets.h"
#include "bench/peers/record.h"
#include "bench/peers/runner.h"
#include "bench/peers/targets.h"
#include "bench/working_directory.h"

namespace kyro::bench {
namespace {

struct Flags {
  std::vector<std::string> engines, datasets, workloads, sections;
  std::string value_bytes = "8";
  std::string json, preset;
  Section common;
};

// "8", or "16-184".
ValueShape ParseShape(const std::string& text) {
  char* end = nullptr;
  ValueShape shape;
  shape.min = shape.max = static_cast<std::uint32_t>(std::strtoul(text.c_str(), &end, 10));
  if (*end == '-') shape.max = static_cast<std::uint32_t>(std::strtoul(end + 1, &end, 10));
  const auto possible = [](std::uint32_t bytes) { return bytes == 8 || bytes >= 16; };
  if (*end != 0 || !possible(shape.min) || shape.max < shape.min || shape.max > (1u << 20) ||
      (shape.min == 8 && shape.max != 8)) {
    Give("--value_bytes is 8, or 16 to 1048576, or two of these as in 16-184");
  }
  return shape;
}

std::vector<Section> OwnSections(const Flags& flags, const std::string& dataset) {
  Section section = flags.common;
  section.dataset = dataset;
  section.name = dataset;
  section.shape = ParseShape(flags.value_bytes);
  for (const std::string& engine : flags.engines.empty() ? EngineNames() : flags.engines) {
    section.engines.push_back(ParseEngineName(engine));
  }
  for (int i = 0; i < kWorkloads; ++i) {
    const auto workload = static_cast<Workload>(i);
    if (flags.workloads.empty()) section.workloads.push_back(workload);
  }
  for (const std::string& name : flags.workloads) {
    const auto workload = WorkloadNamed(name);
    if (!workload) Give("no such workload: " + name);
    section.workloads.push_back(*workload);
  }
  return {section};
}

std::vector<Section> SectionsOf(const Flags& flags, const std::string& dataset) {
  if (flags.preset.empty()) return OwnSections(flags, dataset);
  Section common = flags.common;
  common.dataset = dataset;
  std::vector<Section> sections = PresetSections(flags.preset, common);
  if (flags.sections.empty()) return sections;
  std::vector<Section> chosen;
  for (const Section& section : sections) {
    const std::string name = section.name.substr(section.name.rfind('/') + 1);
    const auto& wanted = flags.sections;
    if (std::find(wanted.begin(), wanted.end(), name) != wanted.end()) chosen.push_back(section);
  }
  if (chosen.size() != flags.sections.size()) Give("no such section");
  return chosen;
}

int RunAll(Flags flags) {
  if (flags.preset.empty() && !flags.sections.empty()) Give("--sections needs --preset");
  if (!flags.preset.empty() && !(flags.engines.empty() && flags.workloads.empty())) {
    Give("a preset has its own engines and workloads");
  }
  std::vector<std::string> datasets = flags.datasets;
  if (datasets.empty() && flags.preset.empty()) datasets = {"uniform"};
  if (datasets.empty()) datasets = PresetDatasets(flags.preset);
  std::vector<Section> sections;
  for (const std::string& dataset : datasets) {
    for (Section& section : SectionsOf(flags, dataset)) sections.push_back(std::move(section));
  }
  const WorkingDirectory directory(flags.common.directory, "peers");
  Results results(flags.json);
  fmt::print("{}\n", Machine());
  bool right = true;
  for (Section& section : sections) {
    section.directory = directory.path();
    right = RunSection(section, &results) && right;
    PrintSection(results, section.name);
  }
  if (flags.preset == "core") {
    for (const std::string& dataset : datasets) PrintTargets(results, dataset);
  }
  return right ? 0 : 1;
}

int RunPeers(int argc, char** argv) {
  Flags flags;
  Section& common = flags.common;
  CLI::App app("kyro against other stores and structures.", "kyro_peers");
  app.add_option("--engines", flags.engines, "Engines; kyro also as kyro:warm, :huge, :delta")
      ->delimiter(',');
  app.add_option("--dataset", flags.datasets, "Data sets")->delimiter(',');
  app.add_option("--n", common.n, "Keys")->check(CLI::Range(16, 1000000000));
  app.add_option("--value_bytes", flags.value_bytes, "Bytes of a value, or from-to");
  app.add_option("--workloads", flags.workloads, "Workloads")->delimiter(',');
  app.add_option("--repeats", common.repeats, "Interleaved repeats")->check(CLI::Range(1, 1000));
  app.add_option("--ops", common.ops, "Lookups per run")->check(CLI::Range(100, 1000000000));
  app.add_option("--seed", common.seed, "Of keys and queries");
  app.add_option("--json", flags.json, "Write every measurement to this file, one a line");
  app.add_option("--dir", common.directory, "The disk to measure; else a new one in /var/tmp");
  app.add_option("--preset", flags.preset, "core or full")->check(CLI::IsMember({"core", "full"}));
  app.add_option("--sections", flags.sections, "Only these of the preset")->delimiter(',');
  app.add_option("--plant_wrong_value", common.plant, "For tests: an engine gets one wrong value");
  CLI11_PARSE(app, argc, argv);
  return RunAll(std::move(flags));
}

}  // namespace
}  // namespace kyro::bench

int main(int argc, char** argv) {
  try {
    return kyro::bench::RunPeers(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "kyro_peers: {}\n", error.what());
    return 1;
  }
}
