// SPDX-License-Identifier: Apache-2.0
#include "read/one_segment.h"

#include <algorithm>

#include "base/planted.h"

namespace kyro::read {

template <class K>
OneSegment<K>::OneSegment(const segment::Segment<K>* segment, LookupMeter* lookups) noexcept
    : segment_(segment), lookups_(lookups) {
  direct_.owner = this;
  if constexpr (kKindOf<K> == KeyKind::kU64) {
    direct_.lookups = lookups_->by_model_cells();
    direct_.counted = &GetCounted;
  }
  direct_.get.store(Choose(), std::memory_order_relaxed);
}

template <class K>
typename OneSegment<K>::Function OneSegment<K>::Choose() noexcept {
  if (!segment_->has_model()) return &GetAny;
  way_ = segment_->MakeDirect(&direct_);
  if (way_.get == nullptr) return &GetByModel;
  return segment_->all_verified() ? way_.get : &GetUnverified;
}

template <class K>
Lookup OneSegment<K>::GetAny(const Getter<K>& getter, Key key) noexcept {
  const OneSegment& one = OwnerOf(getter);
  if (one.lookups_->Count(1)) [[unlikely]]
    return one.GetTimed(key);
  return one.segment_->Get(key);
}

template <class K>
Lookup OneSegment<K>::GetByModel(const Getter<K>& getter, Key key) noexcept {
  const OneSegment& one = OwnerOf(getter);
  if (one.lookups_->CountByModel()) [[unlikely]]
    return one.GetTimed(key);
  return one.segment_->Get(key);
}

template <class K>
Lookup OneSegment<K>::GetUnverified(const Getter<K>& getter, Key key) noexcept {
  const OneSegment& one = OwnerOf(getter);
  if (one.segment_->all_verified()) {
    getter.get.store(one.way_.get, std::memory_order_relaxed);
    return one.way_.get(getter, key);
  }
  return GetByModel(getter, key);
}

template <class K>
Lookup OneSegment<K>::GetCounted(const Getter<K>& getter, Key key) noexcept {
  const OneSegment& one = OwnerOf(getter);
  return one.lookups_->IsDueByModel() ? one.GetTimed(key) : one.segment_->Get(key);
}

template <class K>
Lookup OneSegment<K>::GetTimed(Key key) const noexcept {
  const LookupMeter::Timer timer(lookups_, LookupMeter::Timer::Call::kGet);
  return segment_->Get(key);
}

template <class K>
bool OneSegment<K>::MultiGet(std::span<const Key> keys, std::span<Lookup> lookups) const noexcept {
  if (way_.multi_get == nullptr || !segment_->all_verified()) return false;
  if (keys.empty()) return true;
  const bool timed = lookups_->CountByModel(keys.size());
  const LookupMeter::Timer timer(timed ? lookups_ : nullptr, LookupMeter::Timer::Call::kMultiGet);
  way_.multi_get(direct_, keys.data(), lookups.data(), keys.size());
  if (KYRO_PLANTED(kMultiGetWrongLane)) std::reverse(lookups.begin(), lookups.end());
  return true;
}

template class OneSegment<U64>;
template class OneSegment<Bytes>;

}  // namespace kyro::read
