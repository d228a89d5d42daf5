// SPDX-License-Identifier: Apache-2.0
//
// The two forms of what `inspect` shows. Pure functions of an Inspection; any thread.
#ifndef KYRO_TOOLS_KYROCTL_INSPECT_H_
#define KYRO_TOOLS_KYROCTL_INSPECT_H_

#include <string>
#include <string_view>

#include "db/inspect.h"
#include "kyroctl/output.h"

namespace kyro::kyroctl {

// Everything, under names that docs/kyroctl.md lists.
Json InspectionAsJson(std::string_view path, const db::Inspection& inspection);

// A key as manifests hold it, for people; long ones lose their middle.
std::string EncodedKeyForPeople(KeyKind kind, std::string_view encoded);

// For people: lines of at most 80 columns.
std::string InspectionAsText(std::string_view path, const db::Inspection& inspection);

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_INSPECT_H_
