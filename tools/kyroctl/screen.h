// SPDX-License-Identifier: Apache-2.0
//
// What a stream that may be a terminal can show.
#ifndef KYRO_TOOLS_KYROCTL_SCREEN_H_
#define KYRO_TOOLS_KYROCTL_SCREEN_H_

#include <cstddef>

namespace kyro::kyroctl {

struct Screen {
  bool colour = false;       // takes colours, and the person wants them
  bool moves = false;        // a line can be drawn over
  std::size_t columns = 80;  // of a terminal; at least 20
};

// `no_color` and `term` are those environment variables, or null. Pure.
Screen ScreenOf(bool is_terminal, const char* no_color, const char* term, std::size_t columns);
// Of a file descriptor, as the environment says.
Screen ScreenOf(int descriptor);

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_SCREEN_H_
