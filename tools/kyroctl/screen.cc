// SPDX-License-Identifier: Apache-2.0
#include "kyroctl/screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace kyro::kyroctl {

Screen ScreenOf(bool is_terminal, const char* no_color, const char* term, std::size_t columns) {
  constexpr std::size_t kColumnsMin = 20;
  Screen screen;
  if (!is_terminal) return screen;
  if (columns != 0) screen.columns = std::max(columns, kColumnsMin);
  screen.moves = term != nullptr && *term != '\0' && std::string_view(term) != "dumb";
  screen.colour = screen.moves && (no_color == nullptr || *no_color == '\0');
  return screen;
}

Screen ScreenOf(int descriptor) {
  winsize size = {};
  const bool sized = ioctl(descriptor, TIOCGWINSZ, &size) == 0;
  return ScreenOf(isatty(descriptor) == 1, std::getenv("NO_COLOR"), std::getenv("TERM"),
                  sized ? size.ws_col : 0);
}

}  // namespace kyro::kyroctl
