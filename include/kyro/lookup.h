// SPDX-License-Identifier: Apache-2.0
//
// Lookup: the answer of a Get on a View. 16 bytes, returned in two registers.
#ifndef KYRO_LOOKUP_H_
#define KYRO_LOOKUP_H_

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
  bool present() const noexcept { return state_ == State::kPresent; }
  // Truly not there, or deleted.
  bool absent() const noexcept { return state_ == State::kAbsent || state_ == State::kTombstone; }
  // Nobody knows: status() says why. kDataLoss, mostly.
  bool failed() const noexcept { return state_ == State::kFailed; }

  // The value's bytes, in place; empty unless present().
  std::string_view value() const noexcept {
    return present() ? std::string_view(data_, bytes_) : std::string_view();
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
  bool undecided() const noexcept { return state_ == State::kAbsent; }

 private:
  enum class State : std::uint32_t { kAbsent = 0, kPresent = 1, kTombstone = 2, kFailed = 3 };
  Lookup(const char* data, std::uint32_t bytes, State state) noexcept
      : data_(data), bytes_(bytes), state_(state) {}

  const char* data_ = nullptr;
  std::uint32_t bytes_ = 0;
  State state_ = State::kAbsent;
};
static_assert(sizeof(Lookup) == 16);

}  // namespace kyro

#endif  // KYRO_LOOKUP_H_
