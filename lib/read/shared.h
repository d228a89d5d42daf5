// SPDX-License-Identifier: Apache-2.0
//
// What readers of one Db share: counters and the list of live views. Views keep it alive, so it
// may outlive the Db.
#ifndef KYRO_READ_SHARED_H_
#define KYRO_READ_SHARED_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

#include "base/mutex.h"
#include "kyro/types.h"
#include "read/lookup_meter.h"
#include "segment/segment.h"

namespace kyro::read {

// A live view's entry in the registry: part of the view, so that listing it allocates nothing.
struct ViewEntry {
  Sequence sequence = 0;
  ViewEntry* previous = nullptr;
  ViewEntry* next = nullptr;
  std::size_t shard = 0;
};

// The live views. Sharded by thread: making a view takes an uncontended mutex, no I/O under it.
class ViewRegistry {
 public:
  // Of the process that made it (base/fork_word.h): in a fork of it Leave does nothing.
  explicit ViewRegistry(const std::uint8_t* fork_word) noexcept : fork_word_(fork_word) {}

  void Enter(ViewEntry* entry) noexcept;
  void Leave(ViewEntry* entry) noexcept;
  struct Summary {
    std::uint64_t views = 0;
    Sequence oldest = 0;  // 0: none
  };
  Summary Summarize() const;

 private:
  static constexpr std::size_t kShards = 16;
  struct alignas(64) Shard {
    mutable Mutex mutex;
    ViewEntry* head KYRO_GUARDED_BY(mutex) = nullptr;
  };
  const std::uint8_t* const fork_word_;
  std::array<Shard, kShards> shards_;
};

struct Shared {
  // The clock of LookupMeter, and the word of this process.
  explicit Shared(std::function<std::uint64_t()> nanos = nullptr,
                  const std::uint8_t* fork_word = nullptr)
      : lookups(std::move(nanos)), views(fork_word) {}

  segment::Counters segments;
  LookupMeter lookups;
  Tally predictions;                            // through models, besides lookups.by_model()
  std::atomic<std::uint64_t> unread_errors{0};  // cursors destroyed with an error nobody read
  ViewRegistry views;
};

}  // namespace kyro::read

#endif  // KYRO_READ_SHARED_H_
