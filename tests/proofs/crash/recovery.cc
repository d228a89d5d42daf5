// SPDX-License-Identifier: Apache-2.0
#include "proofs/crash/recovery.h"

#include <fmt/format.h>

#include "proofs/crash/workload.h"

namespace kyro::crash {

using db::Contents;
using db::Door;
using db::FourSpaces;

std::string Text(const CrashAt& crash) {
  return fmt::format("{} at event {}",
                     crash.power_cut ? "power cut"
                     : crash.torn    ? "torn kill"
                                     : "kill",
                     crash.moment);
}

Recovery Recover(TestEnv* world, const Options& options) {
  Recovery recovery;
  auto db = Door::Open("/db", options, world->env());
  recovery.opened_at = world->fs().event_count();
  world->fs().StopAt(recovery.opened_at);
  if (!db.ok()) {
    recovery.refused = true;
    recovery.wrong = "Open: " + db.status().ToString();
    return recovery;
  }
  auto contents = db::ReadContents(&*db);
  if (!contents.ok()) {
    recovery.wrong = "reading: " + contents.status().ToString();
    return recovery;
  }
  recovery.contents = *std::move(contents);
  if (const Status verified = db->Verify(); !verified.ok()) {
    recovery.wrong = "Verify: " + verified.ToString();
  }
  const Stats stats = db->stats();
  if (stats.model_fallbacks != 0) recovery.wrong = "lookups fell back from a model";
  if (stats.models_damaged != 0) recovery.wrong = "a model that the manifest names is damaged";
  if (stats.unread_errors != 0) recovery.wrong = "a scan failed unnoticed";
  if (!stats.unknown_files.empty()) recovery.wrong = "unknown file " + stats.unknown_files[0];
  return recovery;
}

std::string ReadOnlyShows(TestEnv* world, const Options& options, const Contents& contents) {
  Options reading = options;
  reading.read_only = true;
  auto db = Door::Open("/db", reading, world->env());
  // It never creates: of a database that was not made yet there is nothing to read.
  if (db.status().code() == StatusCode::kNotFound && contents.spaces == 0) return "";
  if (!db.ok()) return "Open read-only: " + db.status().ToString();
  auto found = db::ReadContents(&*db);
  if (!found.ok()) return "reading, read-only: " + found.status().ToString();
  if (found->sequence != contents.sequence) {
    return fmt::format("read-only at {}, recovered at {}", found->sequence, contents.sequence);
  }
  if (found->spaces != contents.spaces) return "read-only other keyspaces are there";
  return db::Difference(found->state, contents.state);
}

std::string GoOn(TestEnv* world, const Options& options, const Contents& contents) {
  auto open = db::OpenFour(options, world->env());
  if (!open.ok()) return "Open to go on: " + open.status().ToString();
  Sequence last = contents.sequence;
  db::State state = contents.state;
  for (int i = 0; i < 3; ++i) {
    const db::Batch batch = {{0, true, db::U64Key(5), "on" + std::to_string(i)},
                             {1, i % 2 == 0, "k1", "on"},
                             {2, false, db::U64Key(977), ""}};
    const auto sequence = (*open)->Write(batch);
    if (!sequence.ok()) return "Write: " + sequence.status().ToString();
    if (*sequence <= last) return fmt::format("sequence {} used again", *sequence);
    last = *sequence;
    db::Apply(batch, &state);
  }
  if (const Status closed = (*open)->db.Close(); !closed.ok()) return "Close: " + closed.ToString();
  *open = nullptr;
  auto again = Door::Open("/db", options, world->env());
  if (!again.ok()) return "Open again: " + again.status().ToString();
  if (!again->stats().was_clean) return "not clean after a Close";
  auto found = db::ReadAll(&*again);
  if (!found.ok()) return "reading again: " + found.status().ToString();
  return db::Difference(*found, state);
}

std::string CheckpointHolds(TestEnv* world, const CheckpointTaken& checkpoint, bool acknowledged) {
  if (!world->fs().OpenDirectory(checkpoint.path, false).ok()) {
    return acknowledged ? "an acknowledged checkpoint is gone" : "";
  }
  auto db = Door::Open(checkpoint.path, {.create_if_missing = false}, world->env());
  if (!db.ok()) return "checkpoint: Open: " + db.status().ToString();
  const Status verified = db->Verify();
  if (!verified.ok()) return "checkpoint: Verify: " + verified.ToString();
  auto found = db::ReadContents(&*db);
  if (!found.ok()) return "checkpoint: reading: " + found.status().ToString();
  world->fs().StopAt(world->fs().event_count());
  if (found->sequence != checkpoint.sequence) {
    return fmt::format("checkpoint at {}, want {}", found->sequence, checkpoint.sequence);
  }
  const std::string difference = db::Difference(found->state, checkpoint.state);
  return difference.empty() ? "" : "checkpoint: " + difference;
}

}  // namespace kyro::crash
