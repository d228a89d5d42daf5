// SPDX-License-Identifier: Apache-2.0
//
// A generation: one delta per keyspace, with one budget and one sequence boundary. The commit
// leader writes the active one; a freeze ends it for ever, and a flush turns it into segments.
//
//   N1  All sequences of a generation are above `floor_sequence`, and, once it is frozen, at or
//       below `last_sequence`. Generations follow each other without a gap.
//   N2  A delta, once there, stays at its address as long as the generation lives.
#ifndef KYRO_DELTA_GENERATION_H_
#define KYRO_DELTA_GENERATION_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/file_ref.h"
#include "base/limits.h"
#include "delta/delta.h"

namespace kyro::delta {

// Where the log stands at the end of a generation.
struct LogEdge {
  FileId next;   // the file that starts behind it; number 0: none yet
  FileId spent;  // if there is none: the newest file, of which nothing is needed any more
};

class Generation {
 public:
  // Everything up to `floor_sequence` is older than this generation.
  [[gnu::cold]] static Result<std::shared_ptr<Generation>> Create(std::size_t budget_bytes,
                                                                  Sequence floor_sequence);
  [[gnu::cold]] ~Generation();

  // The writer: the keyspace's delta, made if need be. kResourceExhausted, and nothing changed.
  // kInternal if the keyspace has a delta of the other kind.
  template <class K>
  Result<Delta<K>*> Ensure(std::uint32_t keyspace);
  // Any thread: null if nothing was written there (yet).
  template <class K>
  const Delta<K>* Find(std::uint32_t keyspace) const noexcept;

  // The keyspaces that have a delta, ascending. Any thread.
  struct Member {
    std::uint32_t keyspace;
    KeyKind kind;
  };
  [[gnu::cold]] std::vector<Member> members() const;

  std::size_t bytes() const noexcept;  // memory of all deltas
  std::size_t budget_bytes() const noexcept { return budget_bytes_; }
  std::uint64_t versions() const noexcept;
  bool empty() const noexcept { return versions() == 0; }

  Sequence floor_sequence() const noexcept { return floor_sequence_; }
  // Set once, by the freeze, before anyone is told that the generation is frozen. kSequenceMax
  // until then.
  Sequence last_sequence() const noexcept { return last_sequence_.load(std::memory_order_acquire); }
  // `log` is what recovery needs of the log once this is flushed.
  void Freeze(Sequence last_sequence, const LogEdge& log = {}) noexcept {
    log_ = log;
    last_sequence_.store(last_sequence, std::memory_order_release);
  }
  bool frozen() const noexcept { return last_sequence() != kSequenceMax; }
  const LogEdge& log() const noexcept { return log_; }  // requires frozen()

 private:
  Generation(std::size_t budget_bytes, Sequence floor_sequence) noexcept;

  // Keyspaces by hash; grows by doubling, so old tables cost no more than the newest.
  class Table;
  struct Slot;
  [[gnu::cold]] Status Grow() noexcept;
  template <class K>
  [[gnu::cold]] Result<Delta<K>*> Make(std::uint32_t keyspace);

  const std::size_t budget_bytes_;
  const Sequence floor_sequence_;
  LogEdge log_;  // set before last_sequence_
  std::atomic<Sequence> last_sequence_{kSequenceMax};
  std::atomic<const Table*> table_{nullptr};  // never null after Create; owns the deltas
  // The writer's: the same table, and behind it the older ones, which readers may still hold.
  std::unique_ptr<Table> newest_;
};

}  // namespace kyro::delta

#endif  // KYRO_DELTA_GENERATION_H_
