// SPDX-License-Identifier: Apache-2.0
#include "delta/delta.h"

#include <limits>
#include <new>

#include "base/check.h"
#include "base/limits.h"
#include "base/planted.h"
#include "base/test_point.h"
#include "filter/split_block.h"

namespace kyro::delta {

namespace {

// What the tree remembers of a key: itself, or a copy of its bytes with the head behind it.
template <class K>
struct Keeper;

template <>
struct Keeper<U64> {
  static std::size_t Bytes(std::size_t) noexcept { return 0; }
  static std::uint64_t Keep(Memory*, std::uint64_t key, const Record*) noexcept { return key; }
  static std::uint64_t Key(std::uint64_t stored) noexcept { return stored; }
};

template <>
struct Keeper<kyro::Bytes> {
  static std::size_t Bytes(std::size_t key_bytes) noexcept {
    return AlignUp(sizeof(Entry) + key_bytes, Arena::kAlignment);
  }
  static const Entry* Keep(Memory* memory, std::string_view key, const Record* record) noexcept {
    void* const at = memory->Allocate(Bytes(key.size()));
    auto* const entry = new (at) Entry{{record}, static_cast<std::uint32_t>(key.size())};
    if (!key.empty()) std::memcpy(static_cast<char*>(at) + sizeof(Entry), key.data(), key.size());
    return entry;
  }
  static std::string_view Key(const Entry* stored) noexcept { return stored->key(); }
};

void Increment(std::atomic<std::uint64_t>* counter) noexcept {  // one writer: no read-modify-write
  counter->store(counter->load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

Status OutOfMemory() noexcept {
  return Status(StatusCode::kResourceExhausted, "out of memory");
}

}  // namespace

template <class K>
Result<std::unique_ptr<Delta<K>>> Delta<K>::Create(std::size_t budget_bytes) {
  std::unique_ptr<Delta> delta(new (std::nothrow) Delta(budget_bytes));
  if (delta == nullptr || !delta->filter_.Init(budget_bytes)) return OutOfMemory();
  if (Status status = delta->Reserve(0); !status.ok()) return status;
  delta->tree_.Init();
  return delta;
}

template <class K>
std::size_t Delta<K>::OpBytes(std::size_t encoded_key_bytes, std::size_t value_bytes) noexcept {
  return Keeper<K>::Bytes(encoded_key_bytes) + Record::Bytes(value_bytes, /*first=*/false) +
         Tree<K>::OpBytes();
}

template <class K>
Status Delta<K>::Reserve(std::size_t bytes) noexcept {
  // Far above any machine's memory, far below an overflow.
  constexpr std::size_t kBytesMax = std::numeric_limits<std::size_t>::max() / 16;
  if (bytes > kBytesMax) return OutOfMemory();
  return memory_.Reserve(tree_.ReserveBytes(bytes, bytes / OpBytes(0, 0)));
}

template <class K>
void Delta<K>::Write(Key key, Sequence sequence, std::string_view value, bool tombstone) noexcept {
  const auto position = tree_.Locate(Keys<K>::MakeProbe(key));
  const Record* const older =
      position.head == nullptr ? nullptr : position.head->load(std::memory_order_relaxed);
  KYRO_DCHECK(older == nullptr || older->sequence() <= sequence);  // D3
  void* const memory = memory_.Allocate(Record::Bytes(value.size(), older == nullptr));
  const Record* const next = KYRO_PLANTED(kOlderVersionsLost) ? nullptr : older;
  const Record* const record = Record::Make(memory, next, sequence, value, tombstone);
  KYRO_TEST_POINT("delta.record_complete");
  if (older != nullptr) {
    position.head->store(record, std::memory_order_release);  // D2
    KYRO_TEST_POINT("delta.record_linked");
  } else {
    const bool forget = KYRO_PLANTED(kDeltaFilterForgets) && keys() % 16 == 0;
    if (!forget) filter_.Add(filter::HashKey(key));  // D4
    KYRO_TEST_POINT("delta.filter_set");
    tree_.Insert(position, Keeper<K>::Keep(&memory_, key, record), record);  // D1
    Increment(&keys_);
  }
  Increment(&versions_);
}

template <class K>
void Delta<K>::Put(Key key, Sequence sequence, std::string_view value) noexcept {
  Write(key, sequence, value, /*tombstone=*/false);
}

template <class K>
void Delta<K>::Delete(Key key, Sequence sequence) noexcept {
  Write(key, sequence, {}, /*tombstone=*/true);
}

template <class K>
Version Delta<K>::Find(Key key, Sequence sequence) const noexcept {
  const Head* const head = tree_.Find(Keys<K>::MakeProbe(key));
  if (head == nullptr) return Version{};
  if (KYRO_PLANTED(kViewSeesNewer)) sequence = kSequenceMax;
  const Record* const record = Record::Find(head->load(std::memory_order_acquire), sequence);
  if (record == nullptr) return Version{};
  return Version{record->tombstone() ? Found::kTombstone : Found::kValue, record->value()};
}

template <class K>
bool Delta<K>::MayContain(Key key) const noexcept {
  return filter_.MayContain(filter::HashKey(key));
}

template <class K>
template <class Step>
void Delta<K>::Cursor::Skip(Place place, Step step) noexcept {
  for (; place.leaf != nullptr; place = step(place)) {
    if (place.leaf != place_.leaf) place.Prefetch();
    place_ = place;
    const Sequence sequence = KYRO_PLANTED(kWalkSeesNewer) ? kSequenceMax : sequence_;
    record_ = Record::Find(place.head().load(std::memory_order_acquire), sequence);
    if (record_ != nullptr) return;
  }
  place_ = Place{};
}

template <class K>
void Delta<K>::Cursor::SkipForward(Place place) noexcept {
  Skip(place, [this](Place at) noexcept { return delta_->tree_.Next(at); });
}

template <class K>
void Delta<K>::Cursor::SkipBackward(Place place) noexcept {
  Skip(place, [this](Place at) noexcept { return delta_->tree_.Previous(at); });
}

template <class K>
void Delta<K>::Cursor::SeekToFirst() noexcept {
  SkipForward(delta_->tree_.First());
}

template <class K>
void Delta<K>::Cursor::SeekToLast() noexcept {
  SkipBackward(delta_->tree_.Last());
}

template <class K>
void Delta<K>::Cursor::Seek(Key key) noexcept {
  SkipForward(delta_->tree_.Above(Keys<K>::MakeProbe(key), /*or_equal=*/true));
}

template <class K>
void Delta<K>::Cursor::SeekForPrev(Key key) noexcept {
  SkipBackward(delta_->tree_.Below(Keys<K>::MakeProbe(key), /*or_equal=*/true));
}

template <class K>
void Delta<K>::Cursor::Next() noexcept {
  SkipForward(delta_->tree_.Next(place_));
}

template <class K>
void Delta<K>::Cursor::Prev() noexcept {
  SkipBackward(delta_->tree_.Previous(place_));
}

template <class K>
typename K::Key Delta<K>::Cursor::key() const noexcept {
  return Keeper<K>::Key(place_.key());
}

template class Delta<U64>;
template class Delta<Bytes>;

}  // namespace kyro::delta
