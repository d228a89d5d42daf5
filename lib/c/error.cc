// SPDX-License-Identifier: Apache-2.0
//
// Errors in the caller's struct, names, and buffers.
#include <algorithm>
#include <cstddef>
#include <cstring>

#include "c/handles.h"
#include "kyro/version.h"

namespace kyro::c {

static_assert(sizeof(kyro_error) == 512 && offsetof(kyro_error, message) == 128);
static_assert(KYRO_NO_OFFSET == Status::kNoOffset);
static_assert(KYRO_NOT_FOUND == static_cast<int>(StatusCode::kNotFound));
static_assert(KYRO_DATA_LOSS == static_cast<int>(StatusCode::kDataLoss));
static_assert(KYRO_CLOSED == static_cast<int>(StatusCode::kClosed));
static_assert(KYRO_INTERNAL == static_cast<int>(StatusCode::kInternal));

namespace {

// Cut short where it does not fit, between two characters of UTF-8.
template <std::size_t kSize>
void Copy(std::string_view text, char (&to)[kSize]) noexcept {
  constexpr std::string_view kDots = "...";
  std::size_t size = text.size();
  if (size >= kSize) {
    size = kSize - 1 - kDots.size();
    while (size > 0 && (text[size] & 0xc0) == 0x80) --size;
  }
  std::copy_n(text.data(), size, to);
  if (size < text.size()) size += kDots.copy(to + size, kDots.size());
  to[size] = '\0';
}

kyro_code Store(kyro_error* error, StatusCode code, std::string_view message, std::string_view file,
                std::uint64_t offset) noexcept {
  const auto number = static_cast<kyro_code>(code);
  if (error == nullptr) return number;
  error->code = number;
  error->reserved = 0;
  error->offset = offset;
  Copy(file, error->file);
  Copy(message, error->message);
  return number;
}

}  // namespace

kyro_code Succeed(kyro_error* error) noexcept {
  return Store(error, StatusCode::kOk, {}, {}, Status::kNoOffset);
}

kyro_code Fail(kyro_error* error, StatusCode code, std::string_view message) noexcept {
  return Store(error, code, message, {}, Status::kNoOffset);
}

kyro_code Report(kyro_error* error, const Status& status) noexcept {
  return Store(error, status.code(), status.message(), status.file(), status.offset());
}

kyro_code NullArgument(kyro_error* error, const char* name) noexcept {
  constexpr std::string_view kIsNull = " is NULL";
  char message[64];
  std::size_t size = std::min(std::strlen(name), sizeof(message) - kIsNull.size());
  std::copy_n(name, size, message);
  size += kIsNull.copy(message + size, kIsNull.size());
  return Fail(error, StatusCode::kInvalidArgument, {message, size});
}

kyro_code BadSlice(kyro_error* error) noexcept {
  return Fail(error, StatusCode::kInvalidArgument, "a slice is NULL and has a size");
}

kyro_code WrongKind(kyro_error* error, KeyKind wanted) noexcept {
  return Fail(error, StatusCode::kKeyspaceMismatch,
              wanted == KeyKind::kU64
                  ? "the keyspace has byte-string keys: call the _bytes function"
                  : "the keyspace has u64 keys: call the _u64 function");
}

kyro_code Caught(kyro_error* error) noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return Fail(error, StatusCode::kResourceExhausted, "out of memory");
  } catch (...) {
    return Fail(error, StatusCode::kInternal, "unexpected exception");
  }
}

}  // namespace kyro::c

const char* kyro_code_name(kyro_code code) {
  const bool known = code >= KYRO_OK && code <= KYRO_INTERNAL;
  // The names are literals.
  return known ? kyro::StatusCodeName(static_cast<kyro::StatusCode>(code)).data() : "unknown";
}

const char* kyro_version(void) {
  return KYRO_VERSION;
}

kyro_buffer* kyro_buffer_new(void) {
  return new (std::nothrow) kyro_buffer;
}

void kyro_buffer_free(kyro_buffer* buffer) {
  delete buffer;
}

kyro_slice kyro_buffer_slice(const kyro_buffer* buffer) {
  return buffer == nullptr ? kyro_slice{} : kyro::c::SliceOf(buffer->bytes);
}
