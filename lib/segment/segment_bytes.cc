// SPDX-License-Identifier: Apache-2.0
//
// Segments with byte-string keys: binary search over the offsets column and the key heap. The last
// kScanKeys candidates of an exact lookup are told apart by their fingerprints, one cache line
// instead of several keys; full keys decide.
#include <algorithm>
#include <cstring>

#include "segment/fingerprint.h"
#include "segment/segment_base.h"

namespace kyro::segment {

namespace {

constexpr std::uint64_t kScanKeys = 32;

// Listens to a search that nobody wants written down, and writes one down.
struct NobodyHears {
  void Halved() noexcept {}
  void Candidates(std::uint64_t, std::uint64_t) noexcept {}
  void FingerprintHit() noexcept {}
};
struct SearchWriter {
  ByteSearch* search;
  void Halved() noexcept { ++search->halvings; }
  void Candidates(std::uint64_t begin, std::uint64_t end) noexcept {
    search->candidates = {begin, end};
  }
  void FingerprintHit() noexcept { ++search->fingerprint_hits; }
};

class BytesSegment final : public SegmentBase<Bytes> {
 public:
  // As U64Segment's.
  [[gnu::cold, gnu::noinline]] explicit BytesSegment(SegmentFiles&& files)
      : SegmentBase<Bytes>(std::move(files)),
        keys_file_(files_.keys.get()),
        offsets_at_(files_.layout.key_offsets->offset),
        offsets_(reinterpret_cast<const std::uint32_t*>(keys_file_->at(offsets_at_))),
        heap_at_(files_.layout.key_heap->offset),
        heap_bytes_(files_.layout.key_heap->bytes),
        heap_(keys_file_->at(heap_at_)),
        fingerprints_at_(files_.layout.fingerprints->offset),
        fingerprints_(keys_file_->at(fingerprints_at_)) {}

  Lookup Get(std::string_view key) const noexcept override {
    return Get(key, filter::HashKey(key));
  }
  Lookup Get(std::string_view key, std::uint64_t hash) const noexcept override {
    if (!InKeyRange(key)) return Lookup::Absent();
    if (FilterExcludes(hash)) return Lookup::Absent();
    std::uint64_t position = 0;
    if (const Status* error = Find(key, Fingerprint(hash), &position); error != nullptr) {
      return Lookup::Failed(error);
    }
    return position < entries_ ? values_.At<true>(position) : Lookup::Absent();
  }

  // Each step of a search depends on the one before: there is nothing to ask for.
  void Prefetch(std::string_view) const noexcept override {}

  void MultiGet(std::span<const std::string_view> keys,
                std::span<Lookup> out) const noexcept override {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (out[i].undecided()) out[i] = Get(keys[i]);
    }
  }

  DirectWay<Bytes> MakeDirect(Direct<Bytes>*) const noexcept override { return {}; }

  const Status* Bound(std::string_view key, std::uint64_t* position) const noexcept override {
    std::uint64_t begin = 0;
    std::uint64_t end = entries_;
    const Status* error = Narrow(key, 0, &begin, &end);
    *position = begin;
    return error;
  }

  [[gnu::cold]] Status VerifyFiles(const Tick& tick, std::uint64_t* bytes) const override {
    return Guarded([&]() -> Status {
      const VerifySource source{.directory = files_.directory, .tick = &tick, .bytes = bytes};
      return VerifyKeysAndData(source, KeyKind::kBytes, files_.ref);
    });
  }
  [[gnu::cold]] index::Route RouteOf(std::string_view) const noexcept override {
    index::Route route;
    route.window.count = static_cast<std::uint32_t>(entries_);
    route.window.position = route.window.count / 2;
    return route;
  }

 protected:
  bool InKeyRange(std::string_view key) const noexcept override {
    return key >= files_.ref.first_key && key <= files_.ref.last_key;
  }
  [[gnu::cold]] void ExplainSearch(std::string_view key, Explanation* told) const override;
  const Status* KeyRows(std::uint64_t begin, std::uint64_t* end,
                        Chunk* chunk) const noexcept override {
    const Status* error = keys_file_->Verify(offsets_at_ + begin * 4, (*end - begin + 1) * 4);
    if (error != nullptr) return error;
    const std::uint64_t bad =
        CheckOffsets(offsets_, begin, end, heap_bytes_, kKeyBytesMax, kChunkBytes);
    if (bad != *end) return BadOffset(bad);
    chunk->key_offsets = offsets_;
    chunk->key_heap = heap_;
    return keys_file_->Verify(heap_at_ + offsets_[begin], offsets_[*end] - offsets_[begin]);
  }

 private:
  const Status* BadOffset(std::uint64_t position) const noexcept {
    return keys_file_->Impossible(offsets_at_ + position * 4, "a key offset out of range");
  }

  // Null and the key at `position` < entries, verified.
  const Status* KeyOf(std::uint64_t position, std::string_view* key) const noexcept {
    const Status* error = keys_file_->Verify(offsets_at_ + position * 4, 8);
    if (error != nullptr) return error;
    const std::uint64_t from = offsets_[position];
    const std::uint64_t to = offsets_[position + 1];
    if (to < from || to > heap_bytes_ || to - from > kKeyBytesMax) [[unlikely]] {
      return BadOffset(position);
    }
    *key = std::string_view(heap_ + from, to - from);
    return keys_file_->Verify(heap_at_ + from, to - from);
  }

  // Halves [*begin, *end], which holds the lower bound, until it spans at most `rest` keys.
  // `heard` is told of each step, here and in Find.
  template <class Heard = NobodyHears>
  const Status* Narrow(std::string_view key, std::uint64_t rest, std::uint64_t* begin,
                       std::uint64_t* end, Heard heard = {}) const noexcept {
    while (*end - *begin > rest) {
      heard.Halved();
      const std::uint64_t middle = *begin + (*end - *begin) / 2;
      std::string_view found;
      if (const Status* error = KeyOf(middle, &found); error != nullptr) return error;
      if (found < key) {
        *begin = middle + 1;
      } else {
        *end = middle;
      }
    }
    return nullptr;
  }

  // The position of `key`, or entries_ if it is absent. If the key is present it is the lower bound
  // and stands in [begin, end] after every halving, so a fingerprint that none there has proves
  // absence.
  template <class Heard = NobodyHears>
  const Status* Find(std::string_view key, std::uint8_t fingerprint, std::uint64_t* position,
                     Heard heard = {}) const noexcept {
    std::uint64_t begin = 0;
    std::uint64_t end = entries_;
    const Status* error = Narrow(key, kScanKeys, &begin, &end, heard);
    if (error != nullptr) return error;
    end = std::min(end + 1, entries_);
    heard.Candidates(begin, end);
    error = keys_file_->Verify(fingerprints_at_ + begin, end - begin);
    if (error != nullptr) return error;
    *position = entries_;
    while (begin < end) {
      const void* hit = std::memchr(fingerprints_ + begin, fingerprint, end - begin);
      if (hit == nullptr) return nullptr;
      const auto at = static_cast<std::uint64_t>(static_cast<const char*>(hit) - fingerprints_);
      std::string_view found;
      heard.FingerprintHit();
      error = KeyOf(at, &found);
      if (error != nullptr) return error;
      if (found == key) {
        *position = at;
        return nullptr;
      }
      begin = at + 1;
    }
    return nullptr;
  }

  const BlockFile* const keys_file_;
  const std::uint64_t offsets_at_;  // file offsets
  const std::uint32_t* const offsets_;
  const std::uint64_t heap_at_;
  const std::uint64_t heap_bytes_;
  const char* const heap_;
  const std::uint64_t fingerprints_at_;
  const char* const fingerprints_;
};

void BytesSegment::ExplainSearch(std::string_view key, Explanation* told) const {
  std::uint64_t position = 0;
  (void)Find(key, Fingerprint(filter::HashKey(key)), &position, SearchWriter{&told->bytes});
  if (Bound(key, &position) == nullptr) told->lower_bound = position;
}

}  // namespace

std::shared_ptr<const Segment<Bytes>> MakeSegment(SegmentFiles&& files, const Bytes*) {
  return std::make_shared<BytesSegment>(std::move(files));
}

}  // namespace kyro::segment
