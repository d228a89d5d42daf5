// SPDX-License-Identifier: Apache-2.0
#include "proofs/rot/damage.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/coding.h"
#include "base/file_header.h"
#include "base/limits.h"
#include "base/status_util.h"

namespace kyro::proofs {
namespace {

using support::SeededRandom;

// Seeded pairs of sectors, besides the adjacent ones, as a multiple of the sectors.
constexpr std::uint64_t kSwapsPerSector = 4;
constexpr std::uint32_t kWaysToGrow = 6;
// Of whole files in the place of others, where not all cases are wanted.
constexpr std::uint64_t kOthersStride = 6;

bool IsModel(std::string_view name) {
  return name.ends_with(".rmi");
}

// Ways in which a file can be longer than it was.
std::string Growth(std::uint32_t way, const std::string& file) {
  switch (way) {
    case 0:
      return std::string(1, '\0');
    case 1:
      return std::string(1, '\x5a');
    case 2:
      return std::string(kSectorBytes, '\0');
    case 3:
      return std::string(4096, '\0');
    case 4:
      return std::string(4096, '\xff');
    default:
      return file;
  }
}

// How many zeros stand behind the last record of a log file that is not the newest one is written
// nowhere, because a file is made longer than what will be in it: zeros more or less are no damage.
bool IsZerosBehindLog(const std::string& name, std::string_view was, std::string_view is) {
  const std::size_t common = std::min(was.size(), is.size());
  return name.ends_with(".wal") && was.substr(0, common) == is.substr(0, common) &&
         IsZero(was.substr(common)) && IsZero(is.substr(common));
}

class Collector {
 public:
  Collector(const Sample& sample, std::uint64_t seed, const Extent& extent)
      : sample_(sample), random_(seed), extent_(extent) {
    damages_.sample = &sample;
    for (const auto& [name, bytes] : sample.files) {
      damages_.names.push_back(name);
      // Numbers have six digits here, so names are in the order of numbers.
      if (name.ends_with(".wal")) damages_.newest_log = name;
    }
  }

  Damages Collect(const Sample& stranger) {
    for (std::size_t file = 0; file < damages_.names.size(); ++file) {
      Bytes(file);
      Sectors(file);
      Lengths(file);
    }
    SwapSeededSectors();
    PutBack();
    Foreign(stranger.files, "of another database");
    ForeignSegments(stranger.files);
    Foreign(sample_.checkpoint, "of a checkpoint");
    return std::move(damages_);
  }

 private:
  Case Of(Kind kind, std::size_t file) const {
    Case damage;
    damage.kind = kind;
    damage.file = static_cast<std::uint16_t>(file);
    return damage;
  }
  const std::string& BytesOf(std::size_t file) const {
    return sample_.files.find(damages_.names[file])->second;
  }
  // A stride that does not fall on the same column of a structure each time.
  bool Chosen() { return extent_.stride == 1 || random_.OneIn(extent_.stride); }

  void Bytes(std::size_t file) {
    Case damage = Of(Kind::kByte, file);
    for (std::uint32_t at = 0; at < BytesOf(file).size(); ++at) {
      damage.offset = at;
      if (extent_.all_bits) {
        for (int bit = 0; bit < 8; ++bit) {
          damage.mask = static_cast<std::uint8_t>(1 << bit);
          damages_.cases.push_back(damage);
        }
      } else if (Chosen()) {
        const std::uint64_t way = random_.Below(9);
        damage.mask = static_cast<std::uint8_t>(way == 8 ? 0xff : 1 << way);
        damages_.cases.push_back(damage);
      }
    }
  }

  void Sectors(std::size_t file) {
    const std::uint64_t bytes = BytesOf(file).size();
    for (std::uint32_t at = 0; at < bytes; at += kSectorBytes) {
      Case damage = Of(Kind::kZeroed, file);
      damage.offset = at;
      damages_.cases.push_back(damage);
      if (at + 2 * kSectorBytes > bytes) continue;
      damage = Of(Kind::kSwapped, file);
      damage.other_file = damage.file;
      damage.offset = at;
      damage.other_offset = at + kSectorBytes;
      damages_.cases.push_back(damage);
    }
  }

  void Lengths(std::size_t file) {
    for (std::uint32_t bytes = 0; bytes < BytesOf(file).size(); ++bytes) {
      Case damage = Of(Kind::kTruncated, file);
      damage.offset = bytes;
      if (Chosen()) damages_.cases.push_back(damage);
    }
    for (std::uint32_t way = 0; way < kWaysToGrow; ++way) {
      Case damage = Of(Kind::kGrown, file);
      damage.offset = way;
      damages_.cases.push_back(damage);
    }
    damages_.cases.push_back(Of(Kind::kRemoved, file));
  }

  void SwapSeededSectors() {
    std::vector<std::pair<std::size_t, std::uint32_t>> sectors;  // whole ones
    for (std::size_t file = 0; file < damages_.names.size(); ++file) {
      for (std::uint32_t at = 0; at + kSectorBytes <= BytesOf(file).size(); at += kSectorBytes) {
        sectors.emplace_back(file, at);
      }
    }
    const std::uint64_t swaps = sectors.size() * kSwapsPerSector / extent_.stride;
    for (std::uint64_t i = 0; i < swaps; ++i) {
      const auto& [file, offset] = sectors[random_.Below(sectors.size())];
      const auto& [other_file, other_offset] = sectors[random_.Below(sectors.size())];
      Case damage = Of(Kind::kSwapped, file);
      damage.offset = offset;
      damage.other_file = static_cast<std::uint16_t>(other_file);
      damage.other_offset = other_offset;
      damages_.cases.push_back(damage);
    }
  }

  void AddOther(Kind kind, const std::string& name, const std::string& bytes,
                const std::string& what) {
    const auto now = sample_.files.find(name);
    if (now != sample_.files.end() && now->second == bytes) return;
    if (!seen_.emplace(name, bytes).second) return;
    // Of manifests there are few, and each is a case of its own.
    if (extent_.stride > 1 && name != "MANIFEST" && !random_.OneIn(kOthersStride)) return;
    const auto found = std::find(damages_.names.begin(), damages_.names.end(), name);
    Case damage = Of(kind, static_cast<std::size_t>(found - damages_.names.begin()));
    damage.other_offset = static_cast<std::uint32_t>(damages_.others.size());
    damages_.others.push_back({{{name, bytes}}, what});
    damages_.cases.push_back(damage);
  }

  // Every version of every file at its place, also of files that are gone; and in the place of each
  // file every file of its kind that ever was, as it is and last was.
  void PutBack() {
    ImageFs::Files all;
    for (std::size_t moment = 0; moment < sample_.history.size(); ++moment) {
      for (const auto& [name, bytes] : sample_.history[moment]) {
        AddOther(Kind::kPutBack, name, bytes, "as at moment " + std::to_string(moment));
        all[name] = bytes;
      }
    }
    InPlaceOfEach(Kind::kPutBack, all, "which was");
  }

  void Foreign(const ImageFs::Files& files, const std::string& what) {
    for (const auto& [name, bytes] : files) AddOther(Kind::kForeign, name, bytes, what);
    InPlaceOfEach(Kind::kForeign, files, what);
  }

  // Keys and values of another database's segment of the same shape in the place of ours: whole,
  // and they agree with each other.
  void ForeignSegments(const ImageFs::Files& files) {
    const auto data_of = [](const std::string& keys) {
      std::uint64_t number = 0;
      ParseFileName(keys, nullptr, &number);
      return FileName(FileKind::kData, number + 1);
    };
    for (std::size_t place = 0; place < damages_.names.size(); ++place) {
      const std::string& name = damages_.names[place];
      if (!name.ends_with(".keys") || sample_.files.count(data_of(name)) == 0) continue;
      for (const auto& [theirs, bytes] : files) {
        const auto data = files.find(data_of(theirs));
        if (!theirs.ends_with(".keys") || data == files.end()) continue;
        if (bytes.size() != BytesOf(place).size()) continue;
        Case damage = Of(Kind::kForeign, place);
        damage.other_offset = static_cast<std::uint32_t>(damages_.others.size());
        damages_.others.push_back({{{name, bytes}, {data_of(name), data->second}},
                                   "a whole segment of another database"});
        damages_.cases.push_back(damage);
      }
    }
  }

  void InPlaceOfEach(Kind kind, const ImageFs::Files& files, const std::string& what) {
    for (const std::string& place : damages_.names) {
      for (const auto& [name, bytes] : files) {
        const auto suffix = [](const std::string& of) { return of.substr(of.rfind('.') + 1); };
        if (name == place || suffix(name) != suffix(place)) continue;
        AddOther(kind, place, bytes, name + ", " + what);
      }
    }
  }

  const Sample& sample_;
  SeededRandom random_;
  const Extent extent_;
  Damages damages_;
  std::set<std::pair<std::string, std::string>> seen_;
};

}  // namespace

std::string_view KindName(Kind kind) {
  switch (kind) {
    case Kind::kByte:
      return "bytes";
    case Kind::kZeroed:
      return "zeroed";
    case Kind::kSwapped:
      return "swapped";
    case Kind::kTruncated:
      return "truncated";
    case Kind::kGrown:
      return "grown";
    case Kind::kRemoved:
      return "removed";
    case Kind::kPutBack:
      return "put back";
    case Kind::kForeign:
      return "foreign";
  }
  return "?";
}

Damages MakeDamages(const Sample& sample, const Sample& stranger, std::uint64_t seed,
                    const Extent& extent) {
  return Collector(sample, seed, extent).Collect(stranger);
}

std::string Describe(const Damages& damages, const Case& damage) {
  const auto name = [&](std::size_t file) -> const std::string& { return damages.names[file]; };
  switch (damage.kind) {
    case Kind::kByte:
      return fmt::format("{} byte {} ^ {:#x}", name(damage.file), damage.offset, damage.mask);
    case Kind::kZeroed:
      return fmt::format("{} sector at {} zeroed", name(damage.file), damage.offset);
    case Kind::kSwapped:
      return fmt::format("{} sector at {} swapped with {} sector at {}", name(damage.file),
                         damage.offset, name(damage.other_file), damage.other_offset);
    case Kind::kTruncated:
      return fmt::format("{} cut to {} bytes", name(damage.file), damage.offset);
    case Kind::kGrown:
      return fmt::format("{} grown, way {}", name(damage.file), damage.offset);
    case Kind::kRemoved:
      return fmt::format("{} removed", name(damage.file));
    case Kind::kPutBack:
    case Kind::kForeign: {
      const Damages::Other& other = damages.others[damage.other_offset];
      return fmt::format("{} replaced by {}", other.files.front().first, other.what);
    }
  }
  return "?";
}

Injector::Injector(const Damages& damages) : damages_(damages), fs_(damages.sample->files) {
  disk_ = std::make_unique<support::SimFs>();
  disk_->StopJournal();
  (void)disk_->OpenDirectory("/db", true).ok();
  for (const auto& [name, bytes] : damages.sample->files) {
    (void)disk_->ReplaceFile("/db/" + name, bytes).ok();
  }
}

bool Injector::Apply(const Case& damage) {
  if (damage.kind == Kind::kPutBack || damage.kind == Kind::kForeign) {
    const Damages::Other& other = damages_.others[damage.other_offset];
    for (const auto& [name, bytes] : other.files) {
      Touch(name);
      fs_.files()[name] = bytes;
    }
    return true;
  }
  const std::string& name = damages_.names[damage.file];
  Touch(name);
  std::string& bytes = fs_.files()[name];
  const std::size_t left = bytes.size() - std::min<std::size_t>(damage.offset, bytes.size());
  switch (damage.kind) {
    case Kind::kByte:
      bytes[damage.offset] = static_cast<char>(bytes[damage.offset] ^ damage.mask);
      return true;
    case Kind::kZeroed: {
      const std::size_t count = std::min<std::size_t>(kSectorBytes, left);
      bytes.replace(damage.offset, count, count, '\0');
      break;
    }
    case Kind::kSwapped: {
      const std::string& other_name = damages_.names[damage.other_file];
      Touch(other_name);
      std::string& other = fs_.files()[other_name];
      std::swap_ranges(bytes.begin() + damage.offset, bytes.begin() + damage.offset + kSectorBytes,
                       other.begin() + damage.other_offset);
      break;
    }
    case Kind::kTruncated:
      bytes.resize(damage.offset);
      return true;
    case Kind::kGrown:
      bytes += Growth(damage.offset, bytes);
      return true;
    default:
      fs_.files().erase(name);
      return true;
  }
  return bytes != damages_.sample->files.find(name)->second;
}

void Injector::Undo() {
  for (const std::string& name : touched_) {
    const auto it = damages_.sample->files.find(name);
    if (it == damages_.sample->files.end()) {
      fs_.files().erase(name);
    } else {
      fs_.files()[name] = it->second;
    }
  }
  touched_.clear();
}

std::vector<std::string> Injector::Damaged(const Case& damage) const {
  if (damage.kind != Kind::kPutBack && damage.kind != Kind::kForeign) {
    return touched_;
  }
  // A file that is whole and says something else than another one: either may be blamed.
  return {};
}

Verdict Injector::Judge(const Case& damage, const Findings& found) const {
  Verdict verdict;
  verdict.refused = !found.opened;
  verdict.wrong = found.wrong;
  if (!verdict.wrong.empty()) return verdict;
  if (damage.kind == Kind::kPutBack || damage.kind == Kind::kForeign) {
    verdict.harmless = !found.caught;
    return verdict;
  }
  const std::string& name = damages_.names[damage.file];
  if (!found.caught && (damage.kind == Kind::kTruncated || damage.kind == Kind::kGrown) &&
      name != damages_.newest_log &&
      IsZerosBehindLog(name, damages_.sample->files.find(name)->second,
                       fs_.files().find(name)->second)) {
    verdict.harmless = true;
    return verdict;
  }
  if (!found.caught) verdict.wrong = "silent: no status names the file";
  if (found.opened && !found.verify_failed) verdict.wrong = "Verify finds nothing";
  const bool all_models = std::all_of(touched_.begin(), touched_.end(), IsModel);
  if (all_models && (!found.opened || found.failed_reads != 0)) {
    verdict.wrong = "a damaged model fails more than Verify";
  }
  if (all_models && found.models_damaged == 0) {
    verdict.wrong = "a damaged model is not in Stats::models_damaged";
  }
  return verdict;
}

Verdict Injector::TryReadOnly(const Case& damage, Access access, std::uint32_t order) {
  Verdict verdict;
  if (!Apply(damage)) {
    verdict.skipped = true;
  } else {
    const io::Env env = world_.EnvOver(&fs_);
    verdict =
        Judge(damage, ReadAll(*damages_.sample, env,
                              {.access = access, .order = order, .damaged = Damaged(damage)}));
    if (fs_.refused_changes() != 0 && verdict.wrong.empty()) {
      verdict.wrong = "a read-only open tried to write";
    }
  }
  Undo();
  return verdict;
}

std::unique_ptr<support::SimFs> Injector::DiskWith(const Case& damage) {
  std::unique_ptr<support::SimFs> disk;
  if (Apply(damage)) {
    disk = disk_->Copy();
    disk->StopJournal();
    for (const std::string& name : touched_) {
      const auto it = fs_.files().find(name);
      if (it != fs_.files().end()) {
        (void)disk->ReplaceFile("/db/" + name, it->second).ok();
      } else {
        (void)(*disk->OpenDirectory("/db", false))->Unlink(name).ok();
      }
    }
  }
  Undo();
  return disk;
}

Verdict Injector::TryWriting(const Case& damage, Access access, std::uint32_t order) {
  Verdict verdict;
  auto disk = DiskWith(damage);
  if (disk == nullptr) {
    verdict.skipped = true;
    return verdict;
  }
  (void)Apply(damage);
  support::TestEnv world(order + 1, std::move(disk));
  Trial trial{.access = access, .read_only = false, .order = order, .damaged = Damaged(damage)};
  const bool model = std::all_of(touched_.begin(), touched_.end(), IsModel) &&
                     damage.kind != Kind::kPutBack && damage.kind != Kind::kForeign;
  // A damaged model is trained anew in the background: then nothing is wrong any more.
  const Findings first =
      ReadAll(*damages_.sample, world.env(), trial, [&] { world.executor().RunDue(); });
  if (model) {
    verdict.wrong = first.wrong;
    if (verdict.wrong.empty() &&
        (!first.opened || first.verify_failed || first.models_damaged == 0)) {
      verdict.wrong = "a damaged model is not trained anew";
    }
  } else {
    verdict = Judge(damage, first);
  }
  // Closing it made nothing worse and hid nothing.
  trial.read_only = true;
  const Findings again = ReadAll(*damages_.sample, world.env(), trial);
  if (verdict.wrong.empty()) verdict.wrong = again.wrong;
  if (verdict.wrong.empty() && again.caught != (model ? false : first.caught)) {
    verdict.wrong = "opened for writing and closed, the damage is judged differently";
  }
  Undo();
  return verdict;
}

Verdict Injector::TryFold(const Case& damage, Access access, std::uint32_t order) {
  Verdict verdict;
  auto disk = DiskWith(damage);
  if (disk == nullptr) {
    verdict.skipped = true;
    return verdict;
  }
  (void)Apply(damage);
  support::TestEnv world(order + 2, std::move(disk));
  Trial trial{.access = access, .read_only = false, .fold = true, .order = order};
  trial.damaged = Damaged(damage);
  const Findings first = ReadAll(*damages_.sample, world.env(), trial);
  verdict.refused = !first.opened;
  verdict.wrong = first.wrong;
  trial.read_only = true;
  trial.fold = false;
  const Findings again = ReadAll(*damages_.sample, world.env(), trial);
  if (verdict.wrong.empty()) verdict.wrong = again.wrong;
  if (verdict.wrong.empty() && first.opened && !first.verify_failed && again.verify_failed) {
    verdict.wrong = "folded and closed, it is damaged";
  }
  Undo();
  return verdict;
}

}  // namespace kyro::proofs
