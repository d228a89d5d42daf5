// SPDX-License-Identifier: Apache-2.0
//
// explain: what a Get of one key touches, through the inspection door.
#include <string>
#include <string_view>
#include <type_traits>

#include "db/inspect.h"
#include "kyro/db.h"
#include "kyroctl/explain.h"
#include "kyroctl/open.h"
#include "kyroctl/request.h"
#include "kyroctl/rows.h"
#include "kyroctl/verbs.h"

namespace kyro::kyroctl {
namespace {

std::string Encoded(std::uint64_t key) {
  return std::string(reinterpret_cast<const char*>(&key), sizeof(key));
}
std::string Encoded(std::string key) {
  return key;
}

template <class K>
int ExplainIn(const Db& db, const Keyspace<K>& keyspace, const Request& request, Output& output) {
  const auto key = ParseKey<K>(request.key, request.hex);
  if (!key.ok()) return output.Fail(key.status());
  const auto told = db::Door::Explain<K>(db, keyspace.id(), *key);
  if (!told.ok()) return output.Fail(told.status());
  const std::string encoded = Encoded(*key);
  const ExplainedKey explained{
      .keyspace = request.keyspace, .kind = kKindOf<K>, .encoded = encoded};
  if (request.json) {
    output.Object(ExplanationAsJson(explained, *told));
  } else {
    output.Write(ExplanationAsText(explained, *told));
  }
  // An error is explained and then reported, as get reports it.
  return told->status.ok() ? kExitOk : output.Fail(told->status);
}

int Explain(const Request& request, Output& output) {
  auto db = OpenToRead(request);
  if (!db.ok()) return FailToOpen(db.status(), request, output);
  const int code = CloseAnd(*db,
                            VisitKeyspace(*db, request, output,
                                          [&](const auto& keyspace) {
                                            return ExplainIn(*db, keyspace, request, output);
                                          }),
                            output);
  return code == kExitOk ? output.Done() : code;
}

}  // namespace

Verb ExplainVerb() {
  return {.name = "explain",
          .summary = "Show what a get of one key touches",
          .description =
              "Follows one get through the log and the runs, newest first: key range, filter, the "
              "way through the model, prediction, bound, window, lower bound, checksums. An absent "
              "key is explained, too. Changes no file.",
          .group = Group::kUpkeep,
          .arguments = {DbArgument(), KeyArgument()},
          .options = {HexOption()},
          .examples = {{"kyroctl explain cells 42", "Explain a lookup"},
                       {"kyroctl explain cells 42 --json", "The same for a program"}},
          .run = &Explain};
}

}  // namespace kyro::kyroctl
