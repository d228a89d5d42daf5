# SPDX-License-Identifier: Apache-2.0
#
# What the scripts of tests/package share. They source this with:
#   source_root  kyro's sources
#   build_root   the build directory, with the library built
# and get a scratch directory $work that ends with them.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }

# install_tree TAGS: installs into $work/root, and sets
#   prefix     where the tree's prefix came to lie
#   libraries  the directory of libkyro.so
# and pkg-config's variables, so that it finds that tree's kyro.pc and the system's others.
install_tree() {
  DESTDIR=$work/root meson install -C "$build_root" --no-rebuild --quiet ${1:+--tags "$1"}
  local pc
  pc=$(find "$work/root" -name kyro.pc)
  [ -n "$pc" ] || fail "no kyro.pc was installed"
  libraries=$(dirname "$(dirname "$pc")")
  prefix=$(dirname "$(find "$work/root" -path '*/include/kyro' -type d)")
  prefix=${prefix%/include}
  export PKG_CONFIG_PATH=$libraries/pkgconfig PKG_CONFIG_SYSROOT_DIR=$work/root
}

# blocks LANGUAGE: prints every fenced block of that language in README.md.
blocks() {
  awk -v fence="^\`\`\`$1\$" '/^```/ && inside { inside = 0; next }
    inside { print } $0 ~ fence { inside = 1 }' "$source_root/README.md"
}

# The program that README.md shows: its only cpp block.
readme_program() {
  blocks cpp >"$1"
  [ "$(wc -l <"$1")" -ge 10 ] || fail "README.md has no program"
}

# check_program COMMAND...: runs the program in the current directory, where it makes its database.
check_program() {
  "$@" >program.out || fail "$*: exit $?: $(cat program.out)"
  grep -qx answer program.out || fail "$* printed: $(cat program.out)"
}
