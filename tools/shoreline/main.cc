// SPDX-License-Identifier: Apache-2.0
//
// shoreline: kyro's main job on real data. The points of the world's shorelines are loaded durably
// by a process that is killed on the way, reopened, checked, loaded to the end, folded, read back
// key by key, scanned and verified. Exits 0 only if everything was as promised.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include "kyro/db.h"
#include "shoreline/job.h"
#include "shoreline/shore.h"

namespace kyro::shoreline {
namespace {

// The bounds of docs/guarantees.md that a model must keep on these keys.
constexpr double kModelBytesPerKeyMax = 0.30;
constexpr double kModelFramingMax = 4608;     // header, checksums and padding of the file
constexpr std::uint64_t kWindowP999Max = 96;  // 40 in all points, 72 in a few of them

struct Figures {
  std::uint64_t points = 0;
  double keys_seconds = 0, load_seconds = 0, fold_seconds = 0, verify_seconds = 0;
  std::size_t loaded_batches = 0;
  ReadFigures reads;
  Stats stats;
  std::uint64_t verified_bytes = 0;
};

template <class... T>
void Say(fmt::format_string<T...> format, T&&... values) {
  fmt::print(format, std::forward<T>(values)...);
  std::fflush(stdout);
}

// Loads, kills and checks settings.kills times; `*next` is the first batch still to be loaded.
Status Crashes(const Settings& settings, const Keys& keys, Figures* figures, std::size_t* next) {
  const std::size_t batches = keys.batches(settings);
  for (int i = 1; i <= settings.kills; ++i) {
    const std::size_t kill_after =
        std::max(*next, batches * static_cast<std::size_t>(i) /
                            static_cast<std::size_t>(settings.kills + 1));
    std::size_t acknowledged = 0, present = 0;
    const Stopwatch loading;
    Status status = LoadAndKill(settings, keys, *next, kill_after, &acknowledged);
    if (!status.ok()) return status;
    figures->load_seconds += loading.seconds();
    figures->loaded_batches += acknowledged - *next;
    double open_seconds = 0;
    status = CheckSurvivors(settings, keys, acknowledged, &present, &open_seconds);
    if (!status.ok()) return status;
    Say("  killed: {} of {} batches acknowledged, {} there after reopening in {:.2f} s\n",
        acknowledged, batches, present, open_seconds);
    *next = present;
  }
  return Status::Ok();
}

Status LoadRest(Db& db, const Keyspace<U64>& keyspace, const Settings& settings, const Keys& keys,
                std::size_t next, Figures* figures) {
  const std::size_t batches = keys.batches(settings);
  Ticker ticker("loading");
  const Stopwatch loading;
  for (std::size_t batch = next; batch < batches; ++batch) {
    const Status status = WriteRows(db, keyspace, keys.Batch(settings, batch));
    if (!status.ok()) return status;
    ticker.Show(batch, batches);
  }
  figures->load_seconds += loading.seconds();
  figures->loaded_batches += batches - next;
  return Status::Ok();
}

Status FoldAll(Db& db, Figures* figures) {
  Ticker ticker("folding");
  const Stopwatch folding;
  const Status status = db.Fold({.on_progress = [&](std::uint64_t done, std::uint64_t total) {
    ticker.Show(done, total);
    return true;
  }});
  figures->fold_seconds = folding.seconds();
  return status;
}

// What the index must have done for these reads.
Status JudgeIndex(const Keys& keys, const Figures& figures) {
  const auto broken = [](std::string message) { return Status(StatusCode::kInternal, message); };
  const Stats& s = figures.stats;
  if (s.model_fallbacks != 0) return broken(fmt::format("{} fallbacks", s.model_fallbacks));
  if (figures.reads.hit_predictions != keys.count()) {
    return broken(
        fmt::format("{} predictions for {} lookups", figures.reads.hit_predictions, keys.count()));
  }
  const double model_bytes = static_cast<double>(s.model_bytes);
  if (model_bytes > kModelFramingMax + kModelBytesPerKeyMax * static_cast<double>(keys.count())) {
    return broken(fmt::format("the model takes {:.3f} bytes per key", s.model_bytes_per_key));
  }
  if (s.window_p999 > kWindowP999Max) {
    return broken(fmt::format("the p99.9 window has {} keys", s.window_p999));
  }
  if (s.unread_errors != 0) return broken(fmt::format("{} unread errors", s.unread_errors));
  return Status::Ok();
}

// From the last crash to the closed database.
Status Finish(const Settings& settings, const Keys& keys, std::size_t next, Figures* figures) {
  auto db = Db::Open(settings.db, JobOptions());
  if (!db.ok()) return db.status();
  const auto keyspace = db->OpenKeyspace<U64>(kKeyspace);
  if (!keyspace.ok()) return keyspace.status();
  Status status = LoadRest(*db, *keyspace, settings, keys, next, figures);
  if (!status.ok()) return status;
  Say("[3/5] folding\n");
  status = FoldAll(*db, figures);
  if (!status.ok()) return status;
  Say("[4/5] reading every key, as many absent ones, and ranges\n");
  status = CheckReads(*db, *keyspace, settings, keys, &figures->reads);
  if (!status.ok()) return status;
  figures->stats = db->stats();
  status = JudgeIndex(keys, *figures);
  if (!status.ok()) return status;
  return db->Close();
}

void Summarize(const Settings& settings, const Keys& keys, const Figures& figures, double total) {
  const Stats& s = figures.stats;
  const auto count = static_cast<double>(keys.count());
  const double rows =
      static_cast<double>(std::min(keys.count(), figures.loaded_batches * settings.batch_rows));
  const double raw = count * 24;
  Say("\n  {} distinct cells of {} shoreline points, a record of 16 bytes each\n", keys.count(),
      figures.points);
  Say("  load     {:.0f} rows/s, durable in batches of {}, {} crashes survived\n",
      rows / figures.load_seconds, settings.batch_rows, settings.kills);
  Say("  fold     {:.2f} s to {} segment{}\n", figures.fold_seconds, s.segments,
      s.segments == 1 ? "" : "s");
  Say("  disk     {} bytes, {:.3f} times the {:.0f} of keys and records\n", figures.verified_bytes,
      static_cast<double>(figures.verified_bytes) / raw, raw);
  Say("  model    {:.3f} bytes per key, {} leaves; windows p50 {}, p99.9 {}, max {} keys\n",
      s.model_bytes_per_key, s.leaves, s.window_p50, s.window_p999, s.window_max);
  Say("  get      {:.0f} ns present, {:.0f} ns absent, {:.0f} ns in batches of 32, each checked\n",
      figures.reads.hit_ns, figures.reads.miss_ns, figures.reads.batch_ns);
  Say("  index    {} hits, {} predictions, {} fallbacks\n", keys.count(),
      figures.reads.hit_predictions, s.model_fallbacks);
  Say("  scan     {:.1f} ns per row\n", figures.reads.scan_ns);
  Say("  verify   {} bytes in {:.2f} s\n", figures.verified_bytes, figures.verify_seconds);
  Say("  total    {:.1f} s\n", total);
}

Status RunJob(const Settings& settings) {
  const Stopwatch total;
  Figures figures;
  Say("[1/5] reading {}\n", settings.data_file);
  const Stopwatch reading;
  const auto keys = MakeKeys(settings, &figures.points);
  if (!keys.ok()) return keys.status();
  figures.keys_seconds = reading.seconds();
  Say("[2/5] loading {} rows durably into {}, and killing the loader\n", keys->count(),
      settings.db);
  std::size_t next = 0;
  Status status = Crashes(settings, *keys, &figures, &next);
  if (status.ok()) status = Finish(settings, *keys, next, &figures);
  if (!status.ok()) return status;
  Say("[5/5] kyroctl verify\n");
  const Stopwatch verifying;
  status = RunVerify(settings, &figures.verified_bytes);
  if (!status.ok()) return status;
  figures.verify_seconds = verifying.seconds();
  Summarize(settings, *keys, figures, total.seconds());
  return Status::Ok();
}

// kyroctl as it lies beside this program: in its directory, or in the build's.
std::string FindKyroctl() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (const char* place : {"kyroctl", "../kyroctl/kyroctl"}) {
    if (std::filesystem::is_regular_file(self / place, error)) return self / place;
  }
  return "kyroctl";
}

// A fresh directory for a database, on a disk: /tmp may be memory, where syncing costs nothing.
std::string FreshDirectory() {
  std::string path = "/var/tmp/kyro-shoreline-XXXXXX";
  if (const char* const given = std::getenv("TMPDIR")) {
    path = std::string(given) + "/kyro-shoreline-XXXXXX";
  }
  return mkdtemp(path.data()) == nullptr ? std::string() : path;
}

int Main(int argc, char** argv) {
  Settings settings{.data_file = kShoreFile};
  bool keep = false;
  std::string directory;
  CLI::App app("Loads, kills, reopens, folds, reads back and verifies the world's shoreline.",
               "shoreline");
  app.add_flag("--small", settings.small, "200,000 points instead of all");
  app.add_option("--data", settings.data_file, "The data set: binned_GSHHS_f.nc")
      ->type_name("FILE");
  app.add_option("--dir", directory,
                 "Where to work; unless given: a new one in $TMPDIR or /var/tmp")
      ->type_name("DIR");
  app.add_flag("--keep", keep, "Leave the database there");
  app.add_flag("--file-order", settings.in_file_order, "Load in the file's order, not at random");
  app.add_option("--batch", settings.batch_rows, "Rows per commit; unless given: 1000")
      ->check(CLI::Range(1, 100000));
  app.add_option("--kills", settings.kills, "How often to kill the loader; unless given: 2")
      ->check(CLI::Range(0, 20));
  app.add_option("--seed", settings.seed, "Of every random choice; unless given: 1");
  app.add_option("--kyroctl", settings.kyroctl, "The program; unless given: the one beside this")
      ->type_name("FILE");
  CLI11_PARSE(app, argc, argv);
  if (settings.kyroctl.empty()) settings.kyroctl = FindKyroctl();
  const std::string work = directory.empty() ? FreshDirectory() : directory;
  if (work.empty()) {
    fmt::print(stderr, "shoreline: no directory can be made in $TMPDIR or /var/tmp\n");
    return 1;
  }
  settings.db = (std::filesystem::path(work) / "db").string();
  const Status status = RunJob(settings);
  if (!status.ok()) {
    fmt::print(stderr, "shoreline: FAILED: {}; the database stays in {} (seed {})\n",
               status.ToString(), settings.db, settings.seed);
    return 1;
  }
  std::error_code error;
  if (keep) {
    Say("  kept     {}\n", settings.db);
  } else {
    std::filesystem::remove_all(directory.empty() ? work : settings.db, error);
  }
  return 0;
}

}  // namespace
}  // namespace kyro::shoreline

int main(int argc, char** argv) {
  try {
    return kyro::shoreline::Main(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "shoreline: FAILED: {}\n", error.what());
    return 1;
  }
}
