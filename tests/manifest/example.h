// SPDX-License-Identifier: Apache-2.0
//
// Manifests to test with.
#ifndef KYRO_TESTS_MANIFEST_EXAMPLE_H_
#define KYRO_TESTS_MANIFEST_EXAMPLE_H_

#include <string>

#include "base/coding.h"
#include "manifest/manifest.h"

namespace kyro::manifest {

// The uuid whose bytes in a file are first, first + 1, ...
inline Uuid CountingUuid(unsigned char first) {
  unsigned char bytes[16];
  for (unsigned char i = 0; i < 16; ++i) bytes[i] = static_cast<unsigned char>(first + i);
  return LoadLE<Uuid>(bytes);
}

inline FileRef ExampleFile(std::uint64_t number, std::uint64_t bytes) {
  FileRef file;
  file.id = FileId{number, CountingUuid(static_cast<unsigned char>(number * 16))};
  file.bytes = bytes;
  file.digest = Digest{number * 0x0101010101010101, number};
  return file;
}

inline std::string U64Key(std::uint64_t key) {
  std::string encoded;
  AppendLE(&encoded, key);
  return encoded;
}

// Every feature of the format: two key kinds, several runs and segments, with and without a model,
// names and keys of every length modulo the padding that matters.
inline Manifest Example() {
  Manifest manifest;
  manifest.database = CountingUuid(0x10);
  manifest.parent = CountingUuid(0x20);
  manifest.generation = 7;
  manifest.next_number = 20;
  manifest.next_keyspace = 6;
  manifest.last_sequence = 1000;
  manifest.wal_floor = FileId{9, CountingUuid(0x40)};
  manifest.floor_sequence = 900;
  manifest.wal_newest = FileId{10, CountingUuid(0x50)};
  manifest.wal_newest_bytes = 4608;
  manifest.clean = true;

  KeyspaceRef cells{1, KeyKind::kU64, "cells", {}};
  SegmentRef low{
      ExampleFile(1, 4096), ExampleFile(2, 8192), ExampleFile(3, 1024), 100, 0, 1, 500, U64Key(0),
      U64Key(255)};
  SegmentRef high{ExampleFile(4, 4096), ExampleFile(5, 8192),     FileRef{}, 50, 50, 2, 500,
                  U64Key(256),          U64Key(~std::uint64_t{0})};
  SegmentRef newer{ExampleFile(11, 4096),
                   ExampleFile(12, 512),
                   FileRef{},
                   1,
                   1,
                   900,
                   900,
                   U64Key(77),
                   U64Key(77)};
  cells.runs = {RunRef{{newer}}, RunRef{{low, high}}};
  KeyspaceRef empty{3, KeyKind::kBytes, "an empty one", {}};
  KeyspaceRef names{5, KeyKind::kBytes, "namesxyz", {}};
  names.runs = {RunRef{{SegmentRef{ExampleFile(6, 640), ExampleFile(7, 320), FileRef{}, 3, 1, 901,
                                   1000, "", "zebra"}}}};
  manifest.keyspaces = {cells, empty, names};
  return manifest;
}

inline const Uuid kExampleFile = CountingUuid(0x30);

}  // namespace kyro::manifest

#endif  // KYRO_TESTS_MANIFEST_EXAMPLE_H_
