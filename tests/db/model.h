// SPDX-License-Identifier: Apache-2.0
//
// What a database must hold, as std::maps, and the comparison with what it does hold.
#ifndef KYRO_TESTS_DB_MODEL_H_
#define KYRO_TESTS_DB_MODEL_H_

#include <memory>
#include <string>
#include <vector>

#include "db/any_space.h"
#include "db/inspect.h"
#include "support/test_env.h"

namespace kyro::db {

struct SpaceSpec {
  std::string name;
  KeyKind kind;
};
// Two keyspaces of each kind.
const std::vector<SpaceSpec>& FourSpaces();

struct Op {
  std::size_t space = 0;
  bool put = true;
  std::string key;
  std::string value;
};
using Batch = std::vector<Op>;   // one commit
using State = std::vector<Map>;  // by position in FourSpaces()

void Apply(const Batch& batch, State* state);

// A key or value as people can read it.
std::string Shown(const std::string& bytes);

// The first difference of two states, as a line for people; empty if there is none.
std::string Difference(const State& found, const State& want);
std::string Difference(const Map& found, const Map& want);

// Everything the Db holds, read at one read point by scans. Keyspaces that are not there are empty
// maps and are not made.
Result<State> ReadAll(Db* db);

// An open Db with handles on the four keyspaces.
struct OpenDb {
  explicit OpenDb(Db opened) : db(std::move(opened)) {}
  Status OpenSpaces();
  Result<Sequence> Write(const Batch& batch, const WriteOptions& options = {});

  Db db;
  std::vector<std::unique_ptr<AnySpace>> spaces;
};
// Opens "/db" and the four keyspaces, making what is missing.
Result<std::unique_ptr<OpenDb>> OpenFour(const Options& options, const io::Env& env);

// Small enough that a few hundred writes flush, merge and rotate.
Options TinyOptions();

}  // namespace kyro::db

#endif  // KYRO_TESTS_DB_MODEL_H_
