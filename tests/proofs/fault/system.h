// SPDX-License-Identifier: Apache-2.0
//
// The part of proof fault that works below the FileSystem seam: on real files, with system calls
// that are interrupted, stop short, or fail.
#ifndef KYRO_TESTS_PROOFS_FAULT_SYSTEM_H_
#define KYRO_TESTS_PROOFS_FAULT_SYSTEM_H_

#include "proofs/proof.h"

namespace kyro::proofs {

// The Program runs the same, to the last row, when any call is interrupted or stops short.
void ProveInterruptions(const Args& args, Tally* tally);

// Each error of each system call of each call of the seam is a status of the right code that names
// the file.
void ProveErrnos(Tally* tally);

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_FAULT_SYSTEM_H_
