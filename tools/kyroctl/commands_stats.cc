// SPDX-License-Identifier: Apache-2.0
//
// stats: every field of Stats, for people, as JSON or as OpenMetrics text.
#include <fmt/format.h>

#include <string>

#include "kyro/db.h"
#include "kyroctl/listing.h"
#include "kyroctl/open.h"
#include "kyroctl/request.h"
#include "kyroctl/text.h"
#include "kyroctl/verbs.h"

namespace kyro::kyroctl {
namespace {

constexpr std::size_t kNameColumns = 26;

std::string Duration(std::uint64_t nanos) {
  const double value = static_cast<double>(nanos);
  if (nanos < 10'000) return fmt::format("{} ns", nanos);
  if (nanos < 10'000'000) return fmt::format("{:.1f} us", value / 1e3);
  return nanos < 10'000'000'000 ? fmt::format("{:.1f} ms", value / 1e6)
                                : fmt::format("{:.1f} s", value / 1e9);
}

// A field's value, of the JSON that kyro made of it. Empty: there is nothing to say.
std::string ValueText(const Json& value) {
  if (value.is_number_unsigned()) return Count(value.get<std::uint64_t>());
  if (value.is_number_float()) return fmt::format("{:.3f}", value.get<double>());
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_string()) return Printable(value.get<std::string>());
  if (value.is_object() && value.contains("code")) {
    return value["code"] == "kOk" ? "none" : Printable(value["message"].get<std::string>());
  }
  if (value.is_object() && value["count"] != 0) {
    const auto at = [&](const char* name) { return Duration(value[name].get<std::uint64_t>()); };
    return fmt::format("{} timed, p50 {}, p99 {}, max {}",
                       Count(value["count"].get<std::uint64_t>()), at("p50_nanos"), at("p99_nanos"),
                       at("max_nanos"));
  }
  std::string list;
  for (const Json& element : value.is_array() ? value : Json::array()) {
    list += (list.empty() ? "" : " ") + ValueText(element);
  }
  return value.is_object() ? "none timed" : list.empty() ? "none" : list;
}

std::string AsText(const Json& stats) {
  std::string text;
  for (const auto& [name, value] : stats.items()) {
    if (name == "keyspaces") continue;
    AppendWrapped(&text, fmt::format("{:<{}} ", name, kNameColumns), kNameColumns + 1,
                  ValueText(value));
  }
  for (const Json& keyspace : stats["keyspaces"]) {
    text += '\n';
    for (const auto& [name, value] : keyspace.items()) {
      AppendWrapped(&text, fmt::format("{:<{}} ", name == "name" ? "keyspace" : name, kNameColumns),
                    kNameColumns + 1, ValueText(value));
    }
  }
  return text;
}

int PrintStats(const Request& request, Output& output) {
  if (request.json && request.openmetrics) {
    return output.Fail(
        Status(StatusCode::kInvalidArgument, "give --json or --openmetrics, not both"));
  }
  auto db = OpenToRead(request);
  if (!db.ok()) return FailToOpen(db.status(), request, output);
  const Stats stats = db->stats();
  if (request.openmetrics) {
    output.Write(ToOpenMetrics(stats));
  } else if (request.json) {
    output.Line(ToJson(stats));
  } else {
    output.Write(AsText(Json::parse(ToJson(stats))));
  }
  const int code = CloseAnd(*db, kExitOk, output);
  return code == kExitOk ? output.Done() : code;
}

}  // namespace

Verb StatsVerb() {
  return {.name = "stats",
          .summary = "Print every counter and gauge, also as OpenMetrics",
          .description =
              "Opens the database read-only and prints what Db::stats() says of it: what it holds, "
              "and what this opening did. Counters and latencies of a database in use come from "
              "the program that has it open. Changes no file.",
          .group = Group::kUpkeep,
          .arguments = {DbArgument()},
          .options = {FlagOption("--openmetrics", &Request::openmetrics,
                                 "OpenMetrics text, as Prometheus takes it")},
          .examples = {{"kyroctl stats cells", "Show every field"},
                       {"kyroctl stats cells --json", "The same for a program"},
                       {"kyroctl stats cells --openmetrics", "The same for Prometheus"}},
          .run = &PrintStats};
}

}  // namespace kyro::kyroctl
