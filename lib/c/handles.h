// SPDX-License-Identifier: Apache-2.0
//
// What stands behind the handles of kyro.h, and what its functions share: errors are copied into
// the caller's struct, arguments are checked before anything is done, and no exception leaves.
//
// This room sees only the public C++ headers. The key kind of a handle is the alternative its
// variant holds. The threads are those of the C++ classes.
#ifndef KYRO_C_HANDLES_H_
#define KYRO_C_HANDLES_H_

#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "kyro/db.h"
#include "kyro/kyro.h"

template <template <class> class T>
using kyro_either = std::variant<T<kyro::U64>, T<kyro::Bytes>>;

struct kyro_buffer {
  std::string bytes;
};
struct kyro_db {
  kyro::Db db;
};
struct kyro_keyspace {
  kyro_either<kyro::Keyspace> of;
};
struct kyro_keyspace_list {
  std::vector<kyro::KeyspaceInfo> infos;
};
struct kyro_batch {
  kyro::WriteBatch batch;
  kyro::Status spoiled;  // by what the C++ class cannot be asked to do
};
struct kyro_read_point {
  kyro::ReadPoint point;
};
struct kyro_view {
  kyro_either<kyro::View> of;
};
struct kyro_iterator {
  kyro_either<kyro::Iterator> of;
};
struct kyro_bulk_loader {
  kyro_either<kyro::BulkLoader> of;
};

namespace kyro::c {

// Each stores what happened in *error, unless that is null, and returns the code.
kyro_code Succeed(kyro_error* error) noexcept;
kyro_code Fail(kyro_error* error, StatusCode code, std::string_view message) noexcept;
kyro_code Report(kyro_error* error, const Status& status) noexcept;
kyro_code NullArgument(kyro_error* error, const char* name) noexcept;
kyro_code BadSlice(kyro_error* error) noexcept;
// A handle of another key kind than the function is for.
kyro_code WrongKind(kyro_error* error, KeyKind wanted) noexcept;
// Inside a catch (...): what was caught.
kyro_code Caught(kyro_error* error) noexcept;

// Runs `body`, which returns a kyro_code. Only the standard library throws, and only for want of
// memory; a callback's exception ends here too.
template <class Body>
kyro_code Guarded(kyro_error* error, Body&& body) noexcept {
  try {
    return body();
  } catch (...) {
    return Caught(error);
  }
}

// Makes *out a handle of `value`. `out` was checked.
template <class Handle, class Value>
kyro_code Emit(Handle** out, Value&& value, kyro_error* error) noexcept {
  *out = new (std::nothrow) Handle{std::forward<Value>(value)};
  if (*out != nullptr) return Succeed(error);
  return Fail(error, StatusCode::kResourceExhausted, "out of memory");
}

inline bool IsBad(kyro_slice slice) noexcept {
  return slice.data == nullptr && slice.size != 0;
}
inline std::string_view ViewOf(kyro_slice slice) noexcept {
  return {slice.data, slice.size};
}
inline kyro_slice SliceOf(std::string_view bytes) noexcept {
  return {bytes.data(), bytes.size()};
}

// Keys as the C API passes them, and as the C++ one does.
template <class K>
struct Keys;
template <>
struct Keys<U64> {
  using InC = std::uint64_t;
  static bool IsBad(InC) noexcept { return false; }
  static U64::Key From(InC key) noexcept { return key; }
  static InC To(U64::Key key) noexcept { return key; }
};
template <>
struct Keys<Bytes> {
  using InC = kyro_slice;
  static bool IsBad(InC key) noexcept { return c::IsBad(key); }
  static Bytes::Key From(InC key) noexcept { return ViewOf(key); }
  static InC To(Bytes::Key key) noexcept { return SliceOf(key); }
};

Progress ProgressOf(const kyro_progress* progress);
// `options` may be null.
kyro_code ReadOptions(const kyro_options* options, Options* out, kyro_error* error) noexcept;
kyro_code ReadWriteOptions(const kyro_write_options* options, WriteOptions* out,
                           kyro_error* error) noexcept;

}  // namespace kyro::c

#endif  // KYRO_C_HANDLES_H_
