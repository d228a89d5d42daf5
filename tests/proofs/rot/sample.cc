// SPDX-License-Identifier: Apache-2.0
#include "proofs/rot/sample.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <utility>

#include "db/any_space.h"
#include "db/inspect.h"
#include "support/test_env.h"

namespace kyro::proofs {
namespace {

using db::AnySpace;
using db::U64Key;
using db::U64Of;
using support::SeededRandom;
using support::TestEnv;

constexpr std::string_view kPath = "/db";

void Must(const Status& status, const char* what) {
  if (status.ok()) return;
  std::printf("%s: %s\n", what, status.ToString().c_str());
  std::exit(1);
}

struct Spec {
  const char* name;
  KeyKind kind;
  std::size_t rows;       // of the oldest run
  std::size_t value_min;  // bytes
  std::size_t value_max;
};
constexpr Spec kSpecs[] = {
    {"numbers", KeyKind::kU64, 220, 0, 340},  // several segments
    {"fixed", KeyKind::kU64, 160, 8, 8},     {"clumps", KeyKind::kU64, 340, 0, 30},
    {"words", KeyKind::kBytes, 130, 0, 240}, {"ids", KeyKind::kBytes, 90, 16, 16},
    {"nothing", KeyKind::kU64, 0, 0, 0},
};

std::string KeyOf(const Spec& spec, std::size_t i, SeededRandom* random) {
  const std::string_view name = spec.name;
  if (name == "numbers") return U64Key(1'000'003 * (i + 1));
  if (name == "fixed") return U64Key(random->Next());
  if (name == "clumps") return U64Key(((i / 17 + 1) * 0x9e37'79b9'7f4a'7c15ull >> 1) + i % 17);
  if (name == "ids") return "id-" + random->String(9);
  static constexpr const char* kPrefixes[] = {"", "a", "alpha/", "alpha/beta/", "zeta"};
  return i == 0 ? "" : kPrefixes[i % 5] + std::to_string(i * 37);
}

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : world_(seed), random_(seed * 7919 + 1) {
    world_.fs().StopJournal();
    for (const Spec& spec : kSpecs) {
      SampleSpace& space = sample_.spaces.emplace_back();
      space.name = spec.name;
      space.kind = spec.kind;
      written_.emplace_back();
    }
  }

  Sample Make();

 private:
  void Open(std::size_t segment_bytes);
  void Close() {
    spaces_.clear();
    Must(db_->Close(), "close");
    db_.reset();
    Remember();
  }
  void Remember() { sample_.history.push_back(Files(std::string(kPath))); }
  ImageFs::Files Files(const std::string& directory) const;
  void Write(std::size_t space, const std::string& key, std::optional<std::string> value);
  void LoadOldest();
  // Changes of a part of the keys: new values, deletions, new keys.
  void Layer(std::size_t one_in);
  void FillLog();
  void CheckEverythingIsThere() const;
  void FinishExpectations();

  TestEnv world_;
  SeededRandom random_;
  Sample sample_;
  std::optional<Db> db_;
  std::vector<std::unique_ptr<AnySpace>> spaces_;
  std::vector<std::set<std::string>> written_;
};

void Maker::Open(std::size_t segment_bytes) {
  Options options;
  options.wal_file_bytes = 8 << 10;
  options.segment_bytes = segment_bytes;
  options.merge_fraction = 1.0;
  auto opened = db::Door::Open(std::string(kPath), options, world_.env());
  Must(opened.status(), "open");
  db_ = *std::move(opened);
  for (const SampleSpace& space : sample_.spaces) {
    auto made = db::OpenSpace(&*db_, space.name, space.kind);
    Must(made.status(), "keyspace");
    spaces_.push_back(*std::move(made));
  }
}

ImageFs::Files Maker::Files(const std::string& directory) const {
  const auto& fs = const_cast<TestEnv&>(world_).fs();
  ImageFs::Files files;
  for (const std::string& name : fs.ListNames(directory)) {
    if (name == "LOCK") continue;
    auto bytes = fs.ReadFile(directory + "/" + name);
    Must(bytes.status(), "read");
    files[name] = *std::move(bytes);
  }
  return files;
}

void Maker::Write(std::size_t space, const std::string& key, std::optional<std::string> value) {
  written_[space].insert(key);
  // Every write is a commit, and nothing else is.
  sample_.spaces[space].versions[key].push_back({++sample_.last_sequence, value});
  if (value) {
    Must(spaces_[space]->Put(key, *value, {}), "put");
    sample_.spaces[space].rows[key] = *std::move(value);
  } else {
    Must(spaces_[space]->Delete(key, {}), "delete");
    sample_.spaces[space].rows.erase(key);
  }
}

void Maker::LoadOldest() {
  for (std::size_t s = 0; s < std::size(kSpecs); ++s) {
    for (std::size_t i = 0; i < kSpecs[s].rows; ++i) {
      const std::size_t bytes = random_.Between(kSpecs[s].value_min, kSpecs[s].value_max);
      Write(s, KeyOf(kSpecs[s], i, &random_), random_.String(bytes));
    }
  }
}

void Maker::Layer(std::size_t one_in) {
  for (std::size_t s = 0; s < std::size(kSpecs); ++s) {
    const std::vector<std::string> keys(written_[s].begin(), written_[s].end());
    for (const std::string& key : keys) {
      if (!random_.OneIn(one_in)) continue;
      const std::size_t bytes = random_.Between(kSpecs[s].value_min, kSpecs[s].value_max);
      if (random_.OneIn(3)) {
        Write(s, key, std::nullopt);
      } else {
        Write(s, key, random_.String(bytes));
      }
      if (!random_.OneIn(3)) continue;
      // Beside an older key.
      const std::string fresh =
          kSpecs[s].kind == KeyKind::kU64 ? U64Key(U64Of(key) + 7) : key + "!";
      Write(s, fresh, random_.String(bytes));
    }
  }
}

// Records of one sector and of many, in two files.
void Maker::FillLog() {
  Layer(60);
  Write(3, "large", random_.String(5000));
  WriteBatch batch;
  for (std::size_t s = 0; s < 5; ++s) {
    const std::string key = kSpecs[s].kind == KeyKind::kU64 ? U64Key(77) : "77";
    const std::string value = random_.String(kSpecs[s].value_max);
    spaces_[s]->BatchPut(&batch, key, value);
    sample_.spaces[s].versions[key].push_back({sample_.last_sequence + 1, value});
    written_[s].insert(key);
    sample_.spaces[s].rows[key] = value;
  }
  Must(db_->Write(batch).status(), "batch");
  if (++sample_.last_sequence != db_->stats().visible) Must(Status(StatusCode::kInternal), "count");
  Remember();
  Layer(40);
}

void Maker::CheckEverythingIsThere() const {
  const auto inspection = db::Door::Inspect(*db_);
  Must(inspection.status(), "inspect");
  std::set<std::string> seen;
  for (const db::KeyspaceInspection& keyspace : inspection->keyspaces) {
    if (keyspace.runs.size() >= 3) seen.insert("three runs");
    for (const db::RunInspection& run : keyspace.runs) {
      if (run.segments.size() > 1) seen.insert("a run of several segments");
      for (const db::SegmentInspection& segment : run.segments) {
        if (segment.facts.tombstones > 0) seen.insert("tombstones");
        if (segment.facts.filter_bytes > 0) seen.insert("a filter");
        seen.insert(segment.facts.fixed_width ? "values of one width" : "values of many widths");
        if (segment.facts.has_model) seen.insert("model " + segment.facts.structure);
      }
    }
  }
  for (const char* want :
       {"three runs", "a run of several segments", "tombstones", "a filter", "values of one width",
        "values of many widths", "model slots", "model tree"}) {
    if (seen.count(want) != 0) continue;
    std::printf("the sample lacks %s; it has:", want);
    for (const std::string& has : seen) std::printf(" %s,", has.c_str());
    std::printf("\n");
    std::exit(1);
  }
}

void Maker::FinishExpectations() {
  for (std::size_t s = 0; s < sample_.spaces.size(); ++s) {
    SampleSpace& space = sample_.spaces[s];
    std::set<std::string> keys = written_[s];
    for (const std::string& key : written_[s]) {
      if (space.kind == KeyKind::kU64) {
        keys.insert(U64Key(U64Of(key) + 1));
        keys.insert(U64Key(U64Of(key) - 1));
      } else {
        keys.insert(key + '\0');
        keys.insert(key.substr(0, key.size() / 2));
      }
    }
    keys.insert(space.kind == KeyKind::kU64 ? U64Key(0) : "");
    keys.insert(space.kind == KeyKind::kU64 ? U64Key(~std::uint64_t{0}) : "\xff\xff");
    for (const std::string& key : keys) {
      const auto row = space.rows.find(key);
      space.probes.emplace_back(key, row == space.rows.end() ? nullptr : &row->second);
    }
    for (const auto& [key, value] : space.probes) {
      if (space.kind == KeyKind::kU64) space.u64_keys.push_back(U64Of(key));
      if (space.kind == KeyKind::kBytes) space.bytes_keys.push_back(key);
    }
    for (const auto& [key, value] : space.rows) {
      if (space.kind == KeyKind::kU64) space.u64_rows.emplace_back(U64Of(key), value);
      if (space.kind == KeyKind::kBytes) space.bytes_rows.emplace_back(key, value);
    }
  }
}

Sample Maker::Make() {
  Open(12 << 10);
  Must(db_->OpenKeyspace<U64>("gone").status(), "keyspace");
  LoadOldest();
  Remember();
  Must(db_->Fold(), "fold");
  Remember();
  Layer(6);
  Close();
  Open(std::size_t{2} << 30);
  Must(db::Door::Flush(*db_), "flush");
  Remember();
  Layer(20);
  Must(db::Door::Flush(*db_), "flush");
  Remember();
  // It shares every segment: what tells its manifest from ours is the log.
  Must(db_->Checkpoint("/checkpoint").status(), "checkpoint");
  sample_.checkpoint = Files("/checkpoint");
  // Only the records that follow tell of the manifest without it.
  Must(db_->DropKeyspace("gone"), "drop");
  FillLog();
  CheckEverythingIsThere();
  Close();
  sample_.files = sample_.history.back();
  for (const auto& [name, bytes] : sample_.files) sample_.bytes += bytes.size();
  FinishExpectations();
  return std::move(sample_);
}

}  // namespace

Sample MakeSample(std::uint64_t seed) {
  return Maker(seed).Make();
}

}  // namespace kyro::proofs
