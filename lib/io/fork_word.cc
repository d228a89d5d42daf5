// SPDX-License-Identifier: Apache-2.0
//
// ForkWord: a page that the kernel zeroes in every fork. Cheaper than getpid (a system call, 113
// ns) and right where pthread_atfork is not called (vfork, clone).
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>

#include "io/env.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18  // Linux 4.14
#endif

namespace kyro::io {
namespace {

// The newest page: that of this process, or the wiped one of an ancestor. Never unmapped.
std::atomic<std::uint8_t*> current_word{nullptr};

}  // namespace

// Without a lock: a fork may happen while another thread is in here.
const std::uint8_t* ForkWord() noexcept {
  std::uint8_t* word = current_word.load(std::memory_order_acquire);
  for (;;) {
    if (word != nullptr && !IsFork(word)) return word;
    const auto page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* const page =
        ::mmap(nullptr, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return nullptr;
    if (::madvise(page, page_bytes, MADV_WIPEONFORK) != 0) {
      ::munmap(page, page_bytes);
      return nullptr;
    }
    auto* const made = static_cast<std::uint8_t*>(page);
    *static_cast<volatile std::uint8_t*>(made) = 1;
    if (current_word.compare_exchange_strong(word, made, std::memory_order_acq_rel,
                                             std::memory_order_acquire)) {
      return made;
    }
    ::munmap(page, page_bytes);  // another thread was first; `word` is its
  }
}

}  // namespace kyro::io
