// SPDX-License-Identifier: Apache-2.0
//
// What must hold of a database whose writer died while it ran a script.
#include <filesystem>

#include "db/inspect.h"
#include "proofs/real/script.h"

namespace kyro::proofs {

using db::Batch;
using db::FourSpaces;
using db::State;
using db::U64Key;

Crash CrashOf(const ScriptLedger& ledger, bool power_cut) {
  Crash crash;
  crash.done = ledger.done;
  crash.started = ledger.started;
  crash.durable_step = ledger.durable_step;
  crash.durable = ledger.durable;
  crash.opened = ledger.opened != 0;
  crash.power_cut = power_cut;
  return crash;
}

std::string Verdict(const Script& script, const Crash& crash, Sequence sequence, const State& found,
                    std::size_t* x) {
  const std::size_t from = crash.power_cut ? crash.durable_step : crash.done;
  std::string nearest;
  for (*x = from; *x <= crash.started; ++*x) {
    if (crash.power_cut && script.commits[*x] < crash.durable) continue;
    if (script.commits[*x] != sequence) continue;
    const std::string difference = db::Difference(found, script.states[*x]);
    if (difference.empty()) return "";
    nearest = "; after step " + std::to_string(*x) + ": " + difference;
  }
  return "at sequence " + std::to_string(sequence) + ", which is no step of " +
         std::to_string(from) + " to " + std::to_string(crash.started) + " (commits " +
         std::to_string(crash.power_cut ? std::max(script.commits[from], crash.durable)
                                        : script.commits[from]) +
         " to " + std::to_string(script.commits[crash.started]) + ")" + nearest;
}

namespace {

// All four that were made, but for one that is just being dropped and made again.
std::string MissingSpace(const Script& script, const Crash& crash, const Db& db) {
  const auto list = db.ListKeyspaces();
  if (!list.ok()) return "ListKeyspaces: " + list.status().ToString();
  if (!crash.opened || list->size() == FourSpaces().size()) return "";
  const bool dropping =
      crash.started > crash.done && script.steps[crash.started - 1].kind == Step::Kind::kDrop;
  if (dropping && list->size() + 1 == FourSpaces().size()) return "";
  return "only " + std::to_string(list->size()) + " keyspaces are left";
}

std::string Unsound(const Db& db) {
  if (const Status verified = db.Verify(); !verified.ok()) {
    return "Verify: " + verified.ToString();
  }
  const Stats stats = db.stats();
  if (stats.model_fallbacks != 0) return "model_fallbacks";
  if (stats.unread_errors != 0) return "unread_errors";
  if (!stats.unknown_files.empty()) return "unknown file " + stats.unknown_files[0];
  return "";
}

// A checkpoint that was acknowledged is there, and any that is there is whole.
std::string CheckCheckpoints(const Script& script, const Crash& crash, const std::string& world) {
  for (std::size_t x = 1; x <= crash.started; ++x) {
    if (script.steps[x - 1].kind != Step::Kind::kCheckpoint) continue;
    const std::string path = CheckpointIn(world, x);
    if (!std::filesystem::exists(path)) {
      if (x <= crash.done) return path + ": acknowledged, but not there";
      continue;
    }
    Options options = script.options;
    options.create_if_missing = false;
    auto db = Db::Open(path, options);
    if (!db.ok()) return path + ": " + db.status().ToString();
    if (db->stats().visible != script.commits[x]) return path + ": at another sequence";
    const auto found = db::ReadAll(&*db);
    if (!found.ok()) return path + ": " + found.status().ToString();
    const std::string difference = db::Difference(*found, script.states[x]);
    if (!difference.empty()) return path + ": " + difference;
    if (const std::string unsound = Unsound(*db); !unsound.empty()) return path + ": " + unsound;
  }
  return "";
}

// Writes and closes; `state` becomes what must be found then.
std::string GoOn(db::OpenDb* open, State* state) {
  Sequence last = open->db.stats().visible;
  for (std::uint64_t i = 0; i < 3; ++i) {
    const Batch batch = {{0, true, U64Key(5), "on" + std::to_string(i)},
                         {1, i % 2 == 0, "k1", "on"},
                         {2, false, U64Key(977), ""}};
    const auto sequence = open->Write(batch);
    if (!sequence.ok()) return "Write: " + sequence.status().ToString();
    if (*sequence <= last) return "sequence " + std::to_string(*sequence) + " was used again";
    last = *sequence;
    db::Apply(batch, state);
  }
  const Status closed = open->db.Close();
  return closed.ok() ? "" : "Close: " + closed.ToString();
}

std::string CheckClosed(const std::string& path, const Options& options, const State& want) {
  auto db = Db::Open(path, options);
  if (!db.ok()) return "Open again: " + db.status().ToString();
  if (!db->stats().was_clean) return "not clean after a Close";
  const auto found = db::ReadAll(&*db);
  if (!found.ok()) return "ReadAll again: " + found.status().ToString();
  const std::string difference = db::Difference(*found, want);
  return difference.empty() ? "" : "after a Close: " + difference;
}

}  // namespace

std::string CheckScript(const Script& script, const Crash& crash, const std::string& world,
                        std::optional<Sequence> exactly, Sequence* recovered) {
  auto db = Db::Open(DatabaseIn(world), script.options);
  if (!db.ok()) return "Open: " + db.status().ToString();
  const Sequence sequence = *recovered = db->stats().visible;
  if (exactly.has_value() && sequence != *exactly) {
    return "at sequence " + std::to_string(sequence) + ", but an earlier Open said " +
           std::to_string(*exactly);
  }
  auto found = db::ReadAll(&*db);
  if (!found.ok()) return "ReadAll: " + found.status().ToString();
  std::size_t x = 0;
  std::string wrong = Verdict(script, crash, sequence, *found, &x);
  if (wrong.empty()) wrong = MissingSpace(script, crash, *db);
  if (wrong.empty()) wrong = Unsound(*db);
  if (wrong.empty()) wrong = CheckCheckpoints(script, crash, world);
  if (!wrong.empty()) return wrong;

  {
    db::OpenDb open(*std::move(db));
    const Status status = open.OpenSpaces();
    wrong = status.ok() ? GoOn(&open, &*found) : "the keyspaces: " + status.ToString();
  }
  return wrong.empty() ? CheckClosed(DatabaseIn(world), script.options, *found) : wrong;
}

}  // namespace kyro::proofs
