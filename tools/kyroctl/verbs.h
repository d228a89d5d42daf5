// SPDX-License-Identifier: Apache-2.0
//
// The verbs. Each function stands beside the code that runs the verb; command_tree.cc lists them.
#ifndef KYRO_TOOLS_KYROCTL_VERBS_H_
#define KYRO_TOOLS_KYROCTL_VERBS_H_

#include "kyroctl/command_tree.h"

namespace kyro::kyroctl {

// commands_write.cc, commands_load.cc
Verb CreateVerb();
Verb PutVerb();
Verb DeleteVerb();
Verb LoadVerb();

// commands_drop.cc
Verb DropVerb();

// commands_read.cc
Verb GetVerb();
Verb ScanVerb();
Verb DumpVerb();
Verb CountVerb();

// commands_diff.cc, commands_bench.cc
Verb DiffVerb();
Verb BenchVerb();

// commands_inspect.cc, commands_explain.cc, commands_report.cc, commands_admin.cc
Verb InspectVerb();
Verb ExplainVerb();
Verb ReportVerb();
Verb KeyspacesVerb();
Verb CheckpointVerb();
Verb SnapshotVerb();
Verb RebuildVerb();
Verb VerifyVerb();

// commands_repair.cc
Verb RepairVerb();

// commands_stats.cc
Verb StatsVerb();

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_VERBS_H_
