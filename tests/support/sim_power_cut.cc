// SPDX-License-Identifier: Apache-2.0
//
// What a power cut leaves: SimState::AfterPowerCut, by a seed or by a choice for each unit.
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "support/sim_state.h"

namespace kyro::support {

// One power cut's choices. Independent choices for each sector make images in which nearly
// everything survived, or nearly nothing, too rare; so each file and each directory first draws a
// profile.
class SimState::PowerCut {
 public:
  explicit PowerCut(std::uint64_t seed, Unsynced unsynced = Unsynced::kSeeded)
      : seed_(seed), random_(seed), unsynced_(unsynced) {}

  static bool Touches(const Node& node) {
    return !node.is_directory && (!node.dirty.empty() || !node.lengths.empty() || node.late_error);
  }
  void Cut(Node* file) {
    Leave(unsynced_ == Unsynced::kSeeded ? SeededBytes(*file) : CornerBytes(*file), file);
  }
  // The same by choice: `units` are the file's.
  void Cut(std::span<const SimUnit> units, std::span<const Fate> fates, Node* file) {
    SimBytes bytes = file->durable;
    for (std::size_t i = 0; i < units.size(); ++i) {
      if (units[i].kind == PendingKind::kLength) {
        bytes.Resize(LengthOf(*file, fates[i]));
      } else {
        const auto version = static_cast<Version>(fates[i]);
        Put(*file, units[i].number, file->dirty.at(units[i].number), version, &bytes);
      }
    }
    Leave(std::move(bytes), file);
  }

  // Which of the directory's operations are on the disk.
  std::vector<bool> ChooseOps(const std::vector<NameOp>& ops) {
    std::vector<bool> chosen(ops.size());
    const std::uint64_t profile = random_.Below(4);
    const std::uint64_t prefix = random_.Below(ops.size() + 1);
    for (std::size_t i = 0; i < ops.size(); ++i) {
      chosen[i] = ops[i].state == NameState::kSynced || ChooseOp(profile, i < prefix);
    }
    return chosen;
  }

 private:
  enum class Profile : std::uint64_t { kMixed, kMostlyNew, kMostlyOld, kOldOrNew, kPrefix };
  static constexpr std::uint64_t kProfiles = 5;
  using Version = Fate;

  static void Leave(SimBytes bytes, Node* file) {
    file->cached = file->durable = std::move(bytes);
    file->dirty.clear();
    file->lengths.clear();
    file->length_lost = false;
    file->late_error = false;
  }

  bool ChooseOp(std::uint64_t profile, bool in_prefix) {
    switch (unsynced_) {
      case Unsynced::kAllOld:
      case Unsynced::kOldNamesNewBytes:
        return false;
      case Unsynced::kSeeded:
        break;
      default:
        return true;
    }
    switch (profile) {
      case 0:
        return in_prefix;  // a journaling file system
      case 1:
        return random_.OneIn(2);
      case 2:
        return random_.OneIn(8);
      default:
        return !random_.OneIn(8);
    }
  }

  SimBytes CornerBytes(const Node& file) {
    switch (unsynced_) {
      case Unsynced::kAllNew:
      case Unsynced::kOldNamesNewBytes:
        return file.cached;
      case Unsynced::kNewNamesZeros:
      case Unsynced::kNewNamesGarbage: {
        SimBytes bytes = file.durable;
        bytes.Resize(file.cached.size());
        for (const auto& [sector, dirty] : file.dirty) {
          Put(file, sector, dirty,
              unsynced_ == Unsynced::kNewNamesZeros ? Version::kZeros : Version::kGarbage, &bytes);
        }
        return bytes;
      }
      default:
        return file.durable;
    }
  }

  SimBytes SeededBytes(const Node& file) {
    const auto profile = static_cast<Profile>(random_.Below(kProfiles));
    const std::uint64_t length = ChooseLength(file, profile);
    const std::uint64_t cut = random_.Below(file.dirty.size() + 1);
    SimBytes bytes = file.durable;
    bytes.Resize(length);
    std::uint64_t i = 0;
    for (const auto& [sector, dirty] : file.dirty) {
      Put(file, sector, dirty, ChooseVersion(profile, i++ < cut), &bytes);
    }
    return bytes;
  }

  std::uint64_t AnyLength(const Node& file) {
    const auto [least, most] = std::minmax_element(file.lengths.begin(), file.lengths.end());
    return random_.Between(std::min(file.durable.size(), *least),
                           std::max(file.durable.size(), *most));
  }

  std::uint64_t LengthOf(const Node& file, Fate fate) {
    if (fate == Fate::kOld) return file.durable.size();
    return fate == Fate::kBetween ? AnyLength(file) : file.cached.size();
  }

  std::uint64_t ChooseLength(const Node& file, Profile profile) {
    if (file.lengths.empty()) return file.durable.size();
    const std::uint64_t any = AnyLength(file);
    if (profile == Profile::kMostlyNew) return random_.OneIn(8) ? any : file.cached.size();
    if (profile == Profile::kMostlyOld) return random_.OneIn(8) ? any : file.durable.size();
    switch (random_.Below(3)) {
      case 0:
        return file.durable.size();
      case 1:
        return file.cached.size();
      default:
        return any;
    }
  }

  Version ChooseVersion(Profile profile, bool below_cut) {
    constexpr Version kAny[] = {Version::kOld, Version::kBetween, Version::kNew, Version::kZeros,
                                Version::kGarbage};
    switch (profile) {
      case Profile::kMixed:
        return kAny[random_.Below(std::size(kAny))];
      case Profile::kMostlyNew:
        return random_.OneIn(16) ? kAny[random_.Below(std::size(kAny))] : Version::kNew;
      case Profile::kMostlyOld:
        return random_.OneIn(16) ? kAny[random_.Below(std::size(kAny))] : Version::kOld;
      case Profile::kOldOrNew:
        return kAny[random_.Below(3)];
      case Profile::kPrefix:
        break;
    }
    return below_cut ? Version::kNew : Version::kOld;
  }

  void Put(const Node& file, std::uint64_t sector, const DirtySector& dirty, Version version,
           SimBytes* bytes) {
    const std::uint64_t offset = sector * kSectorBytes;
    if (offset >= bytes->size() || version == Version::kOld) return;
    std::string content;
    if (version == Version::kGarbage) {
      // The same wherever else it is chosen: what does not matter shall not make images differ.
      const std::uint64_t of_file = XXH3_64bits(file.name.data(), file.name.size());
      content = SeededRandom(of_file + sector + seed_).String(kSectorBytes);
    } else if (version == Version::kBetween && !dirty.older.empty()) {
      content = dirty.older[random_.Below(dirty.older.size())];
    } else if (version != Version::kZeros) {
      content = file.cached.Read(offset, kSectorBytes);
    }
    content.resize(std::min<std::uint64_t>(kSectorBytes, bytes->size() - offset));
    bytes->Write(offset, content);
  }

  const std::uint64_t seed_;
  SeededRandom random_;
  const Unsynced unsynced_;
};

SimState SimState::AfterPowerCut(std::uint64_t seed, Unsynced unsynced) const {
  PowerCut cut(seed, unsynced);
  SimState after = *this;
  for (NodeId node = 0; node < nodes_.size(); ++node) {
    if (nodes_[node] == nullptr || !Get(node).is_directory || Get(node).ops.empty()) continue;
    after.KeepNames(cut.ChooseOps(Get(node).ops), &after.Mutable(node));
  }
  after.KeepReachable();
  for (NodeId node = 0; node < nodes_.size(); ++node) {
    const auto& left = after.nodes_[node];
    if (left != nullptr && PowerCut::Touches(*left)) cut.Cut(&after.Mutable(node));
  }
  after.Recount();
  return after;
}

void SimState::KeepNames(const std::vector<bool>& chosen, Node* directory) const {
  directory->names = directory->durable_names;
  for (std::size_t i = 0; i < directory->ops.size(); ++i) {
    if (chosen[i]) ApplyNameOp(&directory->names, directory->ops[i]);
  }
  directory->durable_names = directory->names;
  directory->ops.clear();
}

std::vector<SimUnit> SimState::Pending() const {
  std::vector<SimUnit> units;
  const std::vector<bool> reached = Reachable();
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    if (!reached[id]) continue;
    const Node& node = Get(id);
    for (std::size_t i = 0; i < node.ops.size(); ++i) {
      if (node.ops[i].state != NameState::kSynced) units.push_back({PendingKind::kName, id, i});
    }
    if (!node.lengths.empty()) {
      units.push_back({PendingKind::kLength, id, 0, node.cached.size() != node.durable.size()});
    }
    for (const auto& [sector, dirty] : node.dirty) {
      char old_bytes[kSectorBytes] = {}, new_bytes[kSectorBytes] = {};
      node.durable.Read(sector * kSectorBytes, kSectorBytes, old_bytes);
      node.cached.Read(sector * kSectorBytes, kSectorBytes, new_bytes);
      units.push_back({PendingKind::kSector, id, sector,
                       !std::equal(old_bytes, old_bytes + kSectorBytes, new_bytes)});
    }
  }
  return units;
}

std::string SimState::Describe(const SimUnit& unit) const {
  const Node& node = Get(unit.node);
  if (unit.kind == PendingKind::kSector) return fmt::format("{} sector {}", node.name, unit.number);
  if (unit.kind == PendingKind::kLength) return node.name + " length";
  const NameOp& op = node.ops[unit.number];
  if (op.op == SimOp::kRename) return fmt::format("rename {} -> {}", op.name, op.to_name);
  return fmt::format("{} {}", SimOpName(op.op), op.name);
}

SimState SimState::AfterPowerCut(std::span<const SimUnit> units, std::span<const Fate> fates,
                                 std::uint64_t seed) const {
  PowerCut cut(seed);
  SimState after = *this;
  for (std::size_t i = 0; i < units.size();) {
    std::size_t end = i + 1;
    while (end < units.size() && units[end].node == units[i].node) ++end;
    Node& node = after.Mutable(units[i].node);
    if (!node.is_directory) {
      cut.Cut(units.subspan(i, end - i), fates.subspan(i, end - i), &node);
    } else {
      std::vector<bool> chosen(node.ops.size(), true);  // those that are no unit were synced
      for (std::size_t j = i; j < end; ++j) chosen[units[j].number] = fates[j] != Fate::kOld;
      after.KeepNames(chosen, &node);
    }
    i = end;
  }
  after.KeepReachable();
  after.Recount();
  return after;
}

std::uint64_t SimState::Hash() const {
  std::uint64_t hash = 0;
  const auto add = [&hash](NodeId directory, const std::string& name, std::uint64_t what) {
    hash += XXH3_64bits_withSeed(name.data(), name.size(), what + directory);
  };
  for (NodeId id = kRootNode; id < nodes_.size(); ++id) {
    if (nodes_[id] == nullptr || !Get(id).is_directory || Get(id).links == 0) continue;
    for (const auto& [name, child] : Get(id).names) {
      const Node& node = Get(child);
      add(id, name, node.is_directory ? child : node.cached.Hash());
      if (!node.dirty.empty() || !node.lengths.empty()) add(id, name, ~node.durable.Hash());
      // What a failed Sync lost is read differently past the page cache.
      for (const auto& [sector, dirty] : node.dirty) hash += dirty.lost ? sector + 1 : 0;
    }
    if (Get(id).ops.empty()) continue;
    for (const auto& [name, child] : Get(id).durable_names)
      add(~id, name, Get(child).durable.Hash());
  }
  return hash;
}

}  // namespace kyro::support
