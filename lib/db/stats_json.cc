// SPDX-License-Identifier: Apache-2.0
//
// Stats as JSON.
#include <fmt/core.h>

#include <cmath>

#include "db/stats_fields.h"

namespace kyro {
namespace db {
namespace {

// Writes values; the caller writes keys and commas.
class JsonWriter {
 public:
  explicit JsonWriter(std::string* out) noexcept : out_(*out) {}

  void Write(std::uint64_t value) { Format("{}", value); }
  void Write(std::uint32_t value) { Format("{}", value); }
  void Write(bool value) { out_.append(value ? "true" : "false"); }
  void Write(StallReason value) { Quote(StallReasonName(value)); }
  void Write(KeyKind value) { Quote(value == KeyKind::kU64 ? "u64" : "bytes"); }
  void Write(const std::string& value) { Quote(AsUtf8(value)); }
  void Write(double value) {
    // JSON has no infinities.
    std::isfinite(value) ? Format("{}", value) : Format("null");
  }

  void Write(const Status& status) {
    Format("{{\"code\":\"{}\",\"message\":", StatusCodeName(status.code()));
    Quote(AsUtf8(status.message()));
    out_.append(",\"file\":");
    Quote(AsUtf8(status.file()));
    out_.append(",\"offset\":");
    status.offset() == Status::kNoOffset ? Format("null") : Format("{}", status.offset());
    out_.push_back('}');
  }

  void Write(const LatencyStats& latency) {
    Format("{{\"count\":{},\"sum_nanos\":{},\"min_nanos\":{},\"max_nanos\":{}", latency.count,
           latency.sum_nanos, latency.min_nanos, latency.max_nanos);
    Format(",\"p50_nanos\":{},\"p90_nanos\":{},\"p99_nanos\":{},\"p999_nanos\":{}",
           latency.Quantile(0.5), latency.Quantile(0.9), latency.Quantile(0.99),
           latency.Quantile(0.999));
    out_.append(",\"buckets\":");
    WriteList(latency.buckets, [this](const LatencyStats::Bucket& bucket) {
      Format("[{},{}]", bucket.upper_nanos, bucket.count);
    });
    out_.push_back('}');
  }

  void Write(const std::vector<std::string>& list) {
    WriteList(list, [this](const std::string& value) { Write(value); });
  }
  void Write(const std::vector<KeyspaceStats>& list) {
    WriteList(list, [this](const KeyspaceStats& value) { WriteObject(value, kKeyspaceFields); });
  }

  template <class Owner, std::size_t n>
  void WriteObject(const Owner& owner, const std::array<Field<Owner>, n>& fields) {
    char before = '{';
    for (const Field<Owner>& field : fields) {
      Format("{}\"{}\":", before, field.name);
      std::visit([&](const auto member) { Write(owner.*member); }, field.member);
      before = ',';
    }
    out_.push_back('}');
  }

 private:
  template <class... Args>
  void Format(fmt::format_string<Args...> format, Args&&... args) {
    out_ += fmt::format(format, std::forward<Args>(args)...);
  }

  template <class T, class WriteOne>
  void WriteList(const std::vector<T>& list, WriteOne&& write_one) {
    out_.push_back('[');
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (i > 0) out_.push_back(',');
      write_one(list[i]);
    }
    out_.push_back(']');
  }

  void Quote(std::string_view utf8) {
    out_.push_back('"');
    for (const char c : utf8) {
      if (static_cast<unsigned char>(c) < 0x20) {
        Format("\\u{:04x}", static_cast<unsigned char>(c));
        continue;
      }
      if (c == '"' || c == '\\') out_.push_back('\\');
      out_.push_back(c);
    }
    out_.push_back('"');
  }

  std::string& out_;
};

}  // namespace
}  // namespace db

std::string ToJson(const Stats& stats) noexcept {
  try {
    std::string json;
    db::JsonWriter(&json).WriteObject(stats, db::kStatsFields);
    return json;
  } catch (...) {  // memory: nothing else is thrown
    return std::string();
  }
}

}  // namespace kyro
