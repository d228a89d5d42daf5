// SPDX-License-Identifier: Apache-2.0
//
// bench: how fast kyro is here and now, in a database of its own. Five repeats, each of every phase
// in turn, so that a busy moment of the machine meets all phases alike; the median is shown with
// the least and the most. Every value that is read is checked within the time that is taken.
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "kyro/db.h"
#include "kyroctl/bench_data.h"
#include "kyroctl/listing.h"
#include "kyroctl/manual.h"
#include "kyroctl/progress.h"
#include "kyroctl/request.h"
#include "kyroctl/rows.h"
#include "kyroctl/text.h"
#include "kyroctl/verbs.h"

namespace kyro::kyroctl {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr std::size_t kRepeats = 5;
// Each waits for the disk; fewer for a quick look.
std::uint64_t SyncedPuts(std::uint64_t rows) {
  return std::clamp<std::uint64_t>(rows / 100, 20, 200);
}
constexpr std::uint64_t kBatchRows = 1000;

// One line of the answer.
struct Figure {
  const char* name;  // for people
  const char* key;   // in JSON
  const char* unit;
};
enum Measure : std::size_t {
  kPutMedian,
  kPutTail,
  kLoad,
  kFold,
  kGetHit,
  kGetMiss,
  kScan,
  kFileBytes,
  kModelBytes,
  kMeasures
};
constexpr std::array<Figure, kMeasures> kFigures{{
    {"put, synced: median", "put_sync_p50", "us"},
    {"put, synced: 99th percentile", "put_sync_p99", "us"},
    {"load, synced batches of 1000", "load", "rows/s"},
    {"fold", "fold", "rows/s"},
    {"get through a view, present", "get_hit", "ns"},
    {"get through a view, absent", "get_miss", "ns"},
    {"scan", "scan", "rows/s"},
    {"files", "file_bytes_per_row", "bytes/row"},
    {"learned index", "model_bytes_per_row", "bytes/row"},
}};
using Results = std::array<std::vector<double>, kMeasures>;

// A new directory that is gone with it.
class OwnDirectory {
 public:
  explicit OwnDirectory(const std::filesystem::path& parent)
      : path_((parent / "kyroctl-bench-XXXXXX").string()) {
    error_ = mkdtemp(path_.data()) == nullptr ? errno : 0;
  }
  ~OwnDirectory() {
    std::error_code ignored;
    if (error_ == 0) std::filesystem::remove_all(path_, ignored);
  }
  OwnDirectory(const OwnDirectory&) = delete;
  OwnDirectory& operator=(const OwnDirectory&) = delete;

  int error() const noexcept { return error_; }
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
  int error_ = 0;
};

double SecondsSince(Clock::time_point begin) {
  return Seconds(Clock::now() - begin).count();
}

// A repeat: a fresh database, every phase once.
class Repeat {
 public:
  // `tell` returns false to end with kCancelled.
  Repeat(std::uint64_t rows, std::function<bool(std::uint64_t rows)> tell, Results* results)
      : rows_(rows), tell_(std::move(tell)), results_(*results) {}

  Status Run(const std::string& directory) {
    auto db = Db::Open(directory);
    if (!db.ok()) return db.status();
    auto keyspace = db->OpenKeyspace<U64>();
    if (!keyspace.ok()) return keyspace.status();
    if (Status status = Load(&*db, *keyspace); !status.ok()) return status;
    if (Status status = Fold(&*db); !status.ok()) return status;
    if (Status status = Read(*keyspace); !status.ok()) return status;
    if (Status status = PutSynced(&*keyspace); !status.ok()) return status;
    return db->Close();
  }

 private:
  void Note(Measure measure, double value) { results_[measure].push_back(value); }
  void NoteRate(Measure measure, Clock::time_point begin) {
    Note(measure, static_cast<double>(rows_) / SecondsSince(begin));
  }
  Status Tell(std::uint64_t rows) {
    return tell_(rows) ? Status::Ok() : Status(StatusCode::kCancelled);
  }

  Status Load(Db* db, const Keyspace<U64>& keyspace) {
    const auto begin = Clock::now();
    WriteBatch batch;
    for (std::uint64_t i = 0; i < rows_; ++i) {
      const std::uint64_t key = BenchKey(i);
      batch.Put(keyspace, key, BenchValue(key).bytes());
      if (batch.count() < kBatchRows && i + 1 < rows_) continue;
      if (Status status = db->Write(batch).status(); !status.ok()) return status;
      batch.Clear();
      if (Status status = Tell(kBatchRows); !status.ok()) return status;
    }
    NoteRate(kLoad, begin);
    return Status::Ok();
  }

  Status Fold(Db* db) {
    const auto begin = Clock::now();
    Status status = db->Fold({.on_progress = [&](auto, auto) { return tell_(0); }});
    if (!status.ok()) return status;
    NoteRate(kFold, begin);
    const Stats stats = db->stats();
    Note(kFileBytes, static_cast<double>(stats.segment_bytes) / static_cast<double>(rows_));
    Note(kModelBytes, static_cast<double>(stats.model_bytes) / static_cast<double>(rows_));
    return Tell(0);
  }

  Status Read(const Keyspace<U64>& keyspace) {
    const auto view = keyspace.view();
    if (!view.ok()) return view.status();
    const auto present = [](const Lookup& found, std::uint64_t key) {
      return BenchValue(key).Is(found.value());
    };
    const auto absent = [](const Lookup& found, std::uint64_t) { return found.absent(); };
    // Once without the clock: page faults and the checksums of first touches are another matter.
    if (Status status = Look(*view, 0, present, kMeasures); !status.ok()) return status;
    if (Status status = Look(*view, 0, present, kGetHit); !status.ok()) return status;
    // Numbers that no row has.
    if (Status status = Look(*view, rows_, absent, kGetMiss); !status.ok()) return status;
    return Scan(*view);
  }

  // A get for each of rows_ numbers from `from` on; in the order of the keys they are everywhere.
  template <class Check>
  Status Look(const View<U64>& view, std::uint64_t from, Check check, Measure measure) {
    const auto begin = Clock::now();
    for (std::uint64_t i = from; i < from + rows_; ++i) {
      const std::uint64_t key = BenchKey(i);
      const Lookup found = view.Get(key);
      if (!check(found, key)) return Disagrees(found.status(), key);
    }
    if (measure != kMeasures) Note(measure, 1e9 * SecondsSince(begin) / static_cast<double>(rows_));
    return Tell(rows_);
  }

  Status Scan(const View<U64>& view) {
    const auto begin = Clock::now();
    std::uint64_t rows = 0;
    kyro::Scan<U64> scan = view.scan();
    for (const auto [key, value] : scan) {
      if (!BenchValue(key).Is(value)) return Disagrees(Status::Ok(), key);
      ++rows;
    }
    if (!scan.status().ok()) return scan.status();
    if (rows != rows_) {
      return Status(StatusCode::kInternal, fmt::format("a scan found {} rows of {}", rows, rows_));
    }
    NoteRate(kScan, begin);
    return Tell(rows_);
  }

  Status PutSynced(Keyspace<U64>* keyspace) {
    std::vector<double> micros;
    for (std::uint64_t i = 0; i < SyncedPuts(rows_); ++i) {
      const std::uint64_t key = BenchKey(2 * rows_ + i);
      const auto begin = Clock::now();
      if (Status status = keyspace->Put(key, BenchValue(key).bytes()); !status.ok()) return status;
      micros.push_back(1e6 * SecondsSince(begin));
    }
    std::sort(micros.begin(), micros.end());
    Note(kPutMedian, micros[micros.size() / 2]);
    Note(kPutTail, micros[micros.size() * 99 / 100]);
    return Tell(0);
  }

  // What was read is not what was written.
  static Status Disagrees(const Status& status, std::uint64_t key) {
    if (!status.ok() && status.code() != StatusCode::kNotFound) return status;
    return Status(StatusCode::kInternal,
                  fmt::format("key {} has another value than it was given", key));
  }

  const std::uint64_t rows_;
  const std::function<bool(std::uint64_t)> tell_;
  Results& results_;
};

struct Machine {
  std::string processor;
  unsigned processors = 0;
  std::string system;
  double load = 0;  // of the last minute, before the measurement
};

Machine ThisMachine() {
  Machine machine;
  machine.processors = std::thread::hardware_concurrency();
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name") && line.find(": ") != std::string::npos) {
      machine.processor = line.substr(line.find(": ") + 2);
      break;
    }
  }
  utsname names = {};
  if (uname(&names) == 0) {
    if (machine.processor.empty()) machine.processor = names.machine;
    machine.system = fmt::format("{} {}", names.sysname, names.release);
  }
  if (getloadavg(&machine.load, 1) != 1) machine.load = 0;
  return machine;
}

// Three digits that mean something.
std::string Rounded(double value) {
  if (value >= 100) return Count(static_cast<std::uint64_t>(value + 0.5));
  return fmt::format("{:.{}f}", value, value >= 10 ? 1 : 2);
}

struct Spread {
  double median, least, most;
};

Spread SpreadOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values[values.size() / 2], values.front(), values.back()};
}

void SayForPeople(const Machine& machine, const std::string& parent, std::uint64_t rows,
                  const Results& results, Output& output) {
  std::string out;
  AppendField(&out, 0, "kyro", std::string(ProgramVersion()));
  AppendField(&out, 0, "machine",
              fmt::format("{}, {}, {}, load {:.2f} before", machine.processor,
                          Counted(machine.processors, "processor"), machine.system, machine.load));
  AppendField(&out, 0, "directory", Shortened(parent, kColumns - kLabelColumns));
  AppendField(&out, 0, "rows",
              fmt::format("{} u64 keys, uniform; values of {} bytes; {} synced puts", Count(rows),
                          kBenchValueBytes, SyncedPuts(rows)));
  out += fmt::format("\n{:<30} {:>12} {:>12} {:>12}\n", "", "MEDIAN", "LEAST", "MOST");
  for (std::size_t i = 0; i < kMeasures; ++i) {
    const Spread spread = SpreadOf(results[i]);
    out +=
        fmt::format("{:<30} {:>12} {:>12} {:>12}  {}\n", kFigures[i].name, Rounded(spread.median),
                    Rounded(spread.least), Rounded(spread.most), kFigures[i].unit);
  }
  out.push_back('\n');
  AppendWrapped(&out, {}, 0,
                fmt::format("Of {} repeats. One thread. Every value that was read was compared "
                            "with what was written, within the time. Reads are of memory, after a "
                            "first touch. This is one machine at one moment, and no comparison "
                            "with any other or with another store.",
                            kRepeats));
  output.Write(out);
}

void SayAsJson(const Machine& machine, const std::string& parent, std::uint64_t rows,
               const Results& results, Output& output) {
  Json object;
  object["version"] = ProgramVersion();
  object["machine"] = Json{{"processor", machine.processor},
                           {"processors", machine.processors},
                           {"system", machine.system},
                           {"load", machine.load}};
  SetBytes(&object, "directory", parent);
  object["rows"] = rows;
  object["value_bytes"] = kBenchValueBytes;
  object["synced_puts"] = SyncedPuts(rows);
  object["repeats"] = kRepeats;
  for (std::size_t i = 0; i < kMeasures; ++i) {
    const Spread spread = SpreadOf(results[i]);
    object[kFigures[i].key] = Json{{"unit", kFigures[i].unit},
                                   {"median", spread.median},
                                   {"least", spread.least},
                                   {"most", spread.most}};
  }
  output.Object(object);
}

Status RunRepeats(const std::string& directory, std::uint64_t rows, Task* task, Results* results) {
  // Load, a first touch, hits, misses and a scan each go over all rows.
  const std::uint64_t total = kRepeats * rows * 5;
  std::uint64_t done = 0;
  const auto tell = [&](std::uint64_t more) {
    done += more;
    return task->Update(done, total, done);
  };
  for (std::size_t i = 0; i < kRepeats; ++i) {
    const std::string path = fmt::format("{}/{}", directory, i);
    if (Status status = Repeat(rows, tell, results).Run(path); !status.ok()) return status;
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  return Status::Ok();
}

int Bench(const Request& request, Output& output) {
  const char* const given = std::getenv("TMPDIR");
  const std::string parent = !request.db.empty()                  ? request.db
                             : given != nullptr && *given != '\0' ? given
                                                                  : "/tmp";
  const Machine machine = ThisMachine();
  const OwnDirectory directory(parent);
  if (directory.error() != 0) {
    return output.Fail(Status(StatusCode::kIoError,
                              fmt::format("no directory can be made in {}: {}", Printable(parent),
                                          std::generic_category().message(directory.error()))));
  }
  Results results;
  Status status;
  {
    Task task(output, "measuring", Unit::kRows);
    status = RunRepeats(directory.path(), request.rows, &task, &results);
  }
  if (status.code() == StatusCode::kCancelled) {
    return output.Interrupted("nothing is measured, the temporary database is deleted");
  }
  if (!status.ok()) return output.Fail(status);
  (request.json ? SayAsJson : SayForPeople)(machine, parent, request.rows, results, output);
  return output.Done();
}

}  // namespace

Verb BenchVerb() {
  Argument directory = DbArgument();
  directory.name = "DIR";
  directory.about = "Where to make a temporary database; unless given: $TMPDIR or /tmp";
  directory.required = false;
  return {
      .name = "bench",
      .summary = "Measure kyro on this machine, in a temporary database",
      .description =
          "Writes, folds, reads and scans rows of its own, five times, and deletes them. Shows "
          "medians and their spread. DIR chooses the disk; what is there is left alone. Takes "
          "less than half a minute unless more --rows are asked for.",
      .group = Group::kUpkeep,
      .arguments = {directory},
      .options = {NumberOption("--rows", &Request::rows, 1000, 100000000,
                               "Rows in each repeat; unless given: 200000")},
      .examples = {{"kyroctl bench . --rows 1000", "A quick look at the disk of this directory"}},
      .exits = {{kExitInterrupted, "interrupted: nothing is measured"}},
      .run = &Bench};
}

}  // namespace kyro::kyroctl
