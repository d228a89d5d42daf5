// SPDX-License-Identifier: Apache-2.0
#include "proofs/crash/enumerate.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace kyro::crash {

using support::CrashKind;
using support::Fate;
using support::PendingKind;
using support::PendingUnit;
using support::Unsynced;

namespace {

constexpr std::uint64_t kSeeds = 4;          // samples of any power cut
constexpr std::uint64_t kSeedsBeyond = 128;  // and of one with too many units
constexpr int kWrongMax = 3;                 // then a phase is left

// "000003.wal sector 8 garbage", of the units that are not what most are.
std::string Text(const std::vector<PendingUnit>& pending, std::span<const Fate> fates) {
  std::string text;
  for (std::size_t i = 0; i < pending.size(); ++i) {
    text += fmt::format("{}{} {}", i == 0 ? "" : ", ", pending[i].what, FateName(fates[i]));
  }
  return text.empty() ? "nothing pending" : text;
}

}  // namespace

// ---------------------------------------------------------------------------------- states

std::uint64_t* HashSet::Slot(std::vector<std::uint64_t>* slots, std::uint64_t hash) {
  std::size_t at = hash % slots->size();
  while ((*slots)[at] != 0 && (*slots)[at] != hash) at = (at + 1) % slots->size();
  return &(*slots)[at];
}

bool HashSet::Insert(std::uint64_t hash) {
  hash = std::max<std::uint64_t>(hash, 1);
  std::uint64_t* const slot = Slot(&slots_, hash);
  if (*slot == hash) return false;
  *slot = hash;
  if (++count_ * 3 < slots_.size() * 2) return true;
  std::vector<std::uint64_t> larger(slots_.size() * 2 + 1);
  for (const std::uint64_t known : slots_) {
    if (known != 0) *Slot(&larger, known) = known;
  }
  slots_ = std::move(larger);
  return true;
}

bool States::Add(std::uint64_t hash, Operation operation, Durability mode) {
  Shard& shard = shards_[hash % kShards];
  {
    const std::lock_guard lock(shard.mutex);
    if (!shard.hashes.Insert(hash)) return false;
  }
  ++counts_[static_cast<std::size_t>(operation)][static_cast<std::size_t>(mode)];
  return true;
}

std::uint64_t States::Count(Operation operation, Durability mode) const {
  return counts_[static_cast<std::size_t>(operation)][static_cast<std::size_t>(mode)];
}

std::uint64_t States::Count() const {
  std::uint64_t count = 0;
  for (const auto& modes : counts_) {
    for (const auto& states : modes) count += states;
  }
  return count;
}

// ---------------------------------------------------------------------------------- images

Enumerator::Enumerator(Phase* phase, const Effort& effort, std::string where, States* states,
                       proofs::Tally* tally, int depth)
    : phase_(*phase),
      effort_(effort),
      where_(std::move(where)),
      states_(*states),
      tally_(*tally),
      depth_(depth) {}

void Enumerator::Run() {
  const Moment end = phase_.world->fs().event_count();
  for (Moment moment = 0; moment <= end && wrong_ < kWrongMax; moment += effort_.stride) At(moment);
}

// A crash at a moment is one of the operation whose event was the last: its acknowledgement may
// just have been heard.
void Enumerator::At(Moment moment) {
  operation_ = phase_.During(moment == 0 ? 0 : moment - 1);
  const auto index = static_cast<std::size_t>(operation_);
  const bool fully = effort_.fully[index] && found_[index] < effort_.states_max;
  if (!fully && !effort_.lightly) return;
  Kills(moment, fully);
  if (fully) return Cuts(moment);
  Corner(moment, Unsynced::kAllOld);
  Corner(moment, support::kUnsyncedCorners[moment % std::size(support::kUnsyncedCorners)]);
}

void Enumerator::Kills(Moment moment, bool fully) {
  SimFs& fs = phase_.world->fs();
  Judge(fs.CrashImage(CrashKind::kKill, moment), {.moment = moment}, [] { return "kill"; });
  if (moment == fs.event_count() || fs.event(moment).op != support::SimOp::kWrite) return;
  for (std::uint64_t seed = 0; seed < (fully ? kSeeds : 1); ++seed) {
    Judge(fs.CrashImage(CrashKind::kKillTorn, moment, moment + seed),
          {.moment = moment, .torn = true}, [&] { return fmt::format("torn kill {}", seed); });
  }
}

void Enumerator::Corners(Moment moment) {
  for (const Unsynced corner : support::kUnsyncedCorners) Corner(moment, corner);
}

void Enumerator::Corner(Moment moment, Unsynced corner) {
  SimFs& fs = phase_.world->fs();
  Judge(fs.CrashImage(CrashKind::kPowerCut, moment, 0, corner),
        {.moment = moment, .power_cut = true},
        [&] { return fmt::format("power cut, {}", UnsyncedName(corner)); });
}

void Enumerator::Cuts(Moment moment) {
  SimFs& fs = phase_.world->fs();
  Corners(moment);
  const std::vector<PendingUnit> pending = fs.Pending(moment);
  const std::uint64_t differing =
      std::count_if(pending.begin(), pending.end(), [](const auto& unit) { return unit.differs; });
  Singles(pending, moment);
  if (differing <= kExhaustiveMax) {
    Combinations(pending, moment);
    tally_.Count("moments exhausted");
  } else {
    tally_.Count("moments sampled");
  }
  const CrashAt crash{.moment = moment, .power_cut = true};
  const std::uint64_t seeds = differing <= kExhaustiveMax ? kSeeds : kSeedsBeyond;
  for (std::uint64_t seed = moment * kSeedsBeyond; seed < moment * kSeedsBeyond + seeds; ++seed) {
    if (pending.empty()) break;
    Judge(fs.CrashImage(CrashKind::kPowerCut, moment, seed), crash,
          [&] { return fmt::format("power cut, sample {}", seed); });
  }
}

// Each unit alone unlike the others.
void Enumerator::Singles(const std::vector<PendingUnit>& pending, Moment moment) {
  for (const Fate rest : {Fate::kNew, Fate::kOld}) {
    std::vector<Fate> fates(pending.size(), rest);
    for (std::size_t i = 0; i < pending.size(); ++i) {
      for (const Fate fate :
           {Fate::kOld, Fate::kNew, Fate::kZeros, Fate::kGarbage, Fate::kBetween}) {
        const bool sector = pending[i].kind == PendingKind::kSector;
        const bool name = pending[i].kind == PendingKind::kName;
        if (fate == rest || (name && fate > Fate::kNew)) continue;
        if (!sector && (fate == Fate::kZeros || fate == Fate::kGarbage)) continue;
        fates[i] = fate;
        Cut(moment, fates);
      }
      fates[i] = rest;
    }
  }
}

void Enumerator::Combinations(const std::vector<PendingUnit>& pending, Moment moment) {
  std::vector<std::size_t> differing;
  for (std::size_t i = 0; i < pending.size(); ++i) {
    if (pending[i].differs) differing.push_back(i);
  }
  std::vector<Fate> fates(pending.size(), Fate::kOld);
  for (std::uint64_t choice = 0; choice < std::uint64_t{1} << differing.size(); ++choice) {
    for (std::size_t i = 0; i < differing.size(); ++i) {
      fates[differing[i]] = (choice >> i & 1) != 0 ? Fate::kNew : Fate::kOld;
    }
    Cut(moment, fates);
    if (wrong_ >= kWrongMax) return;
  }
}

void Enumerator::Cut(Moment moment, std::span<const Fate> fates) {
  SimFs& fs = phase_.world->fs();
  Judge(fs.PowerCut(moment, fates), {.moment = moment, .power_cut = true},
        [&] { return "power cut: " + Text(fs.Pending(moment), fates); });
}

// ---------------------------------------------------------------------------------- verdicts

void Enumerator::Judge(Image image, const CrashAt& crash, const What& what) {
  if (wrong_ >= kWrongMax) return;
  tally_.Count("images");
  if (image->read_only()) return;  // nothing can be recovered there until the machine starts again
  const std::uint64_t hash = image->Hash();
  const auto known = known_.find(hash);
  if (known == known_.end()) return Recovered(std::move(image), crash, what, hash);
  const std::string verdict =
      phase_.history.Verdict(crash, known->second.point, known->second.spaces);
  if (!verdict.empty()) Wrong(crash, what(), verdict);
}

void Enumerator::Recovered(Image image, const CrashAt& crash, const What& what,
                           std::uint64_t hash) {
  const std::uint64_t number = new_states_++;
  if (states_.Add(hash, operation_, phase_.options.durability)) {
    ++found_[static_cast<std::size_t>(operation_)];
  }
  const Image copy = image->Copy();
  copy->StopJournal();
  image->StopJournal();
  const auto world = phase_.world->Around(std::move(image));
  const Recovery recovery = Recover(world.get(), phase_.options);
  std::string verdict = recovery.wrong;
  if (verdict.empty()) verdict = phase_.history.Verdict(crash, recovery.contents);
  if (verdict.empty()) verdict = Checkpoints(copy.get(), crash);
  if (!verdict.empty()) return Wrong(crash, what(), verdict);
  known_[hash] = {phase_.history.PointOf(recovery.contents), recovery.contents.spaces};
  const auto turn = [number](std::uint64_t every) { return every != 0 && number % every == 0; };
  if (turn(effort_.nested_every)) Again(*copy, crash, recovery.contents, what());
  if (!turn(effort_.go_on_every)) return;
  const auto reading = phase_.world->Around(copy->Copy());
  verdict = ReadOnlyShows(reading.get(), phase_.options, recovery.contents);
  const auto writing = phase_.world->Around(copy->Copy());
  if (verdict.empty()) verdict = GoOn(writing.get(), phase_.options, recovery.contents);
  if (!verdict.empty()) Wrong(crash, what(), verdict);
}

// Those that the crash could have touched: it hit one in its making, or soon after.
std::string Enumerator::Checkpoints(SimFs* image, const CrashAt& crash) {
  for (const CheckpointTaken& checkpoint : phase_.checkpoints) {
    const bool acknowledged = checkpoint.end <= crash.moment;
    if (checkpoint.begin >= crash.moment) continue;
    if (acknowledged && checkpoint.end + 4 < crash.moment && new_states_ % 64 != 0) continue;
    const auto world = phase_.world->Around(image->Copy());
    tally_.Count("checkpoints");
    const std::string wrong = CheckpointHolds(world.get(), checkpoint, acknowledged);
    if (!wrong.empty()) return wrong;
  }
  return "";
}

// Recovery once more, and crashes at each moment of it, and after it: what Open returned stays.
void Enumerator::Again(const SimFs& image, const CrashAt& crash, const db::Contents& contents,
                       const std::string& what) {
  if (depth_ >= kDepthMax) return;
  Phase again;
  again.world = phase_.world->Around(image.Copy());
  again.history = phase_.history.After(crash, contents);
  again.options = phase_.options;
  const Recovery recovery = Recover(again.world.get(), again.options);
  again.history.Opened(recovery.opened_at);
  again.spans.push_back({recovery.opened_at + 1, Operation::kUncleanOpen});
  Effort effort;
  effort.stride = 1 + recovery.opened_at / 24;
  effort.nested_every = depth_ + 1 < kDepthMax ? 97 : 0;
  tally_.Count("nested");
  Enumerator nested(&again, effort,
                    fmt::format("{}, {} ({}), then", where_, crash::Text(crash), what), &states_,
                    &tally_, depth_ + 1);
  nested.Run();
}

void Enumerator::Wrong(const CrashAt& crash, const std::string& what, const std::string& verdict) {
  ++wrong_;
  SimFs& fs = phase_.world->fs();
  const std::string event =
      crash.moment < fs.event_count() ? fs.Describe(crash.moment) : std::string("its end");
  tally_.Violation(fmt::format("{} in {} before {}: {}: {}", where_, OperationName(operation_),
                               event, what, verdict));
}

}  // namespace kyro::crash
