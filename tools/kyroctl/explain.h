// SPDX-License-Identifier: Apache-2.0
//
// The two forms of what `explain` shows. Pure functions of an Explanation; any thread.
#ifndef KYRO_TOOLS_KYROCTL_EXPLAIN_H_
#define KYRO_TOOLS_KYROCTL_EXPLAIN_H_

#include <string>
#include <string_view>

#include "db/inspect.h"
#include "kyroctl/output.h"

namespace kyro::kyroctl {

// The key that was asked for, as a manifest would hold it.
struct ExplainedKey {
  std::string_view keyspace;
  KeyKind kind = KeyKind::kU64;
  std::string_view encoded;
};

// Everything, under names that docs/kyroctl.md lists.
Json ExplanationAsJson(const ExplainedKey& key, const read::Explanation& told);

// For people: lines of at most 80 columns, in the order in which a Get goes.
std::string ExplanationAsText(const ExplainedKey& key, const read::Explanation& told);

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_EXPLAIN_H_
