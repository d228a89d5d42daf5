// SPDX-License-Identifier: Apache-2.0
//
// A bulk load under way: what stands behind a BulkLoader.
//
//   begin: other writers refused (kBusy) -> rows in memory flushed
//   add:   RowStage (u64 keys) -> upkeep::RunBuilder -> segments that no manifest names
//   finish: the last segment -> commit::CommitQueue::CommitBulk -> upkeep::Installer
//
// Close aborts it: once the directory may belong to someone else nothing here touches it.
#ifndef KYRO_DB_BULK_H_
#define KYRO_DB_BULK_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/mutex.h"
#include "db/core.h"
#include "db/row_stage.h"
#include "upkeep/run_builder.h"

namespace kyro::db {

class AnyBulkSession {
 public:
  // Discards everything; later calls return kClosed. Any thread.
  virtual void Abort() noexcept = 0;

 protected:
  ~AnyBulkSession() = default;
};

// One thread at a time, except Abort.
template <class K>
class BulkSession final : public AnyBulkSession {
 public:
  using Key = typename K::Key;

  static Result<std::unique_ptr<BulkSession>> Begin(std::shared_ptr<Core> core,
                                                    std::uint32_t keyspace);
  ~BulkSession();
  BulkSession(const BulkSession&) = delete;
  BulkSession& operator=(const BulkSession&) = delete;

  // Rows of u64 keys wait in the stage; what goes wrong with them is told by a later call.
  Status Add(Key key, std::string_view value);
  Result<Sequence> Finish(const Progress& progress);
  std::uint64_t count() const noexcept { return count_; }
  void Abort() noexcept override;

 private:
  BulkSession(std::shared_ptr<Core> core, std::uint32_t keyspace) noexcept;
  Status AddSlow(Key key, std::string_view value);
  // Requires a key of u64.
  void Stage(Key key, std::string_view value) noexcept {
    if constexpr (kKindOf<K> == KeyKind::kU64) {
      stage_.Push(key, value);
      last_ = key;
    }
    ++count_;
  }
  // Gives the staged rows to the builder. An error loses the load.
  Status HandOn() noexcept KYRO_REQUIRES(mutex_);
  // Rows may be missing: nothing of it may ever show.
  void Lose(const Status& why) noexcept KYRO_REQUIRES(mutex_) {
    lost_ = why;
    open_.store(false, std::memory_order_relaxed);
  }
  Status FinishRun() KYRO_REQUIRES(mutex_);
  void Discard() noexcept KYRO_REQUIRES(mutex_);

  const std::shared_ptr<Core> core_;
  const std::uint32_t keyspace_;
  // Of the thread that adds; Abort touches none of them.
  std::uint64_t count_ = 0;
  RowStage stage_;          // u64 keys
  std::uint64_t last_ = 0;  // u64 keys: the last one that was added
  Progress progress_;       // of the Finish that runs
  upkeep::Meter meter_;

  std::atomic<bool> open_{false};  // false: Add has to ask why
  Mutex mutex_;                    // against Abort
  RunRef run_ KYRO_GUARDED_BY(mutex_);
  std::unique_ptr<upkeep::RunBuilder<K>> builder_ KYRO_GUARDED_BY(mutex_);  // null: over
  Status over_ KYRO_GUARDED_BY(mutex_);                                     // why
  Status lost_ KYRO_GUARDED_BY(mutex_);  // why an Add failed that cannot be made good
};

extern template class BulkSession<U64>;
extern template class BulkSession<Bytes>;

}  // namespace kyro::db

#endif  // KYRO_DB_BULK_H_
