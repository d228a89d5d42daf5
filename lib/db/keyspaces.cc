// SPDX-License-Identifier: Apache-2.0
//
// Making, listing and dropping keyspaces: edits of the manifest.
#include <functional>
#include <utility>

#include "base/planted.h"
#include "base/status_util.h"
#include "db/core.h"

namespace kyro::db {

Result<KeyspaceInfo> Core::OpenKeyspace(std::string_view name, KeyKind kind) {
  KYRO_RETURN_IF_ERROR(CheckOpen());
  if (name.empty() || name.size() > kKeyspaceNameBytesMax) {
    return Error(StatusCode::kInvalidArgument, "keyspace name of {} bytes, want 1 to {}",
                 name.size(), kKeyspaceNameBytesMax);
  }
  MutexLock lock(&keyspace_mutex_);
  const manifest::Manifest manifest = installer_->manifest();
  for (const manifest::KeyspaceRef& keyspace : manifest.keyspaces) {
    if (keyspace.name != name) continue;
    if (keyspace.kind == kind) return KeyspaceInfo{keyspace.name, keyspace.id, keyspace.kind};
    return Error(StatusCode::kKeyspaceMismatch, "keyspace \"{}\" has {} keys, not {}", name,
                 keyspace.kind == KeyKind::kU64 ? "U64" : "Bytes",
                 kind == KeyKind::kU64 ? "U64" : "Bytes");
  }
  if (options_.read_only) return Status::NotFound();
  KYRO_RETURN_IF_ERROR(CheckWritable());
  if (manifest.keyspaces.size() >= kKeyspacesMax) {
    return Error(StatusCode::kResourceExhausted, "{} keyspaces are the most", kKeyspacesMax);
  }
  if (manifest.next_keyspace > kKeyspaceIdMax) {
    return Error(StatusCode::kResourceExhausted, "keyspace ids up to {} were used", kKeyspaceIdMax);
  }
  KeyspaceInfo info{std::string(name), 0, kind};
  KYRO_RETURN_IF_ERROR(installer_->InstallCommit([&](manifest::Manifest* next) {
    info.id = next->next_keyspace++;
    if (KYRO_PLANTED(kKeyspaceIdReused) && !next->keyspaces.empty()) {
      info.id = next->keyspaces.back().id + 1;
    }
    next->keyspaces.push_back({info.id, kind, info.name, {}});
    return Status::Ok();
  }));
  return info;
}

Result<std::vector<KeyspaceInfo>> Core::ListKeyspaces() const {
  KYRO_RETURN_IF_ERROR(CheckOpen());
  std::vector<KeyspaceInfo> list;
  for (const manifest::KeyspaceRef& keyspace : installer_->manifest().keyspaces) {
    list.push_back({keyspace.name, keyspace.id, keyspace.kind});
  }
  return list;
}

// The log may still hold rows of the keyspace, and so may the deltas: replay and flush leave out
// what the manifest does not name. What was acknowledged before is made durable first, so that the
// drop never outlives it (G3).
Status Core::DropKeyspace(std::string_view name) {
  KYRO_RETURN_IF_ERROR(CheckWritable());
  MutexLock lock(&keyspace_mutex_);
  std::uint32_t id = 0;
  for (const manifest::KeyspaceRef& keyspace : installer_->manifest().keyspaces) {
    if (keyspace.name == name) id = keyspace.id;
  }
  if (id == 0) return Status::NotFound();
  KYRO_RETURN_IF_ERROR(commit_->Refuse(id, Dropped()));
  bool either = false;  // a crash may leave it or not
  // Also when memory runs out: a keyspace that is not dropped is written to again.
  const auto drop = [&]() -> Status {
    if (!KYRO_PLANTED(kDropUnsynced)) KYRO_RETURN_IF_ERROR(log_->Sync());
    Status installed = installer_->InstallCommit([id](manifest::Manifest* next) {
      std::erase_if(next->keyspaces, [id](const auto& keyspace) { return keyspace.id == id; });
      return Status::Ok();
    });
    if (KYRO_PLANTED(kDropIsDefinite) && installed.code() == StatusCode::kUnknownOutcome) {
      return Status(StatusCode::kIoError, installed.message(), installed.file());
    }
    either = installed.code() == StatusCode::kUnknownOutcome;
    return installed;
  };
  const Status status = Guarded([&] { return commit_->RunExclusive(std::cref(drop)); });
  if (status.ok()) {
    upkeep_->MaintainSoon();  // its files go when nobody reads them any more
  } else if (!either && !KYRO_PLANTED(kDropKeepsRefusing)) {
    commit_->Accept(id);  // it is certainly still there
  }
  return status;
}

}  // namespace kyro::db
