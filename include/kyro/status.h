// SPDX-License-Identifier: Apache-2.0
//
// Status and Result: how every kyro call says what happened.
//
// A Status is one word. OK and NotFound never allocate; every other code carries a one-line
// message and, where a file is to blame, the file's name and the byte offset in it. When even the
// message cannot be allocated the code survives alone.
#ifndef KYRO_STATUS_H_
#define KYRO_STATUS_H_

#include <cassert>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace kyro {

// What went wrong. Each code asks something else of the program: docs/guide.md, "Errors".
enum class StatusCode : std::uint8_t {
  kOk = 0,                 // done
  kNotFound = 1,           // the key, keyspace or file is truly absent
  kInvalidArgument = 2,    // the call can never succeed as written
  kKeyspaceMismatch = 3,   // a keyspace of another key kind, or of another Db
  kAlreadyExists = 4,      // asked to be made, and there
  kLocked = 5,             // another handle, here or in another process, has the directory
  kDataLoss = 6,           // bytes on disk are not what was written; file() and offset() say where
  kNoSpace = 7,            // the disk or the quota is full; nothing was applied
  kIoError = 8,            // the operating system refused an operation; nothing was applied
  kResourceExhausted = 9,  // memory or descriptors ran out; nothing was applied
  kUnknownOutcome = 10,    // a sync failed: reopening tells whether the write survived
  kReadOnly = 11,          // opened so, or after an I/O error: Db::Resume, or reopen
  kBusy = 12,              // not applied; try again
  kClosed = 13,       // the Db was closed or the keyspace dropped, or this is a fork of the owner
  kUnsupported = 14,  // written by a newer kyro
  kAborted = 15,      // no call returns it now
  kCancelled = 16,    // the caller's Progress asked to stop
  kInternal = 17,     // kyro is wrong; please report it
};

// The code's name as it stands in messages and in kyroctl's JSON: "kDataLoss".
[[gnu::visibility("default")]] std::string_view StatusCodeName(StatusCode code) noexcept;

// Thread safety: as a value type. Copies share the message; copying never allocates.
class [[nodiscard]] [[gnu::visibility("default")]] Status {
 public:
  // No particular place in the file.
  static constexpr std::uint64_t kNoOffset = ~std::uint64_t{0};

  constexpr Status() noexcept = default;  // OK
  // The same, said aloud.
  static Status Ok() noexcept {
    return Status();
  }
  // Absence, without a message. Never allocates.
  static Status NotFound() noexcept {
    return Status(StatusCode::kNotFound);
  }

  // A code without a message. Never allocates.
  explicit Status(StatusCode code) noexcept : bits_(Tagged(code)) {}

  // `message` is one line. `file` is a name relative to the database directory, or empty.
  // If memory runs out the code alone is kept.
  Status(StatusCode code, std::string_view message, std::string_view file = {},
         std::uint64_t offset = kNoOffset) noexcept;

  // Shares the message.
  Status(const Status& other) noexcept : bits_(other.bits_) {
    Ref();
  }
  // `other` is OK afterwards.
  Status(Status && other) noexcept : bits_(std::exchange(other.bits_, 0)) {}
  // Shares the message.
  Status& operator=(const Status& other) noexcept {
    Status copy(other);
    std::swap(bits_, copy.bits_);
    return *this;
  }
  // `other` holds what was here.
  Status& operator=(Status&& other) noexcept {
    std::swap(bits_, other.bits_);
    return *this;
  }
  ~Status() {
    if (IsRep()) Unref();
  }

  // Whether it was done.
  bool ok() const noexcept {
    return bits_ == 0;
  }
  // kOk if ok().
  StatusCode code() const noexcept;
  // Views live as long as this Status.
  std::string_view message() const noexcept;  // "" for OK, NotFound and bare codes
  std::string_view file() const noexcept;     // "" if no file is to blame
  std::uint64_t offset() const noexcept;      // bytes, or kNoOffset

  // "kDataLoss: 000042.keys: block 17 at offset 1114112: ...". May throw bad_alloc.
  std::string ToString() const;

  // Two statuses are equal if their codes are: messages are for people.
  friend bool operator==(const Status& a, const Status& b) noexcept {
    return a.code() == b.code();
  }

  // The one word, for kyro's own use.
  std::uintptr_t bits() const noexcept {
    return bits_;
  }

 private:
  struct Rep;
  static constexpr std::uintptr_t Tagged(StatusCode code) noexcept {
    return code == StatusCode::kOk ? 0 : (static_cast<std::uintptr_t>(code) << 1) | 1;
  }
  bool IsRep() const noexcept {
    return bits_ != 0 && (bits_ & 1) == 0;
  }
  const Rep* rep() const noexcept {
    return reinterpret_cast<const Rep*>(bits_);
  }
  void Ref() const noexcept;
  [[gnu::cold]] void Unref() const noexcept;

  // 0: OK. Odd: a bare code, shifted by one. Otherwise a Rep*, counted.
  std::uintptr_t bits_ = 0;
};
static_assert(sizeof(Status) == sizeof(void*));

// A T or the reason why there is none. Never holds an OK status.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;  // what is wanted

  // What was wanted.
  Result(T value) : value_(std::move(value)) {}  // NOLINT: implicit by intent
  // Why there is none. Not OK: an OK status here is a mistake, and becomes kInternal.
  Result(Status status) noexcept : status_(std::move(status)) {  // NOLINT: implicit by intent
    assert(!status_.ok());
    if (status_.ok()) status_ = Status(StatusCode::kInternal);
  }
  // The same, without a message.
  Result(StatusCode code) noexcept : Result(Status(code)) {}  // NOLINT: implicit by intent

  // Whether there is a value.
  bool ok() const noexcept { return value_.has_value(); }
  // OK if there is a value. Lives as long as this Result.
  const Status& status() const& noexcept { return status_; }
  // The same, moved out.
  Status status() && noexcept { return std::move(status_); }

  // The value. Requires ok(): without it the program is wrong, and nothing is thrown.
  T& value() & { return assert(ok()), *value_; }
  // Requires ok().
  const T& value() const& { return assert(ok()), *value_; }
  // Moved out. Requires ok().
  T&& value() && { return assert(ok()), std::move(*value_); }
  // value(), as all below.
  T& operator*() & { return value(); }
  // Requires ok().
  const T& operator*() const& { return value(); }
  // Moved out. Requires ok().
  T&& operator*() && { return std::move(*this).value(); }
  // Requires ok().
  T* operator->() { return &value(); }
  // Requires ok().
  const T* operator->() const { return &value(); }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace kyro

#endif  // KYRO_STATUS_H_
