// SPDX-License-Identifier: Apache-2.0
//
// The parts of the main job: keys, a loader that is killed, checks of what survived, checks of what
// is read. Each part returns the first thing that is not as promised as a Status; its message is
// for the person who runs the job. One thread, except where a part says so.
#ifndef KYRO_TOOLS_SHORELINE_JOB_H_
#define KYRO_TOOLS_SHORELINE_JOB_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kyro/db.h"

namespace kyro::shoreline {

inline constexpr const char* kKeyspace = "shoreline";

struct Settings {
  std::string data_file;
  std::string db;       // the database's directory
  std::string kyroctl;  // the program that verifies
  bool small = false;
  bool in_file_order = false;
  std::uint64_t seed = 1;
  std::size_t batch_rows = 1000;
  int kills = 2;
};

// The keys, and the order in which they are written.
struct Keys {
  std::vector<std::uint64_t> sorted;
  std::vector<std::uint64_t> in_order;

  std::size_t count() const noexcept { return sorted.size(); }
  std::size_t batches(const Settings& settings) const noexcept {
    return (count() + settings.batch_rows - 1) / settings.batch_rows;
  }
  std::span<const std::uint64_t> Batch(const Settings& settings, std::size_t i) const noexcept {
    const std::size_t begin = i * settings.batch_rows;
    const std::size_t rows = std::min(settings.batch_rows, count() - begin);
    return std::span(in_order).subspan(begin, rows);
  }
};
Result<Keys> MakeKeys(const Settings& settings, std::uint64_t* points);

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// One line on standard error that is drawn anew, if that is a terminal.
class Ticker {
 public:
  explicit Ticker(std::string_view what);
  ~Ticker();
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;
  void Show(std::uint64_t done, std::uint64_t total);

 private:
  const std::string what_;
  const bool terminal_;
  std::chrono::steady_clock::time_point next_{};
};

// What a database in a directory is opened with.
Options JobOptions();

// Writes the batch durably, as one commit.
Status WriteRows(Db& db, const Keyspace<U64>& keyspace, std::span<const std::uint64_t> keys);

// In a child process: opens the database and writes batches from `first` on, one commit each. Kills
// the child with SIGKILL once it has acknowledged the batches before `kill_after`, while it goes on
// writing. `*acknowledged` is then the first batch that it did not acknowledge. The caller has no
// other thread and no open database.
Status LoadAndKill(const Settings& settings, const Keys& keys, std::size_t first,
                   std::size_t kill_after, std::size_t* acknowledged);

// Every batch before `acknowledged` is there, every row right; of later ones at most the one that
// was under way, whole. `*present` is the number of batches that are there.
Status CheckSurvivors(const Settings& settings, const Keys& keys, std::size_t acknowledged,
                      std::size_t* present, double* open_seconds);

struct ReadFigures {
  double hit_ns = 0, miss_ns = 0, batch_ns = 0, scan_ns = 0;  // per key
  std::uint64_t absent = 0;                                   // absent keys asked for
  std::uint64_t hit_predictions = 0;                          // of count() hits
};
// Every key is there and right, as many absent ones are absent, a full scan, ranges of it and the
// way back agree with the sorted keys.
Status CheckReads(const Db& db, const Keyspace<U64>& keyspace, const Settings& settings,
                  const Keys& keys, ReadFigures* figures);

// Runs `kyroctl verify`. It must be content, and have checked every byte of every file but LOCK.
Status RunVerify(const Settings& settings, std::uint64_t* bytes);

}  // namespace kyro::shoreline

#endif  // KYRO_TOOLS_SHORELINE_JOB_H_
