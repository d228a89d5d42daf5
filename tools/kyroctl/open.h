// SPDX-License-Identifier: Apache-2.0
//
// How commands reach a database and a keyspace whose key kind is known only once it is open.
#ifndef KYRO_TOOLS_KYROCTL_OPEN_H_
#define KYRO_TOOLS_KYROCTL_OPEN_H_

#include <string>
#include <string_view>

#include "kyro/db.h"
#include "kyroctl/output.h"
#include "kyroctl/request.h"

namespace kyro::kyroctl {

// For commands that change no file.
Result<Db> OpenToRead(const Request& request);
// For commands that write. Makes the database only if `create`.
Result<Db> OpenToWrite(const Request& request, bool create);

// The exit code of a database that did not open. Says how to make one that is not there.
int FailToOpen(const Status& status, const Request& request, Output& output);

// Whether a keyspace can be called so. Asked before a database is made for one: OpenKeyspace would
// refuse the name too late.
Status CheckName(std::string_view keyspace);

Result<KeyspaceInfo> FindKeyspace(const Db& db, std::string_view name);
// The exit code of a keyspace that was not found. Says which there are.
int FailToFind(const Db& db, const Status& status, const Request& request, Output& output);

// Calls visit(keyspace) with the request's keyspace, a Keyspace<U64>& or a Keyspace<Bytes>&, and
// returns its exit code. The keyspace must exist.
template <class Visit>
int VisitKeyspace(Db& db, const Request& request, Output& output, Visit&& visit) {
  const auto info = FindKeyspace(db, request.keyspace);
  if (!info.ok()) return FailToFind(db, info.status(), request, output);
  const auto open = [&]<class K>(K) {
    auto keyspace = db.OpenKeyspace<K>(request.keyspace);
    return keyspace.ok() ? visit(*keyspace) : output.Fail(keyspace.status());
  };
  return info->kind == KeyKind::kU64 ? open(U64{}) : open(Bytes{});
}

// The exit code of a command that wrote: `code` if that is a failure, otherwise Close decides.
int CloseAnd(Db& db, int code, Output& output);

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_OPEN_H_
