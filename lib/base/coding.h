// SPDX-License-Identifier: Apache-2.0
//
// Little-endian integers in byte strings. All formats of kyro are little-endian; a build for
// anything else does not compile.
#ifndef KYRO_BASE_CODING_H_
#define KYRO_BASE_CODING_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace kyro {

static_assert(std::endian::native == std::endian::little, "kyro is little-endian");
static_assert(sizeof(void*) == 8, "kyro is 64-bit");

// Reads or writes a T at any alignment. The caller has checked that sizeof(T) bytes are there.
template <class T>
T LoadLE(const void* from) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}
template <class T>
void StoreLE(void* to, T value) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  std::memcpy(to, &value, sizeof(T));
}
template <class T>
void AppendLE(std::string* out, T value) {
  char bytes[sizeof(T)];
  StoreLE(bytes, value);
  out->append(bytes, sizeof(T));
}

// Consumes fields from the front of untrusted bytes. Once a read runs past the end every later
// one fails too, so a decoder may check once: `if (!reader.ok()) ...`.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) noexcept : rest_(bytes), bytes_(bytes.size()) {}

  template <class T>
  T Read() noexcept {
    if (rest_.size() < sizeof(T)) return ok_ = false, T{};
    const T value = LoadLE<T>(rest_.data());
    rest_.remove_prefix(sizeof(T));
    return value;
  }
  std::string_view ReadBytes(std::uint64_t count) noexcept {
    if (rest_.size() < count) return ok_ = false, std::string_view();
    const std::string_view bytes = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return bytes;
  }
  bool ok() const noexcept { return ok_; }
  bool empty() const noexcept { return rest_.empty(); }
  std::string_view rest() const noexcept { return rest_; }
  std::uint64_t position() const noexcept { return bytes_ - rest_.size(); }  // bytes consumed

 private:
  std::string_view rest_;
  std::uint64_t bytes_;
  bool ok_ = true;
};

// `alignment` is a power of two.
constexpr std::uint64_t AlignUp(std::uint64_t value, std::uint64_t alignment) noexcept {
  return (value + alignment - 1) & ~(alignment - 1);
}

// True if every byte is zero. Padding is checked, never skipped.
bool IsZero(std::string_view bytes) noexcept;

}  // namespace kyro

#endif  // KYRO_BASE_CODING_H_
