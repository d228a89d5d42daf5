// SPDX-License-Identifier: Apache-2.0
//
// The rows of a bulk load on their way in: what is called once per row, apart from what is called
// once per load (bulk.cc).
#include "base/key_traits.h"
#include "base/status_util.h"
#include "db/bulk.h"
#include "kyro/db.h"

namespace kyro::db {

template <class K>
Status BulkSession<K>::Add(Key key, std::string_view value) {
  if constexpr (kKindOf<K> == KeyKind::kU64) {
    // The first row has none before it and goes the slow way, and so may a key 0.
    if (key > last_ && stage_.Fits(value.size()) && open_.load(std::memory_order_relaxed) &&
        !core_->forked()) [[likely]] {
      Stage(key, value);
      return Status::Ok();
    }
  }
  return Guarded([&] { return AddSlow(key, value); });
}

template <class K>
Status BulkSession<K>::AddSlow(Key key, std::string_view value) {
  if (core_->forked()) return core_->CheckOpen();
  MutexLock lock(&mutex_);
  if (builder_ == nullptr) return over_;
  KYRO_RETURN_IF_ERROR(lost_);
  if constexpr (kKindOf<K> == KeyKind::kU64) {
    if (count_ > 0 && key <= last_) {
      return Error(StatusCode::kInvalidArgument, "a key that does not follow the one before it");
    }
    if (!stage_.Fits(value.size()) && value.size() <= kValueBytesMax) {
      KYRO_RETURN_IF_ERROR(HandOn());
    }
    if (stage_.Fits(value.size())) {
      Stage(key, value);
      return Status::Ok();
    }
  }
  // Held here; the analysis does not see through Guarded.
  const Status status =
      Guarded([&]() KYRO_NO_THREAD_SAFETY_ANALYSIS { return builder_->Add(key, value, false); });
  if (!status.ok()) {
    if (status.code() != StatusCode::kInvalidArgument) Lose(status);
    return status;
  }
  if constexpr (kKindOf<K> == KeyKind::kU64) last_ = key;
  ++count_;
  return status;
}

template <class K>
Status BulkSession<K>::HandOn() noexcept {
  if constexpr (kKindOf<K> == KeyKind::kU64) {
    const segment::RowBlock<U64> rows = stage_.block();
    if (rows.rows() == 0) return Status::Ok();
    // Held here; the analysis does not see through Guarded.
    const Status status =
        Guarded([&]() KYRO_NO_THREAD_SAFETY_ANALYSIS { return builder_->AddBlock(rows); });
    stage_.Clear();
    if (!status.ok()) Lose(status);
    return status;
  } else {
    return Status::Ok();
  }
}

template Status BulkSession<U64>::Add(Key, std::string_view);
template Status BulkSession<Bytes>::Add(Key, std::string_view);
template Status BulkSession<U64>::AddSlow(Key, std::string_view);
template Status BulkSession<Bytes>::AddSlow(Key, std::string_view);
template Status BulkSession<U64>::HandOn() noexcept;
template Status BulkSession<Bytes>::HandOn() noexcept;

}  // namespace kyro::db

namespace kyro {

template <class K>
Status BulkLoader<K>::Add(Key key, std::string_view value) {
  if (session_ == nullptr) return Status(StatusCode::kClosed, "an empty bulk loader");
  return session_->Add(key, value);
}

template Status BulkLoader<U64>::Add(Key, std::string_view);
template Status BulkLoader<Bytes>::Add(Key, std::string_view);

}  // namespace kyro
