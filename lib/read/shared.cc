// SPDX-License-Identifier: Apache-2.0
#include "read/shared.h"

#include <algorithm>

#include "base/fork_word.h"

namespace kyro::read {

void ViewRegistry::Enter(ViewEntry* entry) noexcept {
  entry->shard = ThreadIndex() % kShards;
  Shard& shard = shards_[entry->shard];
  MutexLock lock(&shard.mutex);
  entry->next = shard.head;
  if (shard.head != nullptr) shard.head->previous = entry;
  shard.head = entry;
}

void ViewRegistry::Leave(ViewEntry* entry) noexcept {
  if (IsFork(fork_word_)) return;
  Shard& shard = shards_[entry->shard];
  MutexLock lock(&shard.mutex);
  if (entry->next != nullptr) entry->next->previous = entry->previous;
  if (entry->previous != nullptr) {
    entry->previous->next = entry->next;
  } else {
    shard.head = entry->next;
  }
}

ViewRegistry::Summary ViewRegistry::Summarize() const {
  Summary summary;
  for (const Shard& shard : shards_) {
    MutexLock lock(&shard.mutex);
    for (const ViewEntry* entry = shard.head; entry != nullptr; entry = entry->next) {
      ++summary.views;
      summary.oldest =
          summary.oldest == 0 ? entry->sequence : std::min(summary.oldest, entry->sequence);
    }
  }
  return summary;
}

}  // namespace kyro::read
