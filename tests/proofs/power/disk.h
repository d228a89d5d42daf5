// SPDX-License-Identifier: Apache-2.0
//
// A real ext4 on a loop device whose power can be cut: EXT4_IOC_SHUTDOWN stops the file system
// dead, what it had not handed to the device is lost, and the next mount replays its journal.
//
// Nothing of it outlives the process, however that ends. The device's bytes are a memfd; the loop
// device is detached by the kernel with its last user (LO_FLAGS_AUTOCLEAR); the mount lies in a
// mount namespace of this process and its children.
#ifndef KYRO_TESTS_PROOFS_POWER_DISK_H_
#define KYRO_TESTS_PROOFS_POWER_DISK_H_

#include <cstdint>
#include <string>

namespace kyro::proofs {

// Whether what the file system's journal holds in memory goes with the power, or is written out
// before (as if the journal had been committed just then).
enum class Journal : std::uint32_t { kFlushed = 1, kLost = 2 };

// Why this machine cannot do it; empty if it can.
std::string WhyNoPowerCuts();

// One thread. All but the queries print what failed and end the process with status 2: a harness
// that does not work proves nothing.
class PowerDisk {
 public:
  // Makes the file system. `point` is an empty directory. This process gets a mount namespace.
  explicit PowerDisk(std::string point);
  ~PowerDisk();
  PowerDisk(const PowerDisk&) = delete;
  PowerDisk& operator=(const PowerDisk&) = delete;

  const std::string& point() const { return point_; }
  const std::string& device() const { return device_; }

  void Mount(const std::string& options);
  void Unmount();
  // With the mount in use.
  void CutPower(Journal journal);
  // What there is becomes durable.
  void Sync();
  // Commits the journal, as it would have happened by itself within seconds: names and sizes become
  // durable, bytes that wait for their place on the disk do not.
  void CommitJournal();
  // Removes all files, durably.
  void Clear();

 private:
  void Attach(int image);
  const std::string point_;
  std::string device_;
  int loop_ = -1;
  bool mounted_ = false;
};

// The loop devices that lie over an image of `process`.
std::size_t CountDisksOf(int process);

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_POWER_DISK_H_
