// SPDX-License-Identifier: Apache-2.0
#include "kyroctl/open.h"

#include <fmt/format.h>

#include <utility>

#include "kyroctl/text.h"

namespace kyro::kyroctl {

Result<Db> OpenToRead(const Request& request) {
  Options options;
  options.create_if_missing = false;
  options.read_only = true;
  return Db::Open(request.db, options);
}

Result<Db> OpenToWrite(const Request& request, bool create) {
  Options options;
  options.create_if_missing = create;
  return Db::Open(request.db, options);
}

int FailToOpen(const Status& status, const Request& request, Output& output) {
  if (status.code() == StatusCode::kInvalidArgument) {
    return output.Fail(Status(
        status.code(), fmt::format("{}; give the directory of a database", status.message())));
  }
  if (status.code() != StatusCode::kNotFound) return output.Fail(status);
  return output.FailAbsent(
      fmt::format("there is no database at {}; make one with kyroctl create or load --create",
                  Printable(request.db)));
}

Status CheckName(std::string_view keyspace) {
  constexpr std::size_t kNameBytesMax = 255;  // as Db::OpenKeyspace has it
  if (!keyspace.empty() && keyspace.size() <= kNameBytesMax) return Status::Ok();
  return Status(StatusCode::kInvalidArgument,
                fmt::format("a keyspace's name has 1 to {} bytes; this one has {}", kNameBytesMax,
                            keyspace.size()));
}

Result<KeyspaceInfo> FindKeyspace(const Db& db, std::string_view name) {
  auto keyspaces = db.ListKeyspaces();
  if (!keyspaces.ok()) return keyspaces.status();
  for (KeyspaceInfo& info : *keyspaces) {
    if (info.name == name) return std::move(info);
  }
  return Status::NotFound();
}

int FailToFind(const Db& db, const Status& status, const Request& request, Output& output) {
  if (status.code() != StatusCode::kNotFound) return output.Fail(status);
  std::string others;
  const auto keyspaces = db.ListKeyspaces();
  for (std::size_t i = 0; keyspaces.ok() && i < keyspaces->size(); ++i) {
    others += fmt::format("{}\"{}\"", i == 0 ? "" : ", ", Printable((*keyspaces)[i].name));
  }
  return output.FailAbsent(
      fmt::format("there is no keyspace \"{}\" (there {}); make it with kyroctl create",
                  Printable(request.keyspace), others.empty() ? "is none" : "is " + others));
}

int CloseAnd(Db& db, int code, Output& output) {
  const Status closed = db.Close();
  if (code != kExitOk || closed.ok()) return code;
  return output.Fail(closed);
}

}  // namespace kyro::kyroctl
