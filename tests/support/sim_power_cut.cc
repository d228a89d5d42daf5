// SPDX-License-Identifier: Apache-2.0
//
// What a power cut leaves: SimState::AfterPowerCut.
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
  PowerCut(std::uint64_t seed, Unsynced unsynced) : random_(seed), unsynced_(unsynced) {}

  void Cut(Node* node) {
    if (node->is_directory) return;
    const SimBytes bytes = unsynced_ == Unsynced::kSeeded ? SeededBytes(*node) : CornerBytes(*node);
    node->cached = node->durable = bytes;
    node->dirty.clear();
    node->lengths.clear();
    node->length_lost = false;
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
  enum class Version { kOld, kBetween, kNew, kZeros, kGarbage };

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

  std::uint64_t ChooseLength(const Node& file, Profile profile) {
    if (file.lengths.empty()) return file.durable.size();
    const auto [least, most] = std::minmax_element(file.lengths.begin(), file.lengths.end());
    const std::uint64_t lo = std::min(file.durable.size(), *least);
    const std::uint64_t hi = std::max(file.durable.size(), *most);
    const std::uint64_t any = random_.Between(lo, hi);
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
      content = random_.String(kSectorBytes);
    } else if (version == Version::kBetween && !dirty.older.empty()) {
      content = dirty.older[random_.Below(dirty.older.size())];
    } else if (version != Version::kZeros) {
      content = file.cached.Read(offset, kSectorBytes);
    }
    content.resize(std::min<std::uint64_t>(kSectorBytes, bytes->size() - offset));
    bytes->Write(offset, content);
  }

  SeededRandom random_;
  const Unsynced unsynced_;
};

SimState SimState::AfterPowerCut(std::uint64_t seed, Unsynced unsynced) const {
  PowerCut cut(seed, unsynced);
  SimState after = *this;
  for (auto& [id, node] : after.nodes_) {
    if (!node.is_directory) continue;
    const std::vector<bool> chosen = cut.ChooseOps(node.ops);
    node.names = node.durable_names;
    for (std::size_t i = 0; i < node.ops.size(); ++i) {
      if (chosen[i]) ApplyNameOp(&node.names, node.ops[i]);
    }
    node.durable_names = node.names;
    node.ops.clear();
  }
  after.KeepReachable();
  for (auto& [id, node] : after.nodes_) cut.Cut(&node);
  after.Recount();
  return after;
}

}  // namespace kyro::support
