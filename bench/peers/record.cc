// SPDX-License-Identifier: Apache-2.0
#include "bench/peers/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "bench/commit.h"  // generated: KYRO_COMMIT
#include "bench/peers/meter.h"

namespace kyro::bench {
namespace {

std::string ToJson(const Record& record, const std::string& machine) {
  nlohmann::ordered_json line;
  line["engine"] = record.engine.name;
  line["state"] = record.engine.state;
  line["workload"] = WorkloadName(record.workload);
  if (!record.outcome.stage.empty()) line["stage"] = record.outcome.stage;
  line["dataset"] = record.dataset;
  line["n"] = record.n;
  line["value_bytes"] = record.shape.min;
  if (record.shape.max != record.shape.min) line["value_bytes_max"] = record.shape.max;
  line["repeat"] = record.repeat;
  if (record.outcome.not_offered.empty()) {
    line["ns_per_op"] = record.ns_per_op();
    line["ops"] = record.outcome.ops;
    line["verified"] = record.outcome.verified;
  } else {
    line["not_offered"] = record.outcome.not_offered;
  }
  if (!record.outcome.wrong.empty()) line["wrong"] = record.outcome.wrong;
  if (record.outcome.scaling > 0) line["scaling"] = record.outcome.scaling;
  if (record.workload == Workload::kOpenCold) line["cold_by"] = "posix_fadvise";
  line["bytes_on_disk"] = record.bytes_on_disk;
  line["peak_rss_bytes"] = record.peak_rss_bytes;
  for (const auto& [name, value] : record.facts) line["facts"][name] = value;
  line["machine"] = machine;
  line["commit"] = KYRO_COMMIT;
  line["seed"] = record.seed;
  line["section"] = record.section;
  return line.dump();
}

// "123.4 ns", "1.234 ms".
std::string Time(double nanos) {
  if (nanos < 10e3) return fmt::format("{:.1f} ns", nanos);
  if (nanos < 10e6) return fmt::format("{:.1f} us", nanos / 1e3);
  return fmt::format("{:.1f} ms", nanos / 1e6);
}

// Of one engine, or stage of kyro's way, and workload.
struct Row {
  std::string name;
  std::string not_offered;
  std::vector<double> times, scalings;
  std::uint64_t bytes_on_disk = 0, peak = 0;
};

std::vector<Row> RowsOf(const Results& results, const std::string& section, Workload workload) {
  std::vector<Row> rows;
  for (const Record& record : results.all()) {
    if (record.section != section || record.workload != workload) continue;
    const std::string& stage = record.outcome.stage;
    const std::string name = stage.empty() ? record.engine.text() : stage;
    auto at =
        std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.name == name; });
    if (at == rows.end()) at = rows.insert(at, Row{name, "", {}, {}});
    at->not_offered = record.outcome.not_offered;
    at->bytes_on_disk = record.bytes_on_disk;
    at->peak = record.peak_rss_bytes;
    if (record.outcome.not_offered.empty()) at->times.push_back(record.ns_per_op());
    if (record.outcome.scaling > 0) at->scalings.push_back(record.outcome.scaling);
  }
  return rows;
}

void PrintRow(std::string_view workload, const Row& row, std::optional<double> kyro) {
  fmt::print("{:<16.16} {:<22.22} ", workload, row.name);
  const std::optional<double> median = Median(row.times);
  if (!median) {
    fmt::print("not offered: {:.26}\n", row.not_offered);
    return;
  }
  const auto [low, high] = std::minmax_element(row.times.begin(), row.times.end());
  const std::string ratio = kyro ? fmt::format("{:.2f}x", *median / *kyro) : "";
  fmt::print("{:>11} {:>9} {:>6.0f}% ", Time(*median), ratio, 100 * (*high - *low) / *median);
  if (const auto scaling = Median(row.scalings)) {
    fmt::print("{:>9.2f}\n", *scaling);
  } else {
    fmt::print("{:>9.0f}\n", static_cast<double>(row.bytes_on_disk) / 1e6);
  }
}

}  // namespace

Results::Results(const std::string& path) : machine_(Machine()) {
  if (path.empty()) return;
  file_.open(path, std::ios::trunc);
  if (!file_) Give(path + " cannot be written");
}

void Results::Add(Record record) {
  if (file_.is_open()) {
    file_ << ToJson(record, machine_) << std::endl;
    if (!file_) Give("the results cannot be written");
  }
  all_.push_back(std::move(record));
}

std::optional<double> Median(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

void PrintSection(const Results& results, const std::string& section) {
  fmt::print("\n{}\n", section);
  fmt::print("{:<16} {:<22} {:>11} {:>9} {:>7} {:>9}\n", "workload", "engine", "median", "of kyro",
             "spread", "MB/scale");
  for (int i = 0; i < kWorkloads; ++i) {
    const auto workload = static_cast<Workload>(i);
    const std::vector<Row> rows = RowsOf(results, section, workload);
    std::optional<double> kyro;
    for (const Row& row : rows) {
      if (row.name == "kyro") kyro = Median(row.times);
    }
    for (const Row& row : rows) PrintRow(WorkloadName(workload), row, kyro);
  }
  std::fflush(stdout);
}

}  // namespace kyro::bench
