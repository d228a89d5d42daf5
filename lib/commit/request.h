// SPDX-License-Identifier: Apache-2.0
//
// One writer's place in the commit queue, and what its batch needs of the deltas.
#ifndef KYRO_COMMIT_REQUEST_H_
#define KYRO_COMMIT_REQUEST_H_

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "commit/commit_queue.h"
#include "kyro/status.h"
#include "kyro/types.h"

namespace kyro::commit {

// Memory that operations on one keyspace take in its delta.
struct CommitQueue::KeyspaceNeed {
  KeyspaceNeed(std::uint32_t id, KeyKind key_kind) noexcept : keyspace(id), kind(key_kind) {}
  std::uint32_t keyspace;
  KeyKind kind;
  std::uint64_t bytes = 0;
  // The active generation's delta, once its memory is reserved: one of the two.
  delta::Delta<U64>* u64 = nullptr;
  delta::Delta<Bytes>* byte_strings = nullptr;
};

// Lives on the writer's stack while it waits.
struct CommitQueue::Request {
  // A batch, or a task that wants to run between groups.
  std::string_view batch;
  const std::function<Status()>* task = nullptr;
  Durability durability = Durability::kSync;
  std::vector<KeyspaceNeed> needs;
  std::uint64_t need_bytes = 0;

  // The outcome, written by the leader before `done`.
  Status status;
  Sequence sequence = 0;

  CondVar wake;  // under the queue's mutex: `done` was set, or this request leads
  bool done = false;
};

}  // namespace kyro::commit

#endif  // KYRO_COMMIT_REQUEST_H_
