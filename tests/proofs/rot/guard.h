// SPDX-License-Identifier: Apache-2.0
//
// What makes a crash or a hang of the library a violation that says which case it was: each worker
// notes what it is about to try; a fatal signal prints that of its thread, and a thread without
// progress for a minute ends the program. Under sanitizers signals are left to them.
#ifndef KYRO_TESTS_PROOFS_ROT_GUARD_H_
#define KYRO_TESTS_PROOFS_ROT_GUARD_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

namespace kyro::proofs {

// Runs `work(worker)` on `threads` threads and returns when all have ended.
void RunGuarded(std::uint64_t threads, const std::function<void(std::uint64_t worker)>& work);

// What this thread tries next: its text is printed should it be the last. `describe` is called only
// then: it must stay callable until the next note.
void NoteCase(const std::function<std::string()>* describe);

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_ROT_GUARD_H_
