// SPDX-License-Identifier: Apache-2.0
#include "proofs/rot/unclosed.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status_util.h"
#include "db/inspect.h"
#include "db/model.h"
#include "proofs/rot/guard.h"
#include "support/image_fs.h"
#include "support/test_env.h"
#include "wal/inspect.h"

namespace kyro::proofs {
namespace {

using db::Batch;
using db::State;
using support::ImageFs;
using support::SeededRandom;
using support::TestEnv;

constexpr std::size_t kCommits = 40;
constexpr std::size_t kFlipsPerTurn = 64;
// One in so many flips is also recovered for writing.
constexpr std::size_t kWritingStride = 8;

struct Mode {
  const char* name;
  Durability durability;
  bool idle;  // the end is marked
};
constexpr Mode kModes[] = {{"kSync", Durability::kSync, false},
                           {"kSync and idle", Durability::kSync, true},
                           {"kInterval", Durability::kInterval, false},
                           {"kOs", Durability::kOs, false}};

struct Record {
  std::uint64_t offset = 0, end = 0;
  Sequence first = 0;
  std::uint64_t synced_offset = 0;
};

// A database as a kill left it, and what is known of it.
struct Killed {
  const char* mode = "";
  ImageFs::Files files;
  std::unique_ptr<support::SimFs> disk;
  std::map<Sequence, State> states;  // after each commit
  std::string newest;                // log file
  std::vector<Record> records;       // of the newest one
};

Batch MakeBatch(SeededRandom* random) {
  Batch batch;
  for (std::uint64_t ops = random->Between(1, 4); ops > 0; --ops) {
    db::Op op;
    op.space = random->Below(4);
    op.put = !random->OneIn(4);
    const std::uint64_t key = random->Below(30);
    op.key = db::FourSpaces()[op.space].kind == KeyKind::kU64 ? db::U64Key(key)
                                                              : "k" + std::to_string(key);
    // Now and then a record of several sectors.
    if (op.put) op.value = random->String(random->OneIn(8) ? 900 : random->Below(60));
    batch.push_back(std::move(op));
  }
  return batch;
}

void Must(const Status& status, const char* what) {
  if (status.ok()) return;
  std::printf("%s: %s\n", what, status.ToString().c_str());
  std::exit(1);
}

Killed MakeKilled(std::uint64_t seed, const Mode& mode) {
  Killed killed;
  killed.mode = mode.name;
  TestEnv world(seed);
  SeededRandom random(seed * 31 + 7);
  Options options;
  options.wal_file_bytes = 12 << 10;
  options.durability = mode.durability;
  auto open = db::OpenFour(options, world.env());
  Must(open.status(), "open");
  State state(db::FourSpaces().size());
  for (std::size_t i = 0; i < kCommits; ++i) {
    const Batch batch = MakeBatch(&random);
    db::Apply(batch, &state);
    const auto sequence = (*open)->Write(batch);
    Must(sequence.status(), "write");
    killed.states[*sequence] = state;
    // A part of it is in a segment; in the weak modes some of the log is synced.
    if (i == 4) Must(db::Door::Flush((*open)->db), "flush");
    if (i == 30 && mode.durability != Durability::kSync) Must((*open)->db.Sync(), "sync");
  }
  if (mode.idle) world.executor().Advance(std::chrono::milliseconds(50));
  killed.disk = world.fs().Copy();
  killed.disk->StopJournal();
  for (const std::string& name : killed.disk->ListNames("/db")) {
    if (name == "LOCK") continue;
    auto bytes = killed.disk->ReadFile("/db/" + name);
    Must(bytes.status(), "read");
    killed.files[name] = *std::move(bytes);
  }
  const auto directory = killed.disk->OpenDirectory("/db", false);
  for (const auto& [name, bytes] : killed.files) {
    if (!name.ends_with(".wal")) continue;
    std::vector<Record> records;
    const auto report = wal::ScanFile(**directory, name, [&](const auto& header, auto) {
      records.push_back({header.offset, header.end(), header.first, header.synced_offset});
      return Status::Ok();
    });
    Must(report.status(), "scan");
    if (records.empty()) continue;  // made ahead of need
    killed.newest = name;
    killed.records = records;
  }
  return killed;
}

// The last sequence that must be recovered with this byte damaged; nullopt: it must be refused.
// `any`: the byte decides nothing.
std::optional<Sequence> Expected(const Killed& killed, const std::string& name,
                                 std::uint64_t offset, bool* any) {
  *any = false;
  const Sequence last = killed.states.rbegin()->first;
  const Record* hit = nullptr;
  if (name > killed.newest && name.ends_with(".wal")) {
    *any = true;  // a file made ahead of need, without a record
    return last;
  }
  if (name != killed.newest || offset < killed.records.front().offset) return std::nullopt;
  if (offset >= killed.records.back().end) return last;
  std::uint64_t synced = 0;
  for (const Record& record : killed.records) {
    if (record.offset <= offset && offset < record.end) {
      hit = &record;
    } else {
      synced = std::max(synced, record.synced_offset);
    }
  }
  // The link comes first: a file without one continues nothing and is not reached, or is empty.
  if (hit->offset < synced) return std::nullopt;
  return hit->first - 1;
}

std::string JudgeRecovery(const Killed& killed, const io::Env& env, bool read_only,
                          const std::string& name, std::optional<Sequence> expected, bool any) {
  Options options;
  options.read_only = read_only;
  options.create_if_missing = false;
  auto db = db::Door::Open("/db", options, env);
  if (!db.ok()) {
    if (expected && !any) return "refused: " + db.status().ToString();
    if (db.status().code() != StatusCode::kDataLoss || db.status().file() != name) {
      return "refused as " + db.status().ToString();
    }
    return "";
  }
  if (!expected) return "opened in silence";
  const auto found = db::ReadAll(&*db);
  if (!found.ok()) return "reading: " + found.status().ToString();
  const auto want = killed.states.find(*expected);
  // Before the first commit everything is empty.
  const std::string difference = db::Difference(
      *found, want == killed.states.end() ? State(db::FourSpaces().size()) : want->second);
  if (!difference.empty()) return fmt::format("want sequence {}: {}", *expected, difference);
  const Status verified = db->Verify();
  if (!verified.ok() && !read_only) return "recovered, and then " + verified.ToString();
  const Status closed = db->Close();
  return closed.ok() ? "" : "close: " + closed.ToString();
}

struct Flip {
  const std::string* name;
  std::uint64_t offset;
  std::uint8_t mask;
};

std::vector<Flip> FlipsOf(const Killed& killed, std::uint64_t seed, std::uint64_t stride) {
  SeededRandom random(seed);
  std::vector<Flip> flips;
  for (const auto& [name, bytes] : killed.files) {
    if (name != "MANIFEST" && !name.ends_with(".wal")) continue;
    for (std::uint64_t at = 0; at < bytes.size(); ++at) {
      const auto mask = static_cast<std::uint8_t>(1u << random.Below(8));
      if (stride == 1 || random.OneIn(stride)) flips.push_back({&name, at, mask});
    }
  }
  return flips;
}

}  // namespace

void Unclosed::Run(std::uint64_t seed, std::uint64_t stride) {
  for (const Mode& mode : kModes) {
    const Killed killed = MakeKilled(seed, mode);
    const std::vector<Flip> flips = FlipsOf(killed, seed, stride);
    std::atomic<std::size_t> next{0};
    std::atomic<std::uint64_t> cut{0};
    RunGuarded(args_.threads, [&](std::uint64_t) {
      ImageFs image(killed.files);
      TestEnv world(seed);
      while (true) {
        const std::size_t from = next.fetch_add(kFlipsPerTurn);
        if (from >= flips.size()) break;
        for (std::size_t i = from; i < std::min(from + kFlipsPerTurn, flips.size()); ++i) {
          const Flip& flip = flips[i];
          const std::function<std::string()> describe = [&] {
            return fmt::format("seed {} killed in {}: {} byte {} ^ {:#x}", seed, killed.mode,
                               *flip.name, flip.offset, flip.mask);
          };
          NoteCase(&describe);
          bool any = false;
          const auto expected = Expected(killed, *flip.name, flip.offset, &any);
          char& byte = image.files()[*flip.name][flip.offset];
          byte = static_cast<char>(byte ^ flip.mask);
          std::string wrong =
              JudgeRecovery(killed, world.EnvOver(&image), true, *flip.name, expected, any);
          byte = static_cast<char>(byte ^ flip.mask);
          if (wrong.empty() && i % kWritingStride == 0) {
            TestEnv writing(seed + i, killed.disk->Copy());
            writing.fs().StopJournal();
            Must(writing.fs().FlipByte("/db/" + *flip.name, flip.offset, flip.mask), "flip");
            wrong = JudgeRecovery(killed, writing.env(), false, *flip.name, expected, any);
          }
          if (!wrong.empty()) tally_->Violation(describe() + ": " + wrong);
          if (expected && !any && *expected != killed.states.rbegin()->first) ++cut;
        }
      }
    });
    tally_->Count("flips", flips.size());
    tally_->Count("unclosed", flips.size());
    tally_->Count("cut as torn", cut);
  }
}

}  // namespace kyro::proofs
