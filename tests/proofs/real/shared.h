// SPDX-License-Identifier: Apache-2.0
//
// Memory that a process shares with those it forks: what a child has written there stays readable
// however the child ended. Contents are atomics and plain bytes; no pointers into other memory.
#ifndef KYRO_TESTS_PROOFS_REAL_SHARED_H_
#define KYRO_TESTS_PROOFS_REAL_SHARED_H_

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

namespace kyro::proofs {

template <class T>
class Shared {
 public:
  Shared() {
    void* const memory =
        ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
      std::perror("mmap of shared memory");
      std::exit(2);
    }
    value_ = new (memory) T();
  }
  ~Shared() { ::munmap(value_, sizeof(T)); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  T* operator->() noexcept { return value_; }
  T* get() noexcept { return value_; }
  // Back to what a new one holds. With no child alive.
  void Reset() noexcept { new (value_) T(); }

 private:
  T* value_;
};

// One line from a child. The first one stays.
struct Line {
  char text[480] = {};

  bool empty() const noexcept { return text[0] == '\0'; }
  void Set(std::string_view line) noexcept {
    if (!empty()) return;
    const std::size_t bytes = line.size() < sizeof(text) ? line.size() : sizeof(text) - 1;
    std::memcpy(text, line.data(), bytes);
  }
};

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_REAL_SHARED_H_
