// SPDX-License-Identifier: Apache-2.0
//
// The report: one self-contained page. XHTML that HTML parsers take, so that any XML parser can
// check it; no script, nothing from elsewhere. docs/report.md says how to read it.
#ifndef KYRO_TOOLS_KYROCTL_REPORT_PAGE_H_
#define KYRO_TOOLS_KYROCTL_REPORT_PAGE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "db/inspect.h"
#include "kyroctl/report/profile.h"

namespace kyro::kyroctl {

// A keyspace that the page shows: an index into Inspection::keyspaces.
struct ReportedKeyspace {
  std::size_t keyspace = 0;
  Profile profile;
};

struct Report {
  std::string path;
  db::Inspection inspection;
  std::vector<ReportedKeyspace> keyspaces;
};

// A pure function of the report; any thread.
std::string ReportAsHtml(const Report& report);

// The style sheet, in figures' and page's words.
std::string_view StyleSheet() noexcept;

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_REPORT_PAGE_H_
