// SPDX-License-Identifier: Apache-2.0
//
// Stats as OpenMetrics 1.0 text: families in the order of their fields, each with its type, unit
// and help; samples of one family side by side; names unique; an end mark.
#include <fmt/core.h>

#include <cmath>

#include "db/stats_fields.h"
#include "kyro/version.h"

namespace kyro {
namespace db {
namespace {

constexpr double kNanosPerSecond = 1e9;

std::string_view TypeName(MetricType type) noexcept {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kStateSet:
      return "stateset";
    case MetricType::kHistogram:
      return "histogram";
    case MetricType::kGauge:
    case MetricType::kNone:
      break;
  }
  return "gauge";
}

// A label's value: any UTF-8, with three characters escaped.
std::string Label(std::string_view bytes) {
  std::string label;
  for (const char c : AsUtf8(bytes)) {
    if (c == '\n') {
      label.append("\\n");
      continue;
    }
    if (c == '"' || c == '\\') label.push_back('\\');
    label.push_back(c);
  }
  return label;
}

std::string Number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

class MetricsWriter {
 public:
  explicit MetricsWriter(std::string* out) noexcept : out_(*out) {}

  void WriteAll(const Stats& stats) {
    out_.append("# TYPE kyro info\n# HELP kyro The library.\n");
    Format("kyro_info{{version=\"{}\"}} 1\n", KYRO_VERSION);
    for (const Field<Stats>& field : kStatsFields) {
      if (field.type == MetricType::kNone) continue;
      Head(field.metric, field.type, field.unit, field.help);
      std::visit([&](const auto member) { Sample(field, stats.*member); }, field.member);
    }
    WriteKeyspaces(stats.keyspaces);
    out_.append("# EOF\n");
  }

 private:
  template <class... Args>
  void Format(fmt::format_string<Args...> format, Args&&... args) {
    out_ += fmt::format(format, std::forward<Args>(args)...);
  }

  void Head(std::string_view name, MetricType type, std::string_view unit, std::string_view help) {
    Format("# TYPE kyro_{} {}\n", name, TypeName(type));
    if (!unit.empty()) Format("# UNIT kyro_{} {}\n", name, unit);
    Format("# HELP kyro_{} {}.\n", name, help);
  }

  // The family's name as a sample has it.
  static std::string NameOf(const Field<Stats>& field) {
    return fmt::format("kyro_{}{}", field.metric,
                       field.type == MetricType::kCounter ? "_total" : "");
  }

  void Sample(const Field<Stats>& field, std::uint64_t value) {
    if (field.divisor == 1) return Format("{} {}\n", NameOf(field), value);
    const double scaled = static_cast<double>(value) / static_cast<double>(field.divisor);
    Format("{} {}\n", NameOf(field), Number(scaled));
  }
  void Sample(const Field<Stats>& field, std::uint32_t value) {
    Sample(field, std::uint64_t{value});
  }
  void Sample(const Field<Stats>& field, double value) {
    Format("{} {}\n", NameOf(field), Number(value));
  }
  void Sample(const Field<Stats>& field, bool value) { Sample(field, std::uint64_t{value}); }
  void Sample(const Field<Stats>& field, const Status& status) {
    Format("{}{{code=\"{}\"}} {}\n", NameOf(field), StatusCodeName(status.code()),
           status.ok() ? 0 : 1);
  }
  void Sample(const Field<Stats>& field, StallReason value) {
    for (const StallReason reason : kStallReasons) {
      Format("kyro_{}{{kyro_{}=\"{}\"}} {}\n", field.metric, field.metric, StallReasonName(reason),
             reason == value ? 1 : 0);
    }
  }
  void Sample(const Field<Stats>& field, const std::vector<std::string>& list) {
    Sample(field, std::uint64_t{list.size()});
  }
  // Not met: they have no metric.
  void Sample(const Field<Stats>&, const std::string&) {}
  void Sample(const Field<Stats>&, KeyKind) {}
  void Sample(const Field<Stats>&, const std::vector<KeyspaceStats>&) {}

  // The bounds are powers of two nanoseconds, at which the counts are exact.
  void Sample(const Field<Stats>& field, const LatencyStats& latency) {
    std::size_t next = 0;
    std::uint64_t seen = 0;
    for (int power = field.first; power <= field.last; ++power) {
      const std::uint64_t bound = std::uint64_t{1} << power;
      for (; next < latency.buckets.size() && latency.buckets[next].upper_nanos <= bound; ++next) {
        seen += latency.buckets[next].count;
      }
      Format("kyro_{}_bucket{{le=\"{}\"}} {}\n", field.metric,
             Number(static_cast<double>(bound) / kNanosPerSecond), seen);
    }
    for (; next < latency.buckets.size(); ++next) seen += latency.buckets[next].count;
    Format("kyro_{}_bucket{{le=\"+Inf\"}} {}\n", field.metric, seen);
    Format("kyro_{}_sum {}\n", field.metric,
           Number(static_cast<double>(latency.sum_nanos) / kNanosPerSecond));
    Format("kyro_{}_count {}\n", field.metric, seen);
  }

  void WriteKeyspaces(const std::vector<KeyspaceStats>& keyspaces) {
    if (keyspaces.empty()) return;
    out_.append("# TYPE kyro_keyspace info\n# HELP kyro_keyspace The keyspaces.\n");
    // Two names that are not UTF-8 may look alike: the id tells them apart.
    std::vector<std::string> labels;
    for (const KeyspaceStats& keyspace : keyspaces) {
      labels.push_back(fmt::format("keyspace=\"{}\",id=\"{}\"", Label(keyspace.name), keyspace.id));
      Format("kyro_keyspace_info{{{},keys=\"{}\"}} 1\n", labels.back(),
             keyspace.kind == KeyKind::kU64 ? "u64" : "bytes");
    }
    for (const Field<KeyspaceStats>& field : kKeyspaceFields) {
      const auto* const member = std::get_if<std::uint64_t KeyspaceStats::*>(&field.member);
      if (field.type == MetricType::kNone || member == nullptr) continue;
      Head(field.metric, field.type, field.unit, field.help);
      for (std::size_t i = 0; i < keyspaces.size(); ++i) {
        Format("kyro_{}{{{}}} {}\n", field.metric, labels[i], keyspaces[i].**member);
      }
    }
  }

  std::string& out_;
};

}  // namespace
}  // namespace db

std::string ToOpenMetrics(const Stats& stats) noexcept {
  try {
    std::string text;
    db::MetricsWriter(&text).WriteAll(stats);
    return text;
  } catch (...) {  // memory: nothing else is thrown
    return std::string();
  }
}

}  // namespace kyro
