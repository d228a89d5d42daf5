// SPDX-License-Identifier: Apache-2.0
//
// What a run costs besides time, and where it ran.
#ifndef KYRO_BENCH_PEERS_METER_H_
#define KYRO_BENCH_PEERS_METER_H_

#include <cstdint>
#include <string>

namespace kyro::bench {

// Bytes of disk that the files in `directory` occupy; 0 if there is none.
std::uint64_t DiskBytes(const std::string& directory);

// Writes back and drops the files in `directory` from the page cache (posix_fadvise with
// POSIX_FADV_DONTNEED, per file). What is mapped stays: the store must be closed.
void DropCaches(const std::string& directory);
// Reads them whole.
void FillCaches(const std::string& directory);

// Memory of one of several engines that take turns in one process: what resident memory grew by
// while this one was at work, mapped files included.
class MemoryMeter {
 public:
  // This engine's turn begins.
  void Begin();
  // It ends.
  void End();
  // The most that it had at any time. Bytes.
  std::uint64_t peak() const { return peak_ > 0 ? static_cast<std::uint64_t>(peak_) : 0; }

 private:
  std::int64_t held_ = 0, peak_ = 0, before_ = 0;
};

// "AMD EPYC, 2 cores, 24 GB, Linux 6.1.0".
std::string Machine();

}  // namespace kyro::bench

#endif  // KYRO_BENCH_PEERS_METER_H_
