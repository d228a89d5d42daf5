// SPDX-License-Identifier: Apache-2.0
//
// How a Db is opened and how single calls may be tuned. Defaults are what most programs want.
#ifndef KYRO_OPTIONS_H_
#define KYRO_OPTIONS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "kyro/status.h"
#include "kyro/types.h"

namespace kyro {

// Something worth knowing happened in the background. Fields live during the callback.
struct Event {
  // What happened.
  enum class Kind : std::uint8_t {
    kFlush,            // a generation became segments
    kMerge,            // runs were merged
    kRetrain,          // a model was trained anew
    kRecovered,        // Open replayed a log that was not closed in order
    kTornTail,         // Open cut a torn record off the log; `bytes` of it were not zero
    kUnknownFile,      // Open left a file alone that kyro did not make
    kStall,            // writers are being slowed or stopped; `status` says why
    kBackgroundError,  // `status` says what failed; kyro goes on or is read-only now
  };
  Kind kind;                // what happened
  std::string file;         // the file concerned, or empty
  std::uint64_t bytes = 0;  // written, replayed or cut, as the kind says; else 0
  Status status;            // why; OK if nothing is wrong
};

// Progress of a call that may take longer than a second, and the way to end it early.
struct Progress {
  // Called from the working thread every now and then (at most every 10 ms of work, without
  // locks). Returning false ends the call with kCancelled. `total` is 0 where it is not known.
  std::function<bool(std::uint64_t done, std::uint64_t total)> on_progress{};
};

// What Db::Warm brings in.
struct WarmOptions {
  bool values = true;  // false: keys, filters and models only
  // Copies it into memory of the process, in huge pages where the system has them, and reads that
  // from then on. Costs as much memory as the files take, beside the page cache, which may then let
  // them go. Lookups at random miss less in the TLB: docs/performance.md has the figures. Views
  // taken before, and segments made later, stay mapped: call it again after a Fold. It can be
  // cancelled between two segments; those copied stay so. kResourceExhausted without the memory.
  bool huge_pages = false;
};

// How a Db is opened. A value out of its range makes Open return kInvalidArgument. Nothing here is
// stored: each Open may choose anew.
struct Options {
  bool create_if_missing = true;  // otherwise kNotFound
  bool error_if_exists = false;   // kAlreadyExists if there is a database

  // Shared lock, writes and deletes nothing, replays the log in memory. Never creates.
  bool read_only = false;

  // Of writes whose WriteOptions say nothing.
  Durability durability = Durability::kSync;
  // kInterval: an acknowledged write is synced at most this much later. At least 1 ms.
  std::chrono::milliseconds sync_interval{100};

  // Memory of the active generation over all keyspaces, before it is frozen and flushed; up to two
  // frozen ones wait beside it. Bytes, 4 KiB to 64 GiB.
  std::size_t delta_bytes = std::size_t{64} << 20;
  // The size log files grow to. Bytes, 4 KiB to 64 GiB.
  std::size_t wal_file_bytes = std::size_t{64} << 20;
  // The largest WriteBatch, encoded. Bytes, 4 KiB to 1 GiB.
  std::size_t batch_bytes_max = std::size_t{256} << 20;
  // How long a write may wait for room before kBusy. Not negative.
  std::chrono::milliseconds write_stall_max{10000};
  // Contiguous newer runs merge into an older one when together they reach this part of it.
  // 0.01 to 1.
  double merge_fraction = 0.25;
  // The largest segment, in bytes of values; merges split at key boundaries. 4 KiB to 2 GiB.
  std::size_t segment_bytes = std::size_t{2} << 30;

  // How segments are brought into memory.
  Access access = Access::kMap;

  // While Open replays a log that was not closed in order: bytes of batches done. Cancelling leaves
  // the database as it was.
  Progress open_progress{};

  // Stats then says how long calls and background work took (docs/metrics.md). One in about 256
  // lookups reads a clock, and every write: 1 to 2 % of a lookup, 2 to 4 % of a write that does not
  // sync. False leaves the histograms empty; counters are kept either way.
  bool latency_histograms = true;

  // Called without locks, from background threads and from Open. Must not throw, must not call
  // into this Db.
  std::function<void(const Event&)> on_event{};
};

// How one write is made.
struct WriteOptions {
  // Overrides Options::durability.
  std::optional<Durability> durability{};
};

}  // namespace kyro

#endif  // KYRO_OPTIONS_H_
