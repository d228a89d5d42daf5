// SPDX-License-Identifier: Apache-2.0
#include "proofs/rot/repair.h"

#include <algorithm>
#include <functional>

#include "base/status_util.h"
#include "db/any_space.h"
#include "db/inspect.h"
#include "db/repair.h"

namespace kyro::proofs {
namespace {

using db::RepairBound;
using db::RepairLoss;
using db::RepairReport;

class Judge {
 public:
  Judge(const Damages& damages, const Case& damage, bool all, const RepairReport& report)
      : sample_(*damages.sample), damages_(damages), damage_(damage), all_(all), report_(report) {}

  std::string Run(Db* db) {
    const Status verified = db->Verify();
    if (!verified.ok()) return "NEW: " + verified.ToString();
    const auto spaces = db->ListKeyspaces();
    if (!spaces.ok()) return "NEW: " + spaces.status().ToString();
    if (!report_.manifest) return RunWithoutManifest(db, *spaces);
    if (spaces->size() != sample_.spaces.size() && InPlace()) return "keyspaces are missing";
    for (const SampleSpace& space : sample_.spaces) {
      std::string wrong = Compare(db, space);
      if (!wrong.empty()) return space.name + ": " + wrong;
    }
    return JudgeReport();
  }

 private:
  bool InPlace() const { return damage_.kind != Kind::kPutBack && damage_.kind != Kind::kForeign; }

  bool Lists(const SampleSpace& space, const std::string& key) const {
    const auto in_order = [&](const RepairBound& bound) {
      std::string bytes = *bound.key;
      if (space.kind == KeyKind::kU64) std::reverse(bytes.begin(), bytes.end());
      return bytes;
    };
    return std::any_of(report_.losses.begin(), report_.losses.end(), [&](const RepairLoss& loss) {
      if (loss.keyspace != space.name) return false;
      if (loss.first.key) {
        const std::string first = in_order(loss.first);
        if (loss.first.inclusive ? key < first : key <= first) return false;
      }
      if (loss.last.key) {
        const std::string last = in_order(loss.last);
        if (loss.last.inclusive ? key > last : key >= last) return false;
      }
      return true;
    });
  }

  bool CommitsLost() const {
    return std::any_of(report_.losses.begin(), report_.losses.end(),
                       [](const RepairLoss& loss) { return loss.keyspace.empty(); });
  }

  std::string Compare(Db* db, const SampleSpace& space) const {
    const auto made = db::OpenSpace(db, space.name, space.kind);
    // Of a keyspace that an older manifest does not know.
    if (!made.ok()) return CommitsLost() ? "" : made.status().ToString();
    const auto view = (*made)->view();
    if (!view.ok()) return view.status().ToString();
    db::Rows rows;
    const Status scanned = (*view)->Scan({}, {}, &rows);
    if (!scanned.ok()) return scanned.ToString();
    const db::Map found(rows.begin(), rows.end());
    for (const auto& [key, value] : found) {
      if (space.versions.count(key) == 0) return "a key that was never written";
    }
    for (const auto& [key, versions] : space.versions) {
      const auto row = found.find(key);
      const std::string* const got = row == found.end() ? nullptr : &row->second;
      std::string wrong = JudgeKey(space, key, versions, got);
      if (!wrong.empty()) return wrong;
    }
    return "";
  }

  std::string JudgeKey(const SampleSpace& space, const std::string& key,
                       const std::vector<Version>& versions, const std::string* got) const {
    const Version* want = nullptr;  // up to the report's sequence, or the last one
    for (const Version& version : versions) {
      if (all_ || version.sequence <= report_.sequence) want = &version;
    }
    const bool same =
        want == nullptr || !want->value ? got == nullptr : got != nullptr && *got == *want->value;
    if (same) return "";
    if (got != nullptr && !all_) return "a value that is not the newest";
    if (got != nullptr && std::none_of(versions.begin(), versions.end(), [&](const Version& v) {
          return v.value && *v.value == *got;
        })) {
      return "a value that was never written";
    }
    if (Lists(space, key) || (all_ && CommitsLost())) return "";
    return "a row is not as it was, and no loss lists it";
  }

  std::string JudgeReport() const {
    if (!InPlace()) return "";
    const std::string& name = damages_.names[damage_.file];
    if (damage_.kind == Kind::kByte) {
      for (const RepairLoss& loss : report_.losses) {
        if (loss.file != name) return "blames " + loss.file + ", which is intact";
      }
    }
    if (name.ends_with(".rmi") && damage_.kind != Kind::kSwapped && !report_.losses.empty()) {
      return "a loss by a damaged model";
    }
    if (report_.losses.empty() && report_.sequence != sample_.last_sequence) {
      return fmt::format("all is salvaged up to sequence {} of {}", report_.sequence,
                         sample_.last_sequence);
    }
    // One byte is in one record: all before it is there.
    if (report_.damages.empty() && !report_.losses.empty()) return "losses without a damage";
    return "";
  }

  // Rows of unknown keyspaces: each is one that was written.
  std::string RunWithoutManifest(Db* db, const std::vector<KeyspaceInfo>& spaces) const {
    if (report_.losses.empty()) return "no manifest, and all was salvaged";
    std::size_t rows_found = 0;
    for (const KeyspaceInfo& info : spaces) {
      const auto made = db::OpenSpace(db, info.name, info.kind);
      if (!made.ok()) return made.status().ToString();
      const auto view = (*made)->view();
      if (!view.ok()) return view.status().ToString();
      db::Rows rows;
      const Status scanned = (*view)->Scan({}, {}, &rows);
      if (!scanned.ok()) return scanned.ToString();
      rows_found += rows.size();
      for (const auto& [key, value] : rows) {
        const bool written = std::any_of(
            sample_.spaces.begin(), sample_.spaces.end(), [&, k = &key, v = &value](const auto& s) {
              const auto found = s.versions.find(*k);
              return s.kind == info.kind && found != s.versions.end() &&
                     std::any_of(found->second.begin(), found->second.end(),
                                 [&](const Version& at) { return at.value && *at.value == *v; });
            });
        if (!written) return info.name + ": a row that was never written";
      }
    }
    std::size_t want = 0;
    for (const SampleSpace& space : sample_.spaces) want += space.rows.size();
    return InPlace() && rows_found < want
               ? fmt::format("{} rows without a manifest, there were {}", rows_found, want)
               : "";
  }

  const Sample& sample_;
  const Damages& damages_;
  const Case& damage_;
  const bool all_;
  const RepairReport& report_;
};

}  // namespace

std::string TryRepair(Injector* injector, const Damages& damages, const Case& damage, bool all,
                      bool* complete) {
  const auto disk = injector->DiskWith(damage);
  *complete = false;
  if (disk == nullptr) return "";
  support::TestEnv world(damage.offset + 3, disk->Copy());
  world.fs().StopJournal();
  const std::vector<std::string> names = world.fs().ListNames("/db");
  const auto report = db::Repair("/db", "/new", {.all = all}, world.env());
  if (!report.ok()) return "repair: " + report.status().ToString();
  if (world.fs().ListNames("/db") != names) return "repair changed the names in DB";
  for (const std::string& name : names) {
    if (*world.fs().ReadFile("/db/" + name) != *disk->ReadFile("/db/" + name)) {
      return "repair changed " + name;
    }
  }
  Options options;
  options.create_if_missing = false;
  auto db = db::Door::Open("/new", options, world.env());
  if (!db.ok()) return "NEW: " + db.status().ToString();
  *complete = report->losses.empty();
  return Judge(damages, damage, all, *report).Run(&*db);
}

}  // namespace kyro::proofs
