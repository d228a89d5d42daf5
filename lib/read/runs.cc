// SPDX-License-Identifier: Apache-2.0
#include "read/runs.h"

namespace kyro::read {

void RunsVersion::ForEachSegment(const Visitor& visit) const {
  for (const KeyspaceRuns& keyspace : keyspaces) {
    std::visit(
        [&](const auto& runs) {
          for (const auto& run : runs->runs) {
            for (const auto& segment : run.segments) visit(keyspace.id, *segment);
          }
        },
        keyspace.runs);
  }
}

}  // namespace kyro::read
