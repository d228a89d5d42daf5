// SPDX-License-Identifier: Apache-2.0
#include "read/oldest_segment.h"

#include <algorithm>

#include "base/planted.h"

namespace kyro::read {

namespace {

// Counts that are never due.
struct NeverDue : TallyCells {
  NeverDue() noexcept {
    for (std::size_t i = 0; i <= kTallyCells; ++i) {
      (*this)[i].due.store(~std::uint64_t{0}, std::memory_order_relaxed);
    }
  }
};
TallyCells* NobodysCells() noexcept {
  static NeverDue cells;
  return &cells;
}

}  // namespace

template <class K>
OldestSegment<K>::OldestSegment(const segment::Segment<K>* segment, LookupMeter* lookups) noexcept
    : segment_(segment), lookups_(lookups) {
  direct_.owner = this;
  if constexpr (kKindOf<K> == KeyKind::kU64) {
    direct_.lookups = lookups_->by_model_cells();
    direct_.counted = &GetCounted;
  }
  direct_.get.store(Choose(), std::memory_order_relaxed);
  if constexpr (kKindOf<K> == KeyKind::kU64) {
    peek_.lookups = NobodysCells();
    (void)segment_->MakeDirect(&peek_);  // the way is the same
  }
}

template <class K>
typename OldestSegment<K>::Function OldestSegment<K>::Choose() noexcept {
  if (!segment_->has_model()) return &GetAny;
  way_ = segment_->MakeDirect(&direct_);
  if (way_.get == nullptr) return &GetByModel;
  return segment_->all_verified() ? way_.get : &GetUnverified;
}

template <class K>
Lookup OldestSegment<K>::GetAny(const Getter<K>& getter, Key key) noexcept {
  const OldestSegment& oldest = OwnerOf(getter);
  if (oldest.lookups_->Count(1)) [[unlikely]]
    return oldest.GetTimed(key);
  return oldest.segment_->Get(key);
}

template <class K>
Lookup OldestSegment<K>::GetByModel(const Getter<K>& getter, Key key) noexcept {
  const OldestSegment& oldest = OwnerOf(getter);
  if (oldest.lookups_->CountByModel()) [[unlikely]]
    return oldest.GetTimed(key);
  return oldest.segment_->Get(key);
}

template <class K>
Lookup OldestSegment<K>::GetUnverified(const Getter<K>& getter, Key key) noexcept {
  const OldestSegment& oldest = OwnerOf(getter);
  if (oldest.segment_->all_verified()) {
    getter.get.store(oldest.way_.get, std::memory_order_relaxed);
    return oldest.way_.get(getter, key);
  }
  return GetByModel(getter, key);
}

template <class K>
Lookup OldestSegment<K>::GetCounted(const Getter<K>& getter, Key key) noexcept {
  const OldestSegment& oldest = OwnerOf(getter);
  return oldest.lookups_->IsDueByModel() ? oldest.GetTimed(key) : oldest.segment_->Get(key);
}

template <class K>
Lookup OldestSegment<K>::GetTimed(Key key) const noexcept {
  const LookupMeter::Timer timer(lookups_, LookupMeter::Timer::Call::kGet);
  return segment_->Get(key);
}

template <class K>
void OldestSegment<K>::MultiGet(std::span<const Key> keys,
                                std::span<Lookup> lookups) const noexcept {
  if (keys.empty()) return;
  const bool timed = lookups_->CountByModel(keys.size());
  const LookupMeter::Timer timer(timed ? lookups_ : nullptr, LookupMeter::Timer::Call::kMultiGet);
  way_.multi_get(direct_, keys.data(), lookups.data(), keys.size());
  if (KYRO_PLANTED(kMultiGetWrongLane)) std::reverse(lookups.begin(), lookups.end());
}

template class OldestSegment<U64>;
template class OldestSegment<Bytes>;

}  // namespace kyro::read
