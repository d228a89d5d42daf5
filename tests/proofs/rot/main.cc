// SPDX-License-Identifier: Apache-2.0
//
// proof rot: no damaged byte goes unnoticed, and none makes an answer wrong.
//
//   closed    every case of damage.h on a cleanly closed database: every byte, sector, length and
//             file, read-only through both kinds of Access, and a part of them for writing and
//             folded
//   repair    what kyroctl repair makes of a part of these cases (repair.h)
//   unclosed  every byte of the log of databases that were not closed (unclosed.h)
//
// The bounded run tries all of them once. --long goes on with all eight bits of each byte, on
// databases of new seeds.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>

#include "base/status_util.h"
#include "proofs/proof.h"
#include "proofs/rot/damage.h"
#include "proofs/rot/guard.h"
#include "proofs/rot/repair.h"
#include "proofs/rot/unclosed.h"
#include "support/sanitized.h"

namespace kyro::proofs {
namespace {

constexpr std::size_t kCasesPerTurn = 64;
// Of the cases of a closed database one in so many is tried for writing too.
constexpr std::uint64_t kWritingStride = 16;
// And one in so many is folded.
constexpr std::uint64_t kFoldStride = 32;
constexpr std::uint64_t kQuickStride = 100;
constexpr std::uint64_t kSanitizedStride = 256;

// One in so many is repaired.
constexpr std::uint64_t kRepairStride = 40;
constexpr std::uint64_t kQuickRepairStride = 60;  // of the quick ones
constexpr std::uint64_t kViolationsMax = 50;      // then it is no use to go on

struct Counts {
  std::uint64_t by_kind[std::size(kKinds)] = {};
  std::uint64_t refused = 0, writing = 0, folded = 0, harmless = 0, skipped = 0;
};

// What is damaged, shared by the parts.
struct World {
  World(std::uint64_t from, const Extent& extent)
      : seed(from),
        sample(MakeSample(seed)),
        stranger(MakeSample(seed + 1'000'000)),
        damages(MakeDamages(sample, stranger, seed, extent)) {}
  const std::uint64_t seed;
  const Sample sample, stranger;
  const Damages damages;
};

class Repairs {
 public:
  Repairs(const Args& args, Tally* tally) : args_(args), tally_(tally) {}

  // One case in `stride`, in both ways.
  void Run(const World& world, std::uint64_t stride) {
    std::vector<std::size_t> chosen;
    support::SeededRandom random(world.seed);
    for (std::size_t i = 0; i < world.damages.cases.size(); ++i) {
      const Kind kind = world.damages.cases[i].kind;
      // Of some there are few.
      const bool rare = kind == Kind::kZeroed || kind == Kind::kRemoved || kind == Kind::kGrown;
      if (random.OneIn(rare ? (stride + 9) / 10 : stride)) chosen.push_back(i);
    }
    std::atomic<std::size_t> next{0};
    std::atomic<std::uint64_t> complete{0};
    RunGuarded(args_.threads, [&](std::uint64_t) {
      Injector injector(world.damages);
      while (tally_->violations() < kViolationsMax) {
        const std::size_t i = next.fetch_add(1);
        if (i >= chosen.size()) break;
        const Case& damage = world.damages.cases[chosen[i]];
        const std::function<std::string()> describe = [&] {
          return fmt::format("seed {} case {}: {}", world.seed, chosen[i],
                             Describe(world.damages, damage));
        };
        NoteCase(&describe);
        for (const bool all : {false, true}) {
          bool whole = false;
          const std::string wrong = TryRepair(&injector, world.damages, damage, all, &whole);
          if (!wrong.empty()) {
            tally_->Violation(
                fmt::format("{} (repair{}): {}", describe(), all ? " --all" : "", wrong));
          }
          complete += whole;
        }
      }
    });
    tally_->Count("repairs", 2 * chosen.size());
    tally_->Count("repaired whole", complete);
  }

 private:
  const Args& args_;
  Tally* const tally_;
};

class Closed {
 public:
  Closed(const Args& args, Tally* tally) : args_(args), tally_(tally) {}

  void Run(const World& world, const std::function<bool()>& over = {}) {
    const std::uint64_t seed = world.seed;
    const Sample& sample = world.sample;
    const Damages& damages = world.damages;
    tally_->Say(fmt::format("seed {}: {} files, {} bytes, {} cases", seed, sample.files.size(),
                            sample.bytes, damages.cases.size()));
    CheckIntact(damages, seed);
    std::atomic<std::size_t> next{0};
    RunGuarded(args_.threads, [&](std::uint64_t) {
      Injector injector(damages);
      Counts counts;
      while (tally_->violations() < kViolationsMax && !(over && over())) {
        const std::size_t from = next.fetch_add(kCasesPerTurn);
        if (from >= damages.cases.size()) break;
        const std::size_t to = std::min(from + kCasesPerTurn, damages.cases.size());
        for (std::size_t i = from; i < to; ++i) Try(damages, i, seed, &injector, &counts);
      }
      Add(counts);
    });
  }

 private:
  // The judgement itself: the undamaged database passes, and everything in it is there to be hurt.
  void CheckIntact(const Damages& damages, std::uint64_t seed) {
    support::ImageFs fs(damages.sample->files);
    support::TestEnv world;
    for (const Access access : {Access::kMap, Access::kCopy}) {
      const Findings found = ReadAll(*damages.sample, world.EnvOver(&fs), {.access = access});
      if (!found.opened || found.caught || !found.wrong.empty() || found.models_damaged != 0) {
        tally_->Violation(fmt::format("seed {}: undamaged, and yet: {}", seed, found.wrong));
      }
    }
    for (const std::string_view suffix : {"MANIFEST", ".wal", ".keys", ".data", ".rmi"}) {
      const bool there =
          std::any_of(damages.names.begin(), damages.names.end(),
                      [&](const std::string& name) { return name.ends_with(suffix); });
      if (!there) tally_->Violation(fmt::format("seed {}: no {} file to damage", seed, suffix));
    }
  }

  void Try(const Damages& damages, std::size_t i, std::uint64_t seed, Injector* injector,
           Counts* counts) {
    const Case& damage = damages.cases[i];
    const std::function<std::string()> describe = [&] {
      return fmt::format("seed {} case {}: {}", seed, i, Describe(damages, damage));
    };
    NoteCase(&describe);
    const auto order = static_cast<std::uint32_t>(i * 7 + i / 64);
    const auto judge = [&](const Verdict& verdict, const char* how) {
      if (!verdict.wrong.empty()) {
        tally_->Violation(fmt::format("{} ({}): {}", describe(), how, verdict.wrong));
      }
    };
    const Access access = i % 2 == 0 ? Access::kMap : Access::kCopy;
    const Verdict verdict = injector->TryReadOnly(damage, access, order);
    if (verdict.skipped) return static_cast<void>(++counts->skipped);
    judge(verdict, access == Access::kMap ? "read-only, kMap" : "read-only, kCopy");
    ++counts->by_kind[static_cast<std::size_t>(damage.kind)];
    counts->refused += verdict.refused;
    counts->harmless += verdict.harmless;
    if (!verdict.refused) {
      // What Open refuses it refuses before the ways part.
      const Access other = i % 2 == 0 ? Access::kCopy : Access::kMap;
      judge(injector->TryReadOnly(damage, other, order + 1), "read-only, the other access");
    }
    const bool rare = damage.kind != Kind::kByte && damage.kind != Kind::kTruncated &&
                      damage.kind != Kind::kSwapped;
    if (rare || (i / 2) % kWritingStride == 0) {
      judge(injector->TryWriting(damage, access, order), "for writing");
      ++counts->writing;
    }
    if ((rare && i % 4 == 0) || (i / 2) % kFoldStride == 5) {
      judge(injector->TryFold(damage, access, order), "folded");
      ++counts->folded;
    }
  }

  void Add(const Counts& counts) {
    std::uint64_t all = 0;
    for (const std::uint64_t count : counts.by_kind) all += count;
    tally_->Count("flips", all);
    for (const Kind kind : kKinds) {
      tally_->Count(KindName(kind), counts.by_kind[static_cast<std::size_t>(kind)]);
    }
    tally_->Count("refused by Open", counts.refused);
    tally_->Count("also for writing", counts.writing);
    tally_->Count("folded", counts.folded);
    tally_->Count("without effect", counts.harmless);
  }

  const Args& args_;
  Tally* const tally_;
};

int Main(int argc, char** argv) {
  const Args args = ParseArgs(argc, argv);
  Tally tally("rot");
  Closed closed(args, &tally);
  Repairs repairs(args, &tally);
  Unclosed unclosed(args, &tally);
  const auto wanted = [&](std::string_view part) { return args.only.empty() || args.only == part; };
  Extent extent;
  if (args.quick) extent.stride = support::kSanitized ? kSanitizedStride : kQuickStride;
  {
    const World world(args.seed, extent);
    if (wanted("closed")) closed.Run(world);
    if (wanted("repair")) repairs.Run(world, args.quick ? kQuickRepairStride : kRepairStride);
  }
  if (wanted("unclosed")) unclosed.Run(args.seed, extent.stride);
  if (args.minutes != 0) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(args.minutes);
    const auto over = [&] { return std::chrono::steady_clock::now() >= end; };
    extent.all_bits = true;
    for (std::uint64_t seed = args.seed; !over() && tally.violations() == 0; ++seed) {
      const World world(seed, extent);
      if (wanted("closed")) closed.Run(world, over);
      if (wanted("repair") && !over()) repairs.Run(world, 8 * kRepairStride);
      if (wanted("unclosed") && !over()) unclosed.Run(seed + 1, 1);
    }
  }
  if (args.only.empty()) {
    tally.Require("flips", args.quick ? 1'000 : 250'000);
    tally.Require("bytes", args.quick ? 400 : 250'000 / 2);
    tally.Require("also for writing", args.quick ? 20 : 10'000);
    tally.Require("folded", args.quick ? 20 : 5'000);
    tally.Require("repairs", args.quick ? 100 : 10'000);
  }
  return tally.Finish();
}

}  // namespace
}  // namespace kyro::proofs

int main(int argc, char** argv) {
  return kyro::proofs::Main(argc, argv);
}
