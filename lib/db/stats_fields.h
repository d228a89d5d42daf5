// SPDX-License-Identifier: Apache-2.0
//
// Every field of Stats and KeyspaceStats, once: what the encoders (stats_json.cc,
// stats_openmetrics.cc) walk and what the tests hold them to. A field that is added to one of the
// structs and not here does not compile.
#ifndef KYRO_DB_STATS_FIELDS_H_
#define KYRO_DB_STATS_FIELDS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "kyro/stats.h"

namespace kyro::db {

template <class Owner>
using Member = std::variant<std::uint64_t Owner::*, std::uint32_t Owner::*, double Owner::*,
                            bool Owner::*, std::string Owner::*, Status Owner::*,
                            StallReason Owner::*, KeyKind Owner::*, LatencyStats Owner::*,
                            std::vector<std::string> Owner::*, std::vector<KeyspaceStats> Owner::*>;

enum class MetricType : std::uint8_t {
  kNone,  // no metric of its own
  kGauge,
  kCounter,
  kStateSet,
  kHistogram,
};

template <class Owner>
struct Field {
  std::string_view name;  // the member's, and the key in JSON
  Member<Owner> member;
  MetricType type = MetricType::kNone;
  std::string_view metric{};  // the family's name behind its prefix; ends in the unit, if any
  std::string_view unit{};    // OpenMetrics' base unit
  std::string_view help{};
  // Of a count: divided by this to be in the unit. Of a histogram: its bounds are the powers of two
  // nanoseconds from 2^first to 2^last.
  std::uint64_t divisor = 1;
  int first = 0, last = 0;
};

// Becomes whatever an aggregate's next member is.
struct AnyMember {
  template <class T>
  constexpr operator T() const noexcept;  // NOLINT: implicit by intent
};

// The number of members of an aggregate: as many initializers as it takes and not one more.
template <class T, class... Members>
consteval std::size_t MemberCount() {
  if constexpr (requires { T{Members{}..., AnyMember{}}; }) {
    return MemberCount<T, Members..., AnyMember>();
  } else {
    return sizeof...(Members);
  }
}

inline constexpr std::size_t kStatsFieldCount = MemberCount<Stats>();
inline constexpr std::size_t kKeyspaceFieldCount = MemberCount<KeyspaceStats>();

extern const std::array<Field<Stats>, kStatsFieldCount> kStatsFields;
extern const std::array<Field<KeyspaceStats>, kKeyspaceFieldCount> kKeyspaceFields;

// The states of a stall, in the order of their values.
inline constexpr StallReason kStallReasons[] = {
    StallReason::kNone,      StallReason::kFlushBehind, StallReason::kFlushFailing,
    StallReason::kLogFailed, StallReason::kReadOnly,    StallReason::kClosed};

// `bytes` as UTF-8: what is not becomes \xNN as text.
std::string AsUtf8(std::string_view bytes);

}  // namespace kyro::db

#endif  // KYRO_DB_STATS_FIELDS_H_
