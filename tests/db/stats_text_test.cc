// SPDX-License-Identifier: Apache-2.0
//
// Stats as text: every field is there, in both languages; OpenMetrics is read by a strict parser
// and by Prometheus' own.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "db/openmetrics.h"
#include "db/stats_fields.h"
#include "support/seeded_random.h"

namespace kyro::db {
namespace {

using Json = nlohmann::json;

LatencyStats LatencyOfValues(const std::vector<std::uint64_t>& values) {
  Histogram histogram;
  for (const std::uint64_t value : values) histogram.Add(value);
  const Histogram::Snapshot snapshot = histogram.Read();
  LatencyStats latency{snapshot.count, snapshot.sum, snapshot.min, snapshot.max, {}};
  for (std::size_t i = 0; i < Histogram::kBuckets; ++i) {
    if (snapshot.buckets[i] != 0) {
      latency.buckets.push_back({Histogram::UpperBound(i), snapshot.buckets[i]});
    }
  }
  return latency;
}

// Puts a value of its own into every member, and keeps it as JSON has it.
class Filler {
 public:
  void Fill(std::uint64_t* member) { want_ = *member = ++last_; }
  void Fill(std::uint32_t* member) { want_ = *member = static_cast<std::uint32_t>(++last_); }
  void Fill(double* member) { want_ = *member = static_cast<double>(++last_) + 0.25; }
  void Fill(bool* member) { want_ = *member = !*member; }
  void Fill(std::string* member) { want_ = *member = "name " + std::to_string(++last_); }
  void Fill(KeyKind* member) {
    *member = KeyKind::kBytes;
    want_ = "bytes";
  }
  void Fill(StallReason* member) {
    *member = StallReason::kFlushBehind;
    want_ = "flush_behind";
  }
  void Fill(Status* member) {
    *member = Status(StatusCode::kDataLoss, "000042.keys: bad", "000042.keys", 17);
    want_ = Json{{"code", "kDataLoss"},
                 {"message", "000042.keys: bad"},
                 {"file", "000042.keys"},
                 {"offset", 17}};
  }
  void Fill(LatencyStats* member) {
    *member = LatencyOfValues({++last_, 1 << 20});
    const std::uint64_t bound = Histogram::UpperBound(Histogram::BucketOf(last_));
    want_ = Json{{"count", 2},
                 {"sum_nanos", last_ + (1 << 20)},
                 {"min_nanos", last_},
                 {"max_nanos", 1 << 20},
                 {"p50_nanos", bound},
                 {"p90_nanos", 1 << 20},
                 {"p99_nanos", 1 << 20},
                 {"p999_nanos", 1 << 20},
                 {"buckets", Json::array({{bound, 1}, {1 << 20, 1}})}};
  }
  void Fill(std::vector<std::string>* member) {
    *member = {"notes.txt", "more"};
    want_ = *member;
  }
  void Fill(std::vector<KeyspaceStats>* member) {
    member->resize(2);
    Json all = Json::array();
    for (KeyspaceStats& keyspace : *member) all.push_back(FillAll(&keyspace, kKeyspaceFields));
    want_ = std::move(all);
  }

  template <class Owner, std::size_t n>
  Json FillAll(Owner* owner, const std::array<Field<Owner>, n>& fields) {
    Json all = Json::object();
    for (const Field<Owner>& field : fields) {
      std::visit([&](const auto member) { Fill(&(owner->*member)); }, field.member);
      all[std::string(field.name)] = want_;
    }
    return all;
  }

 private:
  std::uint64_t last_ = 1000;
  Json want_;
};

std::vector<MetricFamily> Parse(const std::string& text) {
  std::string problem;
  std::vector<MetricFamily> families = ParseOpenMetrics(text, &problem);
  EXPECT_EQ(problem, "") << text;
  return families;
}

const MetricFamily* Find(const std::vector<MetricFamily>& families, const std::string& name) {
  const auto found = std::find_if(families.begin(), families.end(),
                                  [&](const MetricFamily& family) { return family.name == name; });
  return found == families.end() ? nullptr : &*found;
}

template <class Owner, std::size_t n>
void ExpectEachOnce(const std::array<Field<Owner>, n>& fields) {
  std::set<std::string_view> names;
  std::set<std::size_t> offsets;
  static const Owner owner{};
  for (const Field<Owner>& field : fields) {
    EXPECT_TRUE(names.insert(field.name).second) << field.name;
    const std::size_t offset = std::visit(
        [](const auto member) {
          return static_cast<std::size_t>(reinterpret_cast<const char*>(&(owner.*member)) -
                                          reinterpret_cast<const char*>(&owner));
        },
        field.member);
    EXPECT_TRUE(offsets.insert(offset).second) << field.name;
  }
}

TEST(StatsFields, EveryMemberIsListedOnce) {
  ExpectEachOnce(kStatsFields);
  ExpectEachOnce(kKeyspaceFields);
}

TEST(StatsFields, AMemberMoreOrLessIsNoticed) {
  struct Two {
    std::uint64_t a = 0;
    std::vector<std::string> b;
  };
  struct Three {
    std::uint64_t a = 0;
    std::vector<std::string> b;
    LatencyStats c;
  };
  EXPECT_EQ(MemberCount<Two>(), 2u);
  EXPECT_EQ(MemberCount<Three>(), 3u);
}

TEST(ToJson, HasEveryFieldWithItsValue) {
  Stats stats;
  Filler filler;
  const Json want = filler.FillAll(&stats, kStatsFields);
  const std::string text = ToJson(stats);
  const Json found = Json::parse(text);
  EXPECT_EQ(found.size(), kStatsFields.size());
  for (const auto& [name, value] : want.items()) {
    ASSERT_TRUE(found.contains(name)) << name;
    EXPECT_EQ(found[name], value) << name;
  }
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 0);
}

TEST(ToJson, OfNothingIsSoundToo) {
  const Json found = Json::parse(ToJson(Stats()));
  EXPECT_EQ(found.size(), kStatsFields.size());
  EXPECT_EQ(found["background_error"]["code"], "kOk");
  EXPECT_EQ(found["background_error"]["offset"], nullptr);
  EXPECT_EQ(found["get_latency"]["buckets"], Json::array());
}

TEST(ToJson, AnyBytesAreSoundText) {
  Stats stats;
  stats.unknown_files = {"quote \" back \\ slash",
                         "line\nbreak\ttab \x01",
                         "caf\xc3\xa9",
                         "\xff",
                         "\xed\xa0\x80",
                         "\xc0\x80",
                         "\xf4\x90\x80\x80",
                         "\xe2\x82",
                         "\xf0\x9f\x8c\x8d"};
  stats.model_bytes_per_key = std::numeric_limits<double>::infinity();
  const Json found = Json::parse(ToJson(stats));
  EXPECT_EQ(found["unknown_files"],
            Json::array({"quote \" back \\ slash", "line\nbreak\ttab \x01", "caf\xc3\xa9", "\\xff",
                         "\\xed\\xa0\\x80", "\\xc0\\x80", "\\xf4\\x90\\x80\\x80", "\\xe2\\x82",
                         "\xf0\x9f\x8c\x8d"}));
  EXPECT_EQ(found["model_bytes_per_key"], nullptr);
}

// The values that a field's family has in the text, by the value that JSON has.
void ExpectFamily(const MetricFamily& family, const Field<Stats>& field, const Json& want) {
  const std::string& value = family.samples[0].value;
  EXPECT_EQ(family.unit, field.unit);
  if (field.type == MetricType::kHistogram) {
    EXPECT_EQ(family.type, "histogram");
    EXPECT_EQ(family.samples.back().value, "2");
    const double sum = std::stod(family.samples[family.samples.size() - 2].value);
    EXPECT_DOUBLE_EQ(sum, want["sum_nanos"].get<double>() / 1e9);
  } else if (field.type == MetricType::kStateSet) {
    EXPECT_EQ(family.samples.size(), std::size(kStallReasons));
    for (const MetricSample& sample : family.samples) {
      ASSERT_EQ(sample.labels.size(), 1u);
      EXPECT_EQ(sample.labels[0].first, family.name);
      EXPECT_EQ(sample.value, sample.labels[0].second == want ? "1" : "0");
    }
  } else if (want.is_object()) {
    EXPECT_EQ(family.samples[0].labels[0].second, want["code"]);
    EXPECT_EQ(value, "1");
  } else if (want.is_array()) {
    EXPECT_EQ(value, std::to_string(want.size()));
  } else if (want.is_boolean()) {
    EXPECT_EQ(value, want.get<bool>() ? "1" : "0");
  } else {
    EXPECT_EQ(family.type, field.type == MetricType::kCounter ? "counter" : "gauge");
    EXPECT_DOUBLE_EQ(std::stod(value), want.get<double>() / static_cast<double>(field.divisor));
  }
}

TEST(ToOpenMetrics, HasEveryFieldWithItsValue) {
  Stats stats;
  Filler filler;
  const Json want = filler.FillAll(&stats, kStatsFields);
  const auto families = Parse(ToOpenMetrics(stats));
  for (const Field<Stats>& field : kStatsFields) {
    if (field.name == "keyspaces") continue;
    const MetricFamily* family = Find(families, "kyro_" + std::string(field.metric));
    ASSERT_NE(family, nullptr) << field.name;
    SCOPED_TRACE(field.name);
    ExpectFamily(*family, field, want[std::string(field.name)]);
  }
  for (const Field<KeyspaceStats>& field : kKeyspaceFields) {
    const Json& keyspaces = want["keyspaces"];
    const bool label = field.type == MetricType::kNone;
    const MetricFamily* family =
        Find(families, label ? "kyro_keyspace" : "kyro_" + std::string(field.metric));
    ASSERT_NE(family, nullptr) << field.name;
    ASSERT_EQ(family->samples.size(), keyspaces.size());
    for (std::size_t i = 0; i < keyspaces.size(); ++i) {
      const MetricSample& sample = family->samples[i];
      EXPECT_EQ(sample.labels[0].second, keyspaces[i]["name"]);
      EXPECT_EQ(sample.labels[1].second, std::to_string(keyspaces[i]["id"].get<int>()));
      if (label) {
        EXPECT_EQ(sample.labels[2].second, keyspaces[i]["kind"]);
      } else {
        EXPECT_EQ(sample.value, keyspaces[i][std::string(field.name)].dump());
      }
    }
  }
  const MetricFamily* info = Find(families, "kyro");
  ASSERT_NE(info, nullptr);
  EXPECT_EQ(info->type, "info");
  EXPECT_EQ(info->samples[0].labels[0].first, "version");
  EXPECT_EQ(families.size(), 1 + (kStatsFields.size() - 1) + 1 + (kKeyspaceFields.size() - 3));
}

TEST(ToOpenMetrics, OfNothingIsSoundToo) {
  const auto families = Parse(ToOpenMetrics(Stats()));
  EXPECT_EQ(families.size(), kStatsFields.size());  // all but keyspaces, and the library's
}

TEST(ToOpenMetrics, BucketsAreExactAtPowersOfTwo) {
  Stats stats;
  std::vector<std::uint64_t> values;
  for (int power = 0; power < 40; ++power) {
    const std::uint64_t one = std::uint64_t{1} << power;
    values.insert(values.end(), {one - 1, one, one + 1});
  }
  stats.get_latency = LatencyOfValues(values);
  const auto families = Parse(ToOpenMetrics(stats));
  const MetricFamily* family = Find(families, "kyro_get_seconds");
  ASSERT_NE(family, nullptr);
  std::size_t bounds = 0;
  for (const MetricSample& sample : family->samples) {
    if (sample.name != "kyro_get_seconds_bucket" || sample.labels[0].second == "+Inf") continue;
    const double nanos = std::stod(sample.labels[0].second) * 1e9;
    const auto bound = static_cast<std::uint64_t>(nanos + 0.5);
    EXPECT_EQ(bound & (bound - 1), 0u) << sample.text;
    EXPECT_EQ(sample.value,
              std::to_string(std::count_if(values.begin(), values.end(),
                                           [&](std::uint64_t value) { return value <= bound; })));
    ++bounds;
  }
  EXPECT_EQ(bounds, 23u);  // 64 ns to 268 ms
}

TEST(ToOpenMetrics, LabelsAreEscaped) {
  Stats stats;
  const std::vector<std::string> names = {"a\"b",        "a\\b", "a\nb",  "a\\nb",
                                          "caf\xc3\xa9", "\xff", "\\xff", ""};
  for (std::size_t i = 0; i < names.size(); ++i) {
    stats.keyspaces.emplace_back().name = names[i];
    stats.keyspaces.back().id = static_cast<std::uint32_t>(i);
  }
  const auto families = Parse(ToOpenMetrics(stats));
  const MetricFamily* info = Find(families, "kyro_keyspace");
  ASSERT_NE(info, nullptr);
  ASSERT_EQ(info->samples.size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(info->samples[i].labels[0].second, AsUtf8(names[i]));
  }
  EXPECT_NE(info->samples[2].text.find("keyspace=\"a\\nb\""), std::string::npos);
}

TEST(OpenMetricsParser, RefusesWhatIsWrong) {
  const std::string head = "# TYPE kyro_a counter\n# HELP kyro_a What.\n";
  const std::string histogram = "# TYPE h histogram\n# HELP h What.\n";
  for (const std::string& text :
       {head + "kyro_a_total 1\n", head + "kyro_a 1\n# EOF\n", head + "kyro_a_total 1\n# EOF\nx",
        head + "kyro_a_total  1\n# EOF\n", head + "kyro_a_total{x=\"\\y\"} 1\n# EOF\n",
        head + "kyro_a_total 1\nkyro_a_total 2\n# EOF\n", head + "# EOF\n",
        head + "kyro_a_total 1\n" + head + "kyro_a_total{x=\"y\"} 1\n# EOF\n",
        histogram + "h_bucket{le=\"1.0\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n# EOF\n",
        histogram + "h_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 2\n# EOF\n",
        histogram + "h_bucket{le=\"1.0\"} 1\nh_sum 1\nh_count 1\n# EOF\n"}) {
    std::string problem;
    (void)ParseOpenMetrics(text, &problem);
    EXPECT_NE(problem, "") << text;
  }
}

// ---------------------------------------------------------------------------------- quantiles

TEST(Quantile, IsNeverBelowTheTruthAndAtMostAnEighthAbove) {
  constexpr std::uint64_t kSeed = 20251120;
  support::SeededRandom random(kSeed);
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  for (int round = 0; round < 200; ++round) {
    std::vector<std::uint64_t> values(random.Between(1, 3000));
    const std::uint64_t bits = random.Between(1, 63);
    for (std::uint64_t& value : values) {
      value = random.Next() >> (random.OneIn(2) ? 64 - bits : random.Between(1, 63));
    }
    const LatencyStats latency = LatencyOfValues(values);
    std::sort(values.begin(), values.end());
    EXPECT_EQ(latency.Quantile(1), values.back());
    for (const double q : {0.0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
      const double rank = std::max(1.0, std::ceil(q * static_cast<double>(values.size())));
      const std::uint64_t truth = values[static_cast<std::size_t>(rank) - 1];
      const std::uint64_t found = latency.Quantile(q);
      ASSERT_GE(found, truth) << q;
      ASSERT_LE(found, truth == 0 ? 1 : truth + truth / 8) << q;
    }
  }
}

TEST(Quantile, OfNothingOrOfNonsenseIsDefined) {
  EXPECT_EQ(LatencyStats().Quantile(0.5), 0u);
  const LatencyStats one = LatencyOfValues({500});
  for (const double q : {-1.0, 0.0, 2.0, std::numeric_limits<double>::quiet_NaN(),
                         std::numeric_limits<double>::infinity()}) {
    EXPECT_EQ(one.Quantile(q), 500u) << q;
  }
}

// ---------------------------------------------------------------------------------- promtool

class Promtool : public testing::Test {
 protected:
  Promtool() {
    std::string pattern = testing::TempDir() + "kyro_promtool_XXXXXX";
    dir_ = mkdtemp(pattern.data());
  }
  ~Promtool() override { std::filesystem::remove_all(dir_); }

  // Runs the command with `text` in $FILE; true if it ended well. `*said` is what it printed.
  bool Run(const std::string& command, const std::string& text, std::string* said) {
    std::ofstream(dir_ + "/text", std::ios::binary) << text;
    const int status =
        std::system(("cd '" + dir_ + "' && FILE=text && { " + command + "; } >said 2>&1").c_str());
    std::ostringstream printed;
    printed << std::ifstream(dir_ + "/said", std::ios::binary).rdbuf();
    *said = printed.str();
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

  static std::string FilledText() {
    Stats stats;
    Filler filler;
    (void)filler.FillAll(&stats, kStatsFields);
    stats.keyspaces[0].name = "a \"quoted\\\n name caf\xc3\xa9";
    return ToOpenMetrics(stats);
  }

  std::string dir_;
};

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// Prometheus' parser of OpenMetrics wants timestamps where it makes blocks of the samples.
TEST_F(Promtool, ReadsEverySampleAsOpenMetrics) {
  std::string stamped;
  std::size_t samples = 0;
  for (const std::string& line : LinesOf(FilledText())) {
    const bool sample = line[0] != '#';
    stamped += line + (sample ? " 1700000000\n" : "\n");
    samples += sample;
  }
  const std::string command = "promtool tsdb create-blocks-from openmetrics $FILE out";
  std::string said;
  ASSERT_TRUE(Run(command, stamped, &said)) << said << "\npromtool is in Debian's prometheus";
  const std::vector<std::string> lines = LinesOf(said);
  ASSERT_FALSE(lines.empty());
  // ULID, times, duration with a unit, NUM SAMPLES, ...
  std::istringstream words(lines.back());
  std::string ulid, from, to, duration, found;
  words >> ulid >> from >> to >> duration >> found;
  EXPECT_EQ(found, std::to_string(samples)) << said;
  const std::string broken = stamped.substr(0, stamped.rfind("# EOF"));
  EXPECT_FALSE(Run(command, broken, &said)) << said;
}

// `check metrics` reads the older text format, which has no info and no stateset and names counters
// whole: the same text, put into its words.
std::string AsOldFormat(const std::string& text) {
  std::string old;
  std::string counter;
  for (std::string line : LinesOf(text)) {
    std::istringstream words(line);
    std::string hash, what, name, type;
    words >> hash >> what >> name >> type;
    if (line == "# EOF" || what == "UNIT") continue;
    if (what == "TYPE") {
      counter = type == "counter" ? "_total" : type == "info" ? "_info" : "";
      if (type == "info" || type == "stateset") line = "# TYPE " + name + " gauge";
    }
    if (what == "TYPE" || what == "HELP") line.insert(7 + name.size(), counter);
    old += line + "\n";
  }
  return old;
}

TEST_F(Promtool, FindsNothingToLint) {
  const std::string text = AsOldFormat(FilledText());
  std::string said;
  EXPECT_TRUE(Run("promtool check metrics <$FILE", text, &said)) << said;
  EXPECT_EQ(said, "");
  const std::string unhelped = "# TYPE kyro_a counter\nkyro_a 1\n";
  EXPECT_FALSE(Run("promtool check metrics <$FILE", unhelped, &said));
}

}  // namespace
}  // namespace kyro::db
