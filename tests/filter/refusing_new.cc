// SPDX-License-Identifier: Apache-2.0
#include "filter/refusing_new.h"

#include <cstdlib>
#include <new>

namespace kyro::support {

namespace {
constexpr int kUnlimited = -1;
thread_local int granted_left = kUnlimited;

void* Allocate(std::size_t bytes) noexcept {
  if (granted_left == 0) return nullptr;
  if (granted_left > 0) --granted_left;
  return std::malloc(bytes != 0 ? bytes : 1);
}

void* AllocateOrThrow(std::size_t bytes) {
  void* const memory = Allocate(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace

RefuseNew::RefuseNew(int granted) noexcept {
  granted_left = granted;
}
RefuseNew::~RefuseNew() {
  granted_left = kUnlimited;
}

bool RefuseNew::Works() noexcept {
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

}  // namespace kyro::support

void* operator new(std::size_t bytes) {
  return kyro::support::AllocateOrThrow(bytes);
}
void* operator new[](std::size_t bytes) {
  return kyro::support::AllocateOrThrow(bytes);
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return kyro::support::Allocate(bytes);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return kyro::support::Allocate(bytes);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
