// SPDX-License-Identifier: Apache-2.0
//
// A file descriptor as an input stream. Unlike std::filebuf it gives up waiting for a pipe when an
// Interrupt is requested: the stream ends there.
#ifndef KYRO_TOOLS_KYROCTL_FD_INPUT_H_
#define KYRO_TOOLS_KYROCTL_FD_INPUT_H_

#include <memory>
#include <streambuf>

namespace kyro::kyroctl {

// One thread at a time. Does not own the descriptor.
class FdInput : public std::streambuf {
 public:
  explicit FdInput(int descriptor);

 protected:
  // Throws std::ios_base::failure if the read fails: the stream turns bad, not to its end.
  int_type underflow() override;

 private:
  const int descriptor_;
  const std::unique_ptr<char[]> buffer_;
};

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_FD_INPUT_H_
