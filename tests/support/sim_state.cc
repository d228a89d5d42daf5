// SPDX-License-Identifier: Apache-2.0
#include "support/sim_state.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/limits.h"

namespace kyro::support {
namespace {
// More versions of a sector than this between two syncs add nothing to what a test can see.
constexpr std::size_t kOlderVersionsMax = 4;
}  // namespace

SimState::SimState() {
  AddNode(kRootNode, true);
  Node& root = Mutable(kRootNode);
  root.name = "/";
  root.links = 1;
}

void SimState::AddNode(NodeId node, bool is_directory) {
  if (nodes_.size() <= node) nodes_.resize(node + 1);
  nodes_[node] = std::make_shared<Node>();
  nodes_[node]->is_directory = is_directory;
  next_node_ = std::max(next_node_, node + 1);
}

SimState::Node& SimState::Mutable(NodeId node) {
  std::shared_ptr<Node>& own = nodes_[node];
  if (own.use_count() > 1) own = std::make_shared<Node>(*own);  // S4
  return *own;
}

void SimState::Apply(const SimRecord& record) {
  switch (record.op) {
    case SimOp::kWrite:
      Write(record.node, record.offset, *record.bytes);
      if (record.late) LoseBytes(&Mutable(record.node));
      return;
    case SimOp::kTruncate:
      return Truncate(record.node, record.offset);
    case SimOp::kSync:
      // A late error is of what was lost before: this Sync saves the rest.
      SyncFile(&Mutable(record.node), record.failed && !record.late);
      return;
    case SimOp::kSyncDirectory:
      return SyncDirectory(&Mutable(record.node), record.failed);
    case SimOp::kTamper:
      return Tamper(record.node, *record.bytes);
    case SimOp::kCreate:
    case SimOp::kMakeDirectory:
    case SimOp::kLink:
    case SimOp::kUnlink:
    case SimOp::kRename:
    case SimOp::kRenameDirectory:
      return ApplyName(record);
  }
}

// --- Names ---

NodeId SimState::FindDirectory(const std::string& path) const {
  NodeId node = kRootNode;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view name(path.data() + begin, end - begin);
    begin = end + 1;
    if (name.empty() || name == ".") continue;
    node = Find(node, name);
    if (node == kNoNode || !IsDirectory(node)) return kNoNode;
  }
  return node;
}

NodeId SimState::Find(NodeId directory, std::string_view name) const {
  const auto& names = Get(directory).names;
  const auto it = names.find(name);
  return it == names.end() ? kNoNode : it->second;
}

void SimState::SetLinks(NodeId node, bool add) {
  Node& file = Mutable(node);
  const bool had_name = file.links > 0;
  file.links += add ? 1 : std::uint64_t{0} - 1;
  if (file.is_directory || had_name == (file.links > 0)) return;
  used_bytes_ += add ? file.cached.size() : std::uint64_t{0} - file.cached.size();
}

void SimState::ApplyName(const SimRecord& record) {
  const bool adds = record.op == SimOp::kCreate || record.op == SimOp::kMakeDirectory ||
                    record.op == SimOp::kLink;
  if (record.op == SimOp::kCreate || record.op == SimOp::kMakeDirectory) {
    AddNode(record.child, record.op == SimOp::kMakeDirectory);
  }
  const bool renames = record.op == SimOp::kRename || record.op == SimOp::kRenameDirectory;
  const NameOp op{adds      ? SimOp::kCreate
                  : renames ? SimOp::kRename
                            : SimOp::kUnlink,
                  record.name, record.to_name,
                  adds ? record.child : Find(record.node, record.name)};
  Node& directory = Mutable(record.node);
  const NodeId replaced = renames ? Find(record.node, record.to_name) : kNoNode;
  ApplyNameOp(&directory.names, op);
  directory.ops.push_back(op);
  if (adds) SetLinks(op.child, true);
  if (record.op == SimOp::kUnlink) SetLinks(op.child, false);
  if (replaced != kNoNode && replaced != op.child) SetLinks(replaced, false);

  Node& child = Mutable(op.child);
  const std::string& name = renames ? record.to_name : record.name;
  child.name = !child.is_directory        ? name
               : record.node == kRootNode ? "/" + name
                                          : directory.name + "/" + name;
}

// Both names of one file: rename does nothing, as in POSIX.
void SimState::ApplyNameOp(std::map<std::string, NodeId, std::less<>>* names,
                           const NameOp& op) const {
  switch (op.op) {
    case SimOp::kCreate:
      (*names)[op.name] = op.child;
      return;
    case SimOp::kRename: {
      const auto to = names->find(op.to_name);
      if (to != names->end() && to->second == op.child) return;
      const auto from = names->find(op.name);
      if (from != names->end() && from->second == op.child) names->erase(from);
      (*names)[op.to_name] = op.child;
      return;
    }
    default:
      names->erase(op.name);
  }
}

void SimState::SyncDirectory(Node* directory, bool failed) {
  for (NameOp& op : directory->ops) {
    if (op.state == NameState::kPending) {
      op.state = failed ? NameState::kLost : NameState::kSynced;
    }
  }
  if (failed) return;
  // A synced operation behind a lost one stays in the list, so that S2 keeps its order.
  auto& ops = directory->ops;
  const auto kept = std::find_if(ops.begin(), ops.end(),
                                 [](const NameOp& op) { return op.state != NameState::kSynced; });
  if (kept == ops.end()) {
    directory->durable_names = directory->names;
    ops.clear();
  }
}

// --- Bytes ---

void SimState::MarkDirty(Node* file, std::uint64_t offset, std::uint64_t bytes) {
  if (bytes == 0) return;
  for (std::uint64_t sector = offset / kSectorBytes; sector * kSectorBytes < offset + bytes;
       ++sector) {
    const auto [it, inserted] = file->dirty.try_emplace(sector);
    it->second.lost = false;
    if (inserted || it->second.older.size() >= kOlderVersionsMax) continue;
    std::string version = file->cached.Read(sector * kSectorBytes, kSectorBytes);
    version.resize(kSectorBytes);
    it->second.older.push_back(std::move(version));
  }
}

void SimState::SetCachedBytes(Node* file, std::uint64_t bytes) {
  if (file->links > 0) used_bytes_ += bytes - file->cached.size();
  file->cached.Resize(bytes);
  file->lengths.push_back(bytes);
  file->length_lost = false;
}

void SimState::Write(NodeId node, std::uint64_t offset, std::string_view bytes) {
  Node& file = Mutable(node);
  const std::uint64_t end = offset + bytes.size();
  MarkDirty(&file, offset, bytes.size());
  if (end > file.cached.size()) SetCachedBytes(&file, end);
  // Writing past the durable length dirties the length again, also after a Sync that lost it.
  if (end > file.durable.size()) file.length_lost = false;
  file.cached.Write(offset, bytes);
}

void SimState::Truncate(NodeId node, std::uint64_t bytes) {
  Node& file = Mutable(node);
  const std::uint64_t old_bytes = file.cached.size();
  if (bytes < old_bytes) MarkDirty(&file, bytes, old_bytes - bytes);
  if (bytes != old_bytes) SetCachedBytes(&file, bytes);
}

void SimState::Tamper(NodeId node, const std::string& bytes) {
  Node& file = Mutable(node);
  if (file.links > 0) used_bytes_ += bytes.size() - file.cached.size();
  file.cached = SimBytes();
  file.cached.Write(0, bytes);
  file.durable = file.cached;
  file.dirty.clear();
  file.lengths.clear();
  file.length_lost = false;
}

// The pages become clean without being on the disk; the next Sync says so.
void SimState::LoseBytes(Node* file) {
  SyncFile(file, true);
  file->late_error = true;
}

void SimState::SyncFile(Node* file, bool failed) {
  file->late_error = false;
  if (failed) {
    for (auto& [sector, dirty] : file->dirty) dirty.lost = true;
    file->length_lost = file->length_lost || !file->lengths.empty();
    return;
  }
  if (!file->length_lost) {
    file->durable.Resize(file->cached.size());
    file->lengths.clear();
  }
  for (auto it = file->dirty.begin(); it != file->dirty.end();) {
    if (it->second.lost) {
      ++it;
      continue;
    }
    const std::uint64_t offset = it->first * kSectorBytes;
    if (offset < file->durable.size()) {
      std::string sector = file->cached.Read(offset, kSectorBytes);
      sector.resize(std::min<std::uint64_t>(kSectorBytes, file->durable.size() - offset));
      file->durable.Write(offset, sector);
    }
    it = file->dirty.erase(it);
  }
}

std::size_t SimState::ReadDevice(NodeId node, std::uint64_t offset, std::size_t bytes,
                                 char* to) const {
  const Node& file = Get(node);
  const std::size_t read = file.cached.Read(offset, bytes, to);
  if (read == 0) return 0;
  for (auto it = file.dirty.lower_bound(offset / kSectorBytes);
       it != file.dirty.end() && it->first * kSectorBytes < offset + read; ++it) {
    if (!it->second.lost) continue;
    const std::uint64_t begin = std::max<std::uint64_t>(offset, it->first * kSectorBytes);
    const std::uint64_t end =
        std::min<std::uint64_t>(offset + read, (it->first + 1) * kSectorBytes);
    std::string sector = file.durable.Read(begin, end - begin);
    sector.resize(end - begin);
    sector.copy(to + (begin - offset), sector.size());
  }
  return read;
}

// --- After a crash ---

std::vector<bool> SimState::Reachable() const {
  std::vector<bool> reached(nodes_.size());
  std::vector<NodeId> todo{kRootNode};
  reached[kRootNode] = true;
  const auto reach = [&](NodeId node) {
    if (reached[node]) return;
    reached[node] = true;
    if (Get(node).is_directory) todo.push_back(node);
  };
  while (!todo.empty()) {
    const Node& node = Get(todo.back());
    todo.pop_back();
    for (const auto& [name, child] : node.names) reach(child);
    for (const auto& [name, child] : node.durable_names) reach(child);
    for (const NameOp& op : node.ops) reach(op.child);
  }
  return reached;
}

void SimState::KeepReachable() {
  const std::vector<bool> reached = Reachable();
  for (NodeId node = 0; node < nodes_.size(); ++node) {
    if (!reached[node]) nodes_[node] = nullptr;
  }
}

// Changes only what is not so already: see S4.
void SimState::Recount() {
  std::vector<std::uint64_t> links(nodes_.size());
  links[kRootNode] = 1;
  for (NodeId node = 0; node < nodes_.size(); ++node) {
    if (nodes_[node] == nullptr) continue;
    const std::shared_ptr<Node> directory = nodes_[node];
    for (const auto& [name, child] : directory->names) {
      ++links[child];
      if (!Get(child).is_directory && Get(child).name != name) Mutable(child).name = name;
    }
  }
  used_bytes_ = 0;
  for (NodeId node = 0; node < nodes_.size(); ++node) {
    if (nodes_[node] == nullptr) continue;
    if (Get(node).links != links[node]) Mutable(node).links = links[node];
    if (links[node] > 0) used_bytes_ += Get(node).cached.size();
  }
}

SimState SimState::AfterKill() const {
  SimState after = *this;
  after.KeepReachable();
  after.Recount();
  return after;
}

}  // namespace kyro::support
