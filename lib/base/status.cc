// SPDX-License-Identifier: Apache-2.0
#include "kyro/status.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/planted.h"

namespace kyro {

// One allocation: the header, then the message, then the file name.
struct Status::Rep {
  mutable std::atomic<std::uint32_t> refs;
  StatusCode code;
  std::uint32_t message_bytes;
  std::uint32_t file_bytes;
  std::uint64_t offset;

  char* text() noexcept { return reinterpret_cast<char*>(this + 1); }
  const char* text() const noexcept { return reinterpret_cast<const char*>(this + 1); }
};

namespace {
// Longer texts are cut: a message is one line.
constexpr std::size_t kMessageBytesMax = 4096;
constexpr std::size_t kFileBytesMax = 4096;

constexpr std::string_view kNames[] = {"kOk",
                                       "kNotFound",
                                       "kInvalidArgument",
                                       "kKeyspaceMismatch",
                                       "kAlreadyExists",
                                       "kLocked",
                                       "kDataLoss",
                                       "kNoSpace",
                                       "kIoError",
                                       "kResourceExhausted",
                                       "kUnknownOutcome",
                                       "kReadOnly",
                                       "kBusy",
                                       "kClosed",
                                       "kUnsupported",
                                       "kAborted",
                                       "kCancelled",
                                       "kInternal"};
}  // namespace

std::string_view StatusCodeName(StatusCode code) noexcept {
  const auto i = static_cast<std::size_t>(code);
  return i < std::size(kNames) ? kNames[i] : "kInternal";
}

Status::Status(StatusCode code, std::string_view message, std::string_view file,
               std::uint64_t offset) noexcept
    : bits_(Tagged(code)) {
  if (code == StatusCode::kOk || code == StatusCode::kNotFound) return;
  message = message.substr(0, kMessageBytesMax);
  file = file.substr(0, kFileBytesMax);
  void* memory = std::malloc(sizeof(Rep) + message.size() + file.size());
  if (memory == nullptr) return;
  Rep* rep = new (memory) Rep{1, code, static_cast<std::uint32_t>(message.size()),
                              static_cast<std::uint32_t>(file.size()), offset};
  // One line, whatever a path or a name in it holds.
  std::transform(message.begin(), message.end(), rep->text(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? '?' : c;
  });
  if (!file.empty()) std::memcpy(rep->text() + message.size(), file.data(), file.size());
  bits_ = reinterpret_cast<std::uintptr_t>(rep);
}

void Status::Ref() const noexcept {
  if (IsRep()) rep()->refs.fetch_add(1, std::memory_order_relaxed);
}

void Status::Unref() const noexcept {
  if (KYRO_PLANTED(kLeakErrorText) && rep()->code == StatusCode::kResourceExhausted) return;
  if (rep()->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    std::free(const_cast<Rep*>(rep()));
  }
}

StatusCode Status::code() const noexcept {
  return IsRep() ? rep()->code : static_cast<StatusCode>(bits_ >> 1);
}
std::string_view Status::message() const noexcept {
  return IsRep() ? std::string_view(rep()->text(), rep()->message_bytes) : std::string_view();
}
std::string_view Status::file() const noexcept {
  return IsRep() ? std::string_view(rep()->text() + rep()->message_bytes, rep()->file_bytes)
                 : std::string_view();
}
std::uint64_t Status::offset() const noexcept {
  return IsRep() ? rep()->offset : kNoOffset;
}

std::string Status::ToString() const {
  std::string text(StatusCodeName(code()));
  if (!message().empty()) text.append(": ").append(message());
  return text;
}

}  // namespace kyro
