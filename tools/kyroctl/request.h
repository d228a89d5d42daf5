// SPDX-License-Identifier: Apache-2.0
//
// Request: one parsed command line.
#ifndef KYRO_TOOLS_KYROCTL_REQUEST_H_
#define KYRO_TOOLS_KYROCTL_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>

#include "kyro/types.h"
#include "kyroctl/row_format.h"

namespace kyro::kyroctl {

struct Request {
  // Common to all verbs.
  bool json = false;
  bool quiet = false;
  std::optional<std::string> keyspace_given;
  std::string keyspace = "default";  // the one given, or this

  std::string db;                  // the directory
  std::string second_db;           // diff
  std::string directory;           // checkpoint, snapshot; empty: none
  std::string name;                // drop
  std::string key;                 // as typed
  std::string value;               // as typed; "-": standard input
  std::string file;                // load; "-": standard input
  std::optional<std::string> out;  // report: the page to write; "-": standard output. repair: NEW
  bool all = false;                // repair
  bool hex = false;                // keys are typed as hex digits

  std::optional<std::string> from;    // inclusive, as typed
  std::optional<std::string> to;      // exclusive, as typed
  std::optional<std::string> prefix;  // of bytes keys, as typed
  std::uint64_t limit = ~std::uint64_t{0};
  bool reverse = false;

  std::uint64_t batch = 1000;   // rows per commit
  std::uint64_t rows = 200000;  // bench
  bool create = false;
  bool bulk = false;  // load
  bool yes = false;   // drop
  std::optional<KeyKind> keys;
  std::optional<RowFormat> format;  // of `file`

  bool openmetrics = false;  // stats
};

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_REQUEST_H_
