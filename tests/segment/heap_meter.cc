// SPDX-License-Identifier: Apache-2.0
//
// operator new of this program counts, for HeapMeter, and fails, for NoMemory.
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "segment/testing.h"

namespace {

std::atomic<std::int64_t> live{0};
std::atomic<std::int64_t> peak_live{0};
thread_local bool refuses = false;

void* Counted(void* memory) noexcept {
  if (memory == nullptr) return nullptr;
  const auto bytes = static_cast<std::int64_t>(malloc_usable_size(memory));
  const std::int64_t now = live.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  if (now > peak_live.load(std::memory_order_relaxed)) {
    peak_live.store(now, std::memory_order_relaxed);
  }
  return memory;
}

void Release(void* memory) noexcept {
  if (memory == nullptr) return;
  live.fetch_sub(static_cast<std::int64_t>(malloc_usable_size(memory)), std::memory_order_relaxed);
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t bytes) {
  void* const memory = operator new(bytes, std::nothrow);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new[](std::size_t bytes) {
  return operator new(bytes);
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return refuses ? nullptr : Counted(std::malloc(bytes > 0 ? bytes : 1));
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return operator new(bytes, std::nothrow);
}
void operator delete(void* memory) noexcept {
  Release(memory);
}
void operator delete[](void* memory) noexcept {
  Release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  Release(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  Release(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  Release(memory);
}
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  Release(memory);
}

namespace kyro::segment {

HeapMeter::HeapMeter() : start_(live.load()) {
  peak_live.store(start_);
}
NoMemory::NoMemory() {
  refuses = true;
}
NoMemory::~NoMemory() {
  refuses = false;
}

std::uint64_t HeapMeter::peak() const {
  return static_cast<std::uint64_t>(peak_live.load() - start_);
}

}  // namespace kyro::segment
