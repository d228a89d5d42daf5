// SPDX-License-Identifier: Apache-2.0
#include "bench/peers/presets.h"

namespace kyro::bench {
namespace {

using W = Workload;

std::vector<EngineName> Named(const std::vector<std::string>& names) {
  std::vector<EngineName> engines;
  for (const std::string& name : names) engines.push_back(ParseEngineName(name));
  return engines;
}

class Sections {
 public:
  explicit Sections(const Section& common) : common_(common) {}

  // Sections are named "uniform/gets", so that every table says what it is about.
  Section* Add(const std::string& name, const std::vector<std::string>& engines,
               const std::vector<Workload>& workloads) {
    Section section = common_;
    section.name = common_.dataset + "/" + name;
    section.engines = Named(engines);
    section.workloads = workloads;
    all_.push_back(section);
    return &all_.back();
  }
  std::vector<Section> Take() { return all_; }

 private:
  Section common_;
  std::vector<Section> all_;
};

// Few engines share a section: what one leaves in the caches is not the next one's.
std::vector<Section> Core(const Section& common) {
  Sections sections(common);
  sections.Add(
      "gets",
      {"kyro", "kyro:warm", "kyro:huge", "kyro:delta", "lmdb", "flat_hash_map",
       "flat_hash_map_prefetch", "sorted_array"},
      {W::kGetHit, W::kGetMiss, W::kGetDependent, W::kStages, W::kStagesDependent, W::kStagesBatch,
       W::kStagesScan, W::kStagesTrain, W::kStagesThreads, W::kMultiget32, W::kScanRows,
       W::kScanColumns, W::kThreads2, W::kTrain, W::kOpenWarm, W::kOpenCold});
  // What each run below a delta costs.
  sections.Add("delta", {"kyro", "kyro:delta_1", "kyro:delta_2", "kyro:delta"},
               {W::kGetHit, W::kGetDependent, W::kMultiget32});
  sections.Add("lsm", {"kyro", "kyro:warm", "kyro:huge", "rocksdb", "leveldb"},
               {W::kGetHit, W::kGetMiss});
  sections.Add("load", {"kyro", "lmdb"}, {W::kLoad});
  sections.Add("values_100", {"kyro", "kyro:warm", "kyro:huge", "lmdb"}, {W::kGetHit})->shape = {
      100, 100};
  sections.Add("variable", {"kyro"}, {W::kLoad, W::kGetHit})->shape = {16, 184};
  Section* const large = sections.Add("times_5", {"kyro", "kyro:huge", "lmdb", "flat_hash_map"},
                                      {W::kGetHit, W::kOpenWarm});
  large->n = common.n * 5;
  return sections.Take();
}

std::vector<Section> Full(const Section& common) {
  const std::vector<Workload> everything = [] {
    std::vector<Workload> all;
    for (int i = 0; i < kWorkloads; ++i) all.push_back(static_cast<Workload>(i));
    return all;
  }();
  Sections sections(common);
  std::vector<std::string> engines = EngineNames();
  sections.Add("all", engines, everything);
  sections
      .Add("values_100", engines,
           {W::kLoad, W::kGetHit, W::kGetMiss, W::kMultiget32, W::kSeek50, W::kScanRows,
            W::kScanColumns})
      ->shape = {100, 100};
  sections.Add("states", {"kyro", "kyro:warm", "kyro:huge", "kyro:delta"},
               {W::kGetHit, W::kGetMiss, W::kGetMixed, W::kGetDependent, W::kMultiget32, W::kSeek50,
                W::kScanRows, W::kScanColumns});
  return sections.Take();
}

}  // namespace

std::vector<Section> PresetSections(const std::string& preset, const Section& common) {
  if (preset == "core") return Core(common);
  if (preset == "full") return Full(common);
  Give("no such preset: " + preset);
}

std::vector<std::string> PresetDatasets(const std::string& preset) {
  if (preset == "core") return {"uniform", "coastline"};
  return {"uniform", "gaps", "lognormal", "clumped", "poisoned", "coastline"};
}

}  // namespace kyro::bench
