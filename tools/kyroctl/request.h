// SPDX-License-Identifier: Apache-2.0
//
// Request: one parsed command line, and the commands that answer it.
#ifndef KYRO_TOOLS_KYROCTL_REQUEST_H_
#define KYRO_TOOLS_KYROCTL_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>

#include "kyro/types.h"
#include "kyroctl/output.h"

namespace kyro::kyroctl {

struct Request {
  bool json = false;
  std::string keyspace = "default";
  std::string db;  // the directory

  std::string key;    // as typed
  std::string value;  // as typed; "-": standard input
  std::string file;   // load; "-": standard input
  bool hex = false;   // keys are typed as hex digits

  std::optional<std::string> from;  // inclusive, as typed
  std::optional<std::string> to;    // exclusive, as typed
  std::uint64_t limit = ~std::uint64_t{0};
  bool reverse = false;

  std::uint64_t batch = 1000;  // rows per commit
  bool create = false;
  std::optional<KeyKind> keys;
};

// Each returns the exit code, after saying what happened through `output`.
int Create(const Request& request, Output& output);
int Put(const Request& request, Output& output);
int Delete(const Request& request, Output& output);
int Load(const Request& request, Output& output);

int Get(const Request& request, Output& output);
int ScanRows(const Request& request, Output& output);  // rows for people, or NDJSON
int Dump(const Request& request, Output& output);      // NDJSON

int Inspect(const Request& request, Output& output);
int Snapshot(const Request& request, Output& output);
int Rebuild(const Request& request, Output& output);
int Verify(const Request& request, Output& output);

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_REQUEST_H_
