// SPDX-License-Identifier: Apache-2.0
#include "bench/peers/ycsb.h"

#include <algorithm>
#include <cmath>

#include "bench/bench.h"
#include "bench/peers/datasets.h"

namespace kyro::bench {
namespace {

constexpr double kTheta = 0.99;

using Kind = YcsbOp::Kind;

Kind KindOf(char which, std::uint64_t percent) {
  switch (which) {
    case 'a':
      return percent < 50 ? Kind::kRead : Kind::kUpdate;
    case 'b':
      return percent < 95 ? Kind::kRead : Kind::kUpdate;
    case 'd':
      return percent < 95 ? Kind::kRead : Kind::kInsert;
    case 'e':
      return percent < 95 ? Kind::kScan : Kind::kInsert;
    case 'f':
      return percent < 50 ? Kind::kRead : Kind::kReadModifyWrite;
    default:
      return Kind::kRead;
  }
}

}  // namespace

Zipf::Zipf(std::size_t count) : count_(std::max<std::size_t>(count, 2)), zeta_(0) {
  for (std::size_t i = 1; i <= count_; ++i) zeta_ += std::pow(static_cast<double>(i), -kTheta);
  half_ = std::pow(0.5, kTheta);
  alpha_ = 1 / (1 - kTheta);
  eta_ = (1 - std::pow(2.0 / static_cast<double>(count_), 1 - kTheta)) / (1 - (1 + half_) / zeta_);
}

std::size_t Zipf::Rank(double unit) const {
  const double part = unit * zeta_;
  if (part < 1) return 0;
  if (part < 1 + half_) return 1;
  const double rank = static_cast<double>(count_) * std::pow(eta_ * unit - eta_ + 1, alpha_);
  return std::min(static_cast<std::size_t>(rank), count_ - 1);
}

std::vector<YcsbOp> MakeYcsb(char which, const std::vector<std::uint64_t>& sorted,
                             const std::vector<std::uint64_t>& pool, std::size_t* inserted,
                             const Zipf& zipf, std::size_t count, std::uint64_t seed) {
  Numbers numbers(seed);
  std::vector<YcsbOp> ops(count);
  for (YcsbOp& op : ops) {
    op.kind = KindOf(which, numbers.Below(100));
    if (op.kind == Kind::kInsert && *inserted == pool.size()) op.kind = Kind::kRead;
    const std::size_t rank = zipf.Rank(numbers.Unit());
    if (op.kind == Kind::kInsert) {
      op.key = pool[(*inserted)++];
    } else if (which == 'd' && rank < *inserted) {
      op.key = pool[*inserted - 1 - rank];  // the latest are the most popular
    } else {
      op.key = sorted[Mix(rank + 1) % sorted.size()];  // popular ones lie anywhere
    }
    if (op.kind == Kind::kScan) op.rows = static_cast<std::uint8_t>(1 + numbers.Below(100));
  }
  return ops;
}

}  // namespace kyro::bench
