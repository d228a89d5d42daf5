// SPDX-License-Identifier: Apache-2.0
#include "proofs/power/disk.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

namespace kyro::proofs {
namespace {

constexpr off_t kDiskBytes = off_t{64} << 20;
constexpr unsigned long kShutdown = _IOR('X', 125, std::uint32_t);  // EXT4_IOC_SHUTDOWN
constexpr std::array<const char*, 3> kMakers = {"/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4",
                                                "/usr/local/sbin/mkfs.ext4"};
constexpr int kLoopMajor = 7;

[[noreturn]] void Fatal(const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(2);
}

void Check(bool good, const std::string& what) {
  if (!good) Fatal(what);
}

const char* Maker() {
  for (const char* path : kMakers) {
    if (::access(path, X_OK) == 0) return path;
  }
  return nullptr;
}

void MakeFileSystem(int image) {
  const std::string path = "/proc/self/fd/" + std::to_string(image);
  const pid_t child = ::fork();
  Check(child >= 0, "fork");
  if (child == 0) {
    ::execl(Maker(), "mkfs.ext4", "-q", "-F", "-b", "4096", "-J", "size=4", "-m", "0", path.c_str(),
            nullptr);
    ::_exit(127);
  }
  int status = 0;
  Check(::waitpid(child, &status, 0) == child && status == 0, "mkfs.ext4");
}

std::string ImageName(int process) {
  return "kyro-power-" + std::to_string(process);
}

// The device node may be missing where /dev is not the kernel's own.
int OpenLoop(int number, std::string* path) {
  *path = "/dev/loop" + std::to_string(number);
  if (::access(path->c_str(), F_OK) != 0) {
    (void)::mknod(path->c_str(), S_IFBLK | 0600, makedev(kLoopMajor, number));
  }
  return ::open(path->c_str(), O_RDWR | O_CLOEXEC);
}

}  // namespace

std::string WhyNoPowerCuts() {
  if (::geteuid() != 0) return "not root";
  if (::access("/dev/loop-control", R_OK | W_OK) != 0) return "no /dev/loop-control";
  if (Maker() == nullptr) return "no mkfs.ext4 (package e2fsprogs)";
  std::ifstream known("/proc/filesystems");
  for (std::string line; std::getline(known, line);) {
    if (line.ends_with("ext4")) return "";
  }
  return "the kernel has no ext4";
}

PowerDisk::PowerDisk(std::string point) : point_(std::move(point)) {
  Check(::unshare(CLONE_NEWNS) == 0, "unshare(CLONE_NEWNS)");
  Check(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "mount --make-rprivate");
  const int image = ::memfd_create(ImageName(::getpid()).c_str(), 0);
  Check(image >= 0 && ::ftruncate(image, kDiskBytes) == 0, "memfd_create");
  MakeFileSystem(image);
  Attach(image);
  ::close(image);
}

void PowerDisk::Attach(int image) {
  const int control = ::open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  Check(control >= 0, "/dev/loop-control");
  // Another process may take the device between the question and the answer.
  for (int attempt = 0; attempt < 100; ++attempt) {
    const int number = ::ioctl(control, LOOP_CTL_GET_FREE);
    Check(number >= 0, "LOOP_CTL_GET_FREE");
    loop_ = OpenLoop(number, &device_);
    Check(loop_ >= 0, device_);
    if (::ioctl(loop_, LOOP_SET_FD, image) == 0) break;
    Check(errno == EBUSY, "LOOP_SET_FD");
    ::close(std::exchange(loop_, -1));
  }
  Check(loop_ >= 0, "no free loop device");
  loop_info64 info;
  std::memset(&info, 0, sizeof(info));
  info.lo_flags = LO_FLAGS_AUTOCLEAR;
  Check(::ioctl(loop_, LOOP_SET_STATUS64, &info) == 0, "LOOP_SET_STATUS64");
  ::close(control);
}

PowerDisk::~PowerDisk() {
  if (mounted_) Unmount();
  ::close(loop_);
}

void PowerDisk::Mount(const std::string& options) {
  Check(::mount(device_.c_str(), point_.c_str(), "ext4", MS_NOATIME | MS_NODEV | MS_NOSUID,
                options.c_str()) == 0,
        "mount -o " + options);
  mounted_ = true;
}

void PowerDisk::Unmount() {
  Check(::umount2(point_.c_str(), 0) == 0, "umount");
  mounted_ = false;
}

void PowerDisk::CutPower(Journal journal) {
  const int fd = ::open(point_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  Check(fd >= 0, point_);
  auto flags = static_cast<std::uint32_t>(journal);
  Check(::ioctl(fd, kShutdown, &flags) == 0, "EXT4_IOC_SHUTDOWN");
  ::close(fd);
}

void PowerDisk::Sync() {
  const int fd = ::open(point_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  Check(fd >= 0 && ::syncfs(fd) == 0, "syncfs");
  ::close(fd);
}

void PowerDisk::CommitJournal() {
  const std::string path = point_ + "/commit";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  Check(fd >= 0 && ::fsync(fd) == 0, "fsync");
  ::close(fd);
}

void PowerDisk::Clear() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(point_)) {
    if (entry.path().filename() == "lost+found") continue;
    std::filesystem::remove_all(entry.path(), error);
    Check(!error, entry.path());
  }
  Sync();
}

std::size_t CountDisksOf(int process) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/block")) {
    std::ifstream file(entry.path() / "loop/backing_file");
    std::string line;
    if (std::getline(file, line) && line.find(ImageName(process) + " ") != line.npos) ++count;
  }
  return count;
}

}  // namespace kyro::proofs
