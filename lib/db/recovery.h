// SPDX-License-Identifier: Apache-2.0
//
// Recovery: the pieces that Open puts together. Reading and deciding change nothing on disk.
//
//   O1  The recovered state is the commit order cut at one sequence.
//   O2  After an unclean end everything that was replayed is flushed to segments and installed by
//       one manifest whose log floor is above every old log file: bytes that survived a failed
//       sync in the page cache are not trusted twice.
//   O3  Nothing is deleted before the manifest is durable, and nothing that is not ours ever. One
//       that is there need not be: the process that installed it may have ended before it could
//       sync the directory, or have failed to (upkeep/installer.h, I4).
#ifndef KYRO_DB_RECOVERY_H_
#define KYRO_DB_RECOVERY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "delta/generation.h"
#include "io/env.h"
#include "kyro/options.h"
#include "manifest/manifest.h"
#include "wal/chain.h"

namespace kyro::db {

// What Open found and did.
struct Recovered {
  wal::Chain chain;
  Sequence last_sequence = 0;
  std::uint64_t batches = 0;
  std::uint64_t batch_bytes = 0;              // of what is in `active`
  std::shared_ptr<delta::Generation> active;  // what the log holds beyond the segments
  std::uint64_t orphans_deleted = 0;
  std::vector<std::string> unknown_files;
};

// What the manifest knows of the log, as the wal room wants it.
wal::ChainStart ChainStartOf(const manifest::Manifest& manifest, const ManifestMark& mark);

// Replays the chain into generations. Whenever the current one is over `budget_bytes` it is frozen
// and handed to `flush`, if there is one; what is left ends in `recovered->active`.
struct ReplayOptions {
  std::size_t budget_bytes = 0;
  std::function<Status(const delta::Generation&)> flush{};
  Progress progress{};  // bytes of batches
};
Status Replay(const io::Directory& directory, const manifest::Manifest& manifest,
              const ManifestMark& mark, const ReplayOptions& options, Recovered* recovered);

// 1 + the highest file number in the directory.
Result<std::uint64_t> NextFreeNumber(const io::Directory& directory);

// What an interrupted process of this database left.
struct Leftovers {
  std::vector<std::string> temporary;  // files that never got their name
  std::vector<std::string> orphans;    // with a number and a valid header, but named by nothing
  std::vector<std::string> unknown;    // all else: left alone

  std::uint64_t count() const noexcept { return temporary.size() + orphans.size(); }
};
Result<Leftovers> FindLeftovers(const io::Directory& directory, const manifest::Manifest& manifest,
                                const wal::Chain& chain);

// Deletes the temporary files and the orphans. The manifest that does not name them is durable.
Status DeleteLeftovers(io::Directory* directory, const Leftovers& left);

// Empties what an interrupted checkpoint or repair left at `path`. kAlreadyExists if there is
// anything that is no file of a database: nothing is deleted then.
Status EmptyLeftover(io::Directory* directory, const std::string& path);

std::string WithoutTrailingSlashes(std::string path);

}  // namespace kyro::db

#endif  // KYRO_DB_RECOVERY_H_
