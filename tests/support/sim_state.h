// SPDX-License-Identifier: Apache-2.0
//
// What SimFs knows of the disk at one moment: for each file and directory what a reader sees, what
// is durable, and what lies between. A state changes only by applying events, so replaying a
// journal from the same start gives the same state. Not thread-safe; SimFs has the mutex.
//
// S1 A sector that is not in File::dirty reads the same from the page cache and from the device.
// S2 A directory's names are its durable names with every operation of `ops` applied in order.
// S3 Nodes are never removed: an open handle may refer to a file without a name.
// S4 Copies share nodes and blocks until one of them changes: a copy costs a pointer for each node.
#ifndef KYRO_TESTS_SUPPORT_SIM_STATE_H_
#define KYRO_TESTS_SUPPORT_SIM_STATE_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/seeded_random.h"
#include "support/sim_fs.h"

namespace kyro::support {

// A file's bytes in blocks that copies share until one of them writes.
class SimBytes {
 public:
  std::uint64_t size() const noexcept { return size_; }
  // Fills `to`; returns how many bytes were there.
  std::size_t Read(std::uint64_t offset, std::size_t bytes, char* to) const;
  std::string Read(std::uint64_t offset, std::size_t bytes) const;
  void Write(std::uint64_t offset, std::string_view bytes);  // grows with zeros if need be
  void Resize(std::uint64_t bytes);                          // what is added reads as zeros
  std::uint64_t Hash() const;                                // of the length and the bytes

 private:
  static constexpr std::size_t kBlockBytes = 4096;
  struct Block {
    Block() = default;
    Block(const Block& other);
    char bytes[kBlockBytes] = {};
    mutable std::atomic<std::uint64_t> hash{0};  // 0: not known
  };
  char* MutableBlock(std::size_t index);

  std::uint64_t size_ = 0;
  std::vector<std::shared_ptr<Block>> blocks_;  // null: zeros
};

using NodeId = std::uint64_t;
inline constexpr NodeId kNoNode = 0;
inline constexpr NodeId kRootNode = 1;

// An event as the journal keeps it: enough to apply it again.
struct SimRecord {
  SimOp op;
  NodeId node = kNoNode;   // the file; for names the directory they are in
  NodeId child = kNoNode;  // kCreate, kMakeDirectory, kLink: what the name stands for
  std::string name;
  std::string to_name;                       // kRename, kRenameDirectory
  std::uint64_t offset = 0;                  // kWrite; kTruncate: the new length
  std::shared_ptr<const std::string> bytes;  // kWrite, kTamper
  bool failed = false;                       // kSync, kSyncDirectory
  bool late = false;                         // kWrite: its writeback fails; kSync: one had failed
};

// PendingUnit as the state knows it.
struct SimUnit {
  PendingKind kind;
  NodeId node;               // the file or directory
  std::uint64_t number = 0;  // the sector, or the position among the directory's operations
  bool differs = true;       // old and new are not the same
};

class SimState {
 public:
  SimState();

  void Apply(const SimRecord& record);

  // kNoNode if absent.
  NodeId FindDirectory(const std::string& path) const;
  NodeId Find(NodeId directory, std::string_view name) const;
  NodeId next_node() const noexcept { return next_node_; }

  bool IsDirectory(NodeId node) const { return Get(node).is_directory; }
  const std::string& NameOf(NodeId node) const { return Get(node).name; }
  const std::map<std::string, NodeId, std::less<>>& Names(NodeId directory) const {
    return Get(directory).names;
  }
  std::uint64_t FileBytes(NodeId file) const { return Get(file).cached.size(); }
  std::size_t Read(NodeId file, std::uint64_t offset, std::size_t bytes, char* to) const {
    return Get(file).cached.Read(offset, bytes, to);
  }
  // What the device holds of what is not waiting to be written to it.
  std::size_t ReadDevice(NodeId file, std::uint64_t offset, std::size_t bytes, char* to) const;
  // The sum of the lengths of all files that have a name.
  std::uint64_t used_bytes() const noexcept { return used_bytes_; }
  // A writeback of the file failed, and no Sync has said so yet.
  bool HasLateError(NodeId file) const { return Get(file).late_error; }

  // What a restarted process finds. Files that no name can lead to are gone.
  SimState AfterKill() const;
  SimState AfterPowerCut(std::uint64_t seed, Unsynced unsynced) const;

  // What a power cut decides about, of files and directories that a name can lead to: by node; of
  // a file its length first.
  std::vector<SimUnit> Pending() const;
  // "create 000003.wal", "000003.wal sector 8".
  std::string Describe(const SimUnit& unit) const;
  // `fates` go with `units`, which Pending() returned.
  SimState AfterPowerCut(std::span<const SimUnit> units, std::span<const Fate> fates,
                         std::uint64_t seed) const;
  // Of every name and every byte that is there, and of what is durable of that which is pending.
  std::uint64_t Hash() const;

 private:
  struct DirtySector {
    std::vector<std::string> older;  // versions between the durable and the cached one
    bool lost = false;               // a Sync failed since it was written
  };
  enum class NameState : std::uint8_t { kPending, kLost, kSynced };
  struct NameOp {
    SimOp op;  // kCreate stands for every operation that adds a name
    std::string name;
    std::string to_name;
    NodeId child;
    NameState state = NameState::kPending;
  };
  struct Node {
    bool is_directory = false;
    std::string name;  // the file's newest name, or the directory's path
    std::uint64_t links = 0;
    // Of a file:
    SimBytes cached, durable;
    std::map<std::uint64_t, DirtySector> dirty;
    std::vector<std::uint64_t> lengths;  // taken since the durable one, the newest last
    bool length_lost = false;
    bool late_error = false;
    // Of a directory:
    std::map<std::string, NodeId, std::less<>> names, durable_names;
    std::vector<NameOp> ops;
  };
  class PowerCut;

  const Node& Get(NodeId node) const { return *nodes_[node]; }
  Node& Mutable(NodeId node);
  void AddNode(NodeId node, bool is_directory);
  void ApplyName(const SimRecord& record);
  void ApplyNameOp(std::map<std::string, NodeId, std::less<>>* names, const NameOp& op) const;
  void SetLinks(NodeId node, bool add);
  void SetCachedBytes(Node* file, std::uint64_t bytes);
  static void MarkDirty(Node* file, std::uint64_t offset, std::uint64_t bytes);
  void Write(NodeId node, std::uint64_t offset, std::string_view bytes);
  void Truncate(NodeId node, std::uint64_t bytes);
  void Tamper(NodeId node, const std::string& bytes);
  static void SyncFile(Node* file, bool failed);
  static void SyncDirectory(Node* directory, bool failed);
  static void LoseBytes(Node* file);
  // A power cut's end of the directory: of its operations, those chosen.
  void KeepNames(const std::vector<bool>& chosen, Node* directory) const;
  std::vector<bool> Reachable() const;
  void KeepReachable();
  void Recount();

  NodeId next_node_ = kRootNode + 1;
  std::uint64_t used_bytes_ = 0;
  std::vector<std::shared_ptr<Node>> nodes_;  // by number; null: gone
};

}  // namespace kyro::support

#endif  // KYRO_TESTS_SUPPORT_SIM_STATE_H_
