// SPDX-License-Identifier: Apache-2.0
#include "proofs/memory/failing_new.h"

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <new>

extern "C" {
void* __real_malloc(std::size_t bytes);
void* __real_aligned_alloc(std::size_t alignment, std::size_t bytes);
void __real_free(void* memory);
}

namespace kyro::proofs {
namespace {

constinit thread_local bool armed = false;
constinit thread_local std::uint64_t tried_count = 0;
constinit thread_local std::uint64_t failed_count = 0;
constinit thread_local std::uint64_t fail_from = 0;  // 0: never
constinit thread_local std::uint64_t fail_to = 0;
constinit thread_local std::int64_t live_count = 0;

// True if this allocation is refused.
bool Refused() noexcept {
  if (!armed) return false;
  const std::uint64_t number = ++tried_count;
  if (fail_from == 0 || number < fail_from || number >= fail_to) return false;
  ++failed_count;
  errno = ENOMEM;
  return true;
}

void* Counted(void* memory) noexcept {
  live_count += memory != nullptr;
  return memory;
}

}  // namespace

void Memory::Fail(std::uint64_t nth, std::uint64_t count) noexcept {
  tried_count = failed_count = 0;
  fail_from = nth;
  fail_to = nth + count;
}
void Memory::Lift() noexcept {
  fail_from = fail_to = 0;
}
std::uint64_t Memory::tried() noexcept {
  return tried_count;
}
std::uint64_t Memory::failed() noexcept {
  return failed_count;
}
std::int64_t Memory::live() noexcept {
  return live_count;
}

bool Memory::Works() noexcept {
#if defined(__SANITIZE_THREAD__)
  return false;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
  return false;
#else
  return true;
#endif
#else
  return true;
#endif
}

Armed::Armed(bool now) noexcept : before_(armed) {
  armed = now;
}
Armed::~Armed() {
  armed = before_;
}

namespace {

void* New(std::size_t bytes) noexcept {
  return Refused() ? nullptr : Counted(__real_malloc(bytes != 0 ? bytes : 1));
}
void* NewAligned(std::size_t bytes, std::align_val_t alignment) noexcept {
  const auto align = static_cast<std::size_t>(alignment);
  return Refused() ? nullptr
                   : Counted(__real_aligned_alloc(align, (bytes + align - 1) / align * align));
}
void* OrThrow(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void Free(void* memory) noexcept {
  live_count -= memory != nullptr;
  __real_free(memory);
}

}  // namespace
}  // namespace kyro::proofs

using kyro::proofs::Free;
using kyro::proofs::New;
using kyro::proofs::NewAligned;
using kyro::proofs::OrThrow;

extern "C" {
void* __wrap_malloc(std::size_t bytes) {
  return New(bytes);
}
void* __wrap_aligned_alloc(std::size_t alignment, std::size_t bytes) {
  return NewAligned(bytes, std::align_val_t{alignment});
}
void __wrap_free(void* memory) {
  Free(memory);
}
}

void* operator new(std::size_t bytes) {
  return OrThrow(New(bytes));
}
void* operator new[](std::size_t bytes) {
  return OrThrow(New(bytes));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return New(bytes);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return New(bytes);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return OrThrow(NewAligned(bytes, alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return OrThrow(NewAligned(bytes, alignment));
}
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return NewAligned(bytes, alignment);
}
void* operator new[](std::size_t bytes, std::align_val_t alignment,
                     const std::nothrow_t&) noexcept {
  return NewAligned(bytes, alignment);
}
void operator delete(void* memory) noexcept {
  Free(memory);
}
void operator delete[](void* memory) noexcept {
  Free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  Free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  Free(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  Free(memory);
}
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  Free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  Free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  Free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  Free(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  Free(memory);
}
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  Free(memory);
}
void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  Free(memory);
}
