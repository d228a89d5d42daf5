// SPDX-License-Identifier: Apache-2.0
//
// Lookup: the answer of a Get on a View. 16 bytes, returned in two registers.
#ifndef KYRO_LOOKUP_H_
#define KYRO_LOOKUP_H_

#include <atomic>
#include <cstdint>
#include <string_view>

#include "kyro/status.h"

namespace kyro {

// Present, absent, or failed: there is no operator bool, because "damaged" is neither present nor
// absent. Everything it points to lives as long as the View it came from. Copyable; any thread.
class [[nodiscard]] Lookup {
 public:
  Lookup() noexcept = default;  // absent

  // There is a value.
  bool present() const noexcept { return state() == State::kPresent; }
  // Truly not there, or deleted.
  bool absent() const noexcept { return state() == State::kAbsent || state() == State::kTombstone; }
  // Nobody knows: status() says why. kDataLoss, mostly.
  bool failed() const noexcept { return state() == State::kFailed; }

  // The value's bytes, in place; empty unless present().
  std::string_view value() const noexcept {
    return present() ? std::string_view(data_, static_cast<std::uint32_t>(word_))
                     : std::string_view();
  }
  // OK, NotFound, or what went wrong, with file and offset.
  Status status() const noexcept {
    if (present()) return Status::Ok();
    if (absent()) return Status::NotFound();
    return *reinterpret_cast<const Status*>(data_);
  }

  // --- For kyro's own rooms.
  // `value` outlives the Lookup.
  static Lookup Present(std::string_view value) noexcept {
    return Lookup(value.data(), static_cast<std::uint32_t>(value.size()), State::kPresent);
  }
  // No source has the key.
  static Lookup Absent() noexcept { return Lookup(); }
  // The newest source that has the key says that it was deleted.
  static Lookup Tombstone() noexcept { return Lookup(nullptr, 0, State::kTombstone); }
  // `error` outlives the Lookup.
  static Lookup Failed(const Status* error) noexcept {
    return Lookup(reinterpret_cast<const char*>(error), 0, State::kFailed);
  }
  // Nothing found here: older sources decide.
  bool undecided() const noexcept { return state() == State::kAbsent; }

 private:
  enum class State : std::uint32_t { kAbsent = 0, kPresent = 1, kTombstone = 2, kFailed = 3 };
  Lookup(const char* data, std::uint32_t bytes, State state) noexcept
      : data_(data), word_(std::uint64_t{static_cast<std::uint32_t>(state)} << 32 | bytes) {}
  State state() const noexcept { return static_cast<State>(word_ >> 32); }

  const char* data_ = nullptr;
  std::uint64_t word_ = 0;  // the state above the value's bytes: one constant for a known width
};
static_assert(sizeof(Lookup) == 16);

// For kyro's own rooms: what a Get on a View calls. The function is the shortest one that serves
// the view's sources as they are; it may be replaced by a shorter one at any time.
template <class K>
struct Getter {
  using Function = Lookup (*)(const Getter&, typename K::Key) noexcept;  // given the Getter itself
  mutable std::atomic<Function> get{nullptr};                            // how it is done now
};

}  // namespace kyro

#endif  // KYRO_LOOKUP_H_
