// SPDX-License-Identifier: Apache-2.0
//
// The operations of the YCSB core workloads A to F (Cooper et al., "Benchmarking Cloud Serving
// Systems with YCSB", 2010), with zipfian popularity of constant 0.99. A record's value follows
// from its key, so an update writes the bytes that are there already, and every read is checked.
#ifndef KYRO_BENCH_PEERS_YCSB_H_
#define KYRO_BENCH_PEERS_YCSB_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kyro::bench {

struct YcsbOp {
  enum class Kind : std::uint8_t { kRead, kUpdate, kInsert, kScan, kReadModifyWrite };
  std::uint64_t key = 0;
  Kind kind = Kind::kRead;
  std::uint8_t rows = 0;  // of a scan: 1 to 100
};

// Ranks below `count` with probability proportional to 1 / (rank + 1)^0.99, by the method of Gray
// et al., "Quickly Generating Billion-Record Synthetic Databases", 1994.
class Zipf {
 public:
  explicit Zipf(std::size_t count);
  // `unit` is uniform in [0, 1).
  std::size_t Rank(double unit) const;

 private:
  std::size_t count_;
  double zeta_, alpha_, eta_, half_;
};

// `count` operations of workload 'a' to 'f' on a store that holds `sorted`, and before the first
// operation also the first `*inserted` of `pool`; inserts take the next ones and advance it.
std::vector<YcsbOp> MakeYcsb(char which, const std::vector<std::uint64_t>& sorted,
                             const std::vector<std::uint64_t>& pool, std::size_t* inserted,
                             const Zipf& zipf, std::size_t count, std::uint64_t seed);

// One operation of so many inserts.
inline constexpr std::size_t kYcsbInsertEvery = 20;

}  // namespace kyro::bench

#endif  // KYRO_BENCH_PEERS_YCSB_H_
