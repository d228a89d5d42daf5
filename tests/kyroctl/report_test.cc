// SPDX-License-Identifier: Apache-2.0
//
// report: the page is well-formed and alone, its numbers are the inspection's, and nothing that a
// database holds can break it.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "db/inspect.h"
#include "kyro/db.h"
#include "kyroctl/ctl.h"
#include "kyroctl/report/bytes.h"
#include "kyroctl/report/numbers.h"
#include "kyroctl/report/profile.h"
#include "support/seeded_random.h"

namespace kyro::kyroctl {
namespace {

std::string ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// What any XML parser has to say of it: nothing.
void ExpectWellFormed(const std::string& page, const TempDir& dir) {
  WriteFile(dir / "page.xml", page);
  const Answer answer = Shell(
      "python3 -c 'import xml.parsers.expat as e\n"
      "e.ParserCreate().ParseFile(open(\"page.xml\", \"rb\"))' 2>&1",
      dir.path());
  EXPECT_EQ(answer.exit, 0) << answer.out;
}

void ExpectAlone(const std::string& page) {
  for (const char* const word : {"<script", "@import", "url(", "<link", "<img", "<iframe"}) {
    EXPECT_EQ(page.find(word), std::string::npos) << word;
  }
  // Inside tags: what is text has no < in front.
  EXPECT_FALSE(std::regex_search(page, std::regex("<[^<>]* (src|href|on[a-z]+)=")));
  const std::regex address("https?://[^\"]*");
  for (std::sregex_iterator it(page.begin(), page.end(), address), end; it != end; ++it) {
    EXPECT_TRUE(it->str().starts_with("http://www.w3.org/")) << it->str();
  }
}

void ExpectNumbers(const std::string& page) {
  EXPECT_FALSE(std::regex_search(page, std::regex("[^a-z](nan|inf)[^a-z]")));
  // Ids are unique, and every drawing says what it is.
  std::set<std::string> ids;
  const std::regex id(" id=\"([^\"]*)\"");
  for (std::sregex_iterator it(page.begin(), page.end(), id), end; it != end; ++it) {
    EXPECT_TRUE(ids.insert((*it)[1]).second) << (*it)[1];
  }
  const std::regex labelled("aria-labelledby=\"([^ ]*) ([^\"]*)\"");
  for (std::sregex_iterator it(page.begin(), page.end(), labelled), end; it != end; ++it) {
    EXPECT_TRUE(ids.contains((*it)[1]) && ids.contains((*it)[2])) << it->str();
  }
}

std::string PageOf(const std::string& db, const TempDir& dir, std::vector<std::string> more = {}) {
  std::vector<std::string> args = {"report", db, "-o", dir / "out.html"};
  args.insert(args.end(), more.begin(), more.end());
  const Answer answer = Ctl(args);
  EXPECT_EQ(answer.exit, 0) << answer.err;
  const std::string page = ReadText(dir / "out.html");
  ExpectWellFormed(page, dir);
  ExpectAlone(page);
  ExpectNumbers(page);
  return page;
}

std::uint64_t Number(std::string text) {
  std::erase(text, ',');
  return std::stoull(text);
}

// The sum of all cells but each row's first, in the table under the drawing `id`.
std::uint64_t SumUnder(const std::string& page, const std::string& id) {
  const std::size_t at = page.find("id=\"" + id + "-title\"");
  if (at == std::string::npos) return ~std::uint64_t{0};
  const std::size_t begin = page.find("<tbody>", at);
  const std::string body = page.substr(begin, page.find("</tbody>", begin) - begin);
  const std::regex row("<tr>(.*)</tr>"), cell("<td>([0-9,]+)</td>");
  std::uint64_t sum = 0;
  for (std::sregex_iterator r(body.begin(), body.end(), row), end; r != end; ++r) {
    const std::string cells = (*r)[1].str().substr((*r)[1].str().find("</td>"));
    for (std::sregex_iterator c(cells.begin(), cells.end(), cell); c != end; ++c) {
      sum += Number((*c)[1]);
    }
  }
  return sum;
}

std::uint64_t BytesIn(const std::string& directory) {
  std::uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    bytes += entry.file_size();
  }
  return bytes;
}

using Keys = std::vector<std::uint64_t>;

std::vector<Keys> KeySets() {
  constexpr std::size_t kCount = 30'000;
  support::SeededRandom random(3);
  std::vector<Keys> sets(5);
  for (std::size_t i = 0; i < kCount; ++i) {
    sets[0].push_back(random.Next());
    sets[1].push_back(random.Next() >> (8 + random.Next() % 50));  // dense below, thin above
    // Evenly spread, but for clusters.
    sets[2].push_back(i % 20 != 0 ? random.Next() >> 2 : (i / 1000 << 50) + i * 3);
    sets[3].push_back(i < 40 ? i * i : 40 * 40);
    // Runs of close keys, and wide gaps between them: here and there a packed tree misses one.
    sets[4].push_back((i / 50 << 40) + (i / 10 % 5 << 32) + (i % 10 * i % 997 << 20));
  }
  return sets;
}

void Fill(Db* db, const Keys& keys) {
  auto keyspace = db->OpenKeyspace<U64>();
  ASSERT_TRUE(keyspace.ok());
  WriteBatch batch;
  for (const std::uint64_t key : keys) batch.Put(*keyspace, key, "12345678");
  ASSERT_TRUE(db->Write(batch).ok());
  ASSERT_TRUE(db->Fold().ok());
}

Profile ProfileOf(const Db& db, const db::KeyspaceInspection& keyspace) {
  std::uint64_t first = 0, last = 0;
  const SegmentRef& ref = keyspace.runs[0].segments[0].ref;
  std::memcpy(&first, ref.first_key.data(), 8);
  std::memcpy(&last, ref.last_key.data(), 8);
  Profiler profiler(KeyKind::kU64, first, last);
  const db::RowVisitor<U64> visit = [&](const auto& batch) { profiler.Add(batch); };
  EXPECT_TRUE(db::Door::VisitRows<U64>(db, keyspace.info.id, visit).ok());
  return profiler.Finish();
}

template <class Counts>
std::uint64_t Sum(const Counts& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

void ExpectColumns(const KeyColumns& columns, const Profile& profile, std::int64_t reach) {
  std::uint64_t keys = 0;
  for (const KeyColumn& column : columns) {
    keys += column.keys;
    EXPECT_EQ(column.rank, keys);
    EXPECT_LE(std::abs(static_cast<std::int64_t>(column.predicted) -
                       static_cast<std::int64_t>(column.rank)),
              reach);
    if (column.modelled == 0) continue;
    EXPECT_LE(column.error_min, column.error_max);
    EXPECT_LE(std::max(-column.error_min, column.error_max), reach);
  }
  EXPECT_EQ(keys, profile.rows);
}

TEST(Profile, AgreesWithWhatTrainingRecorded) {
  std::set<std::string> structures;
  for (const Keys& keys : KeySets()) {
    TempDir dir;
    auto db = Db::Open(dir / "db");
    ASSERT_TRUE(db.ok());
    Fill(&*db, keys);
    const auto inspection = db::Door::Inspect(*db);
    ASSERT_TRUE(inspection.ok());
    const db::KeyspaceInspection& keyspace = inspection->keyspaces[0];
    ASSERT_EQ(keyspace.runs.size(), 1u);
    const segment::Facts& facts = keyspace.runs[0].segments[0].facts;
    const Profile profile = ProfileOf(*db, keyspace);
    structures.insert(facts.structure);
    SCOPED_TRACE(facts.structure);
    EXPECT_EQ(profile.rows, facts.entries);
    EXPECT_EQ(profile.far, 0u);
    EXPECT_EQ(Sum(profile.leaf_errors) + Sum(profile.tree_errors) + profile.unmodelled,
              facts.entries);
    EXPECT_EQ(Sum(profile.endings), facts.entries);
    EXPECT_EQ(Sum(profile.gaps), facts.entries - 1);
    EXPECT_EQ(Sum(profile.tree_errors), facts.model.tree_keys);
    EXPECT_EQ(profile.leaves, facts.leaves);
    EXPECT_EQ(Sum(profile.keys_per_leaf), facts.leaves);
    std::int64_t most = 0;
    for (std::int64_t error = -kErrorSpan; error <= kErrorSpan; ++error) {
      const auto at = static_cast<std::size_t>(error + kErrorSpan);
      if (profile.leaf_errors[at] != 0) most = std::max(most, std::abs(error));
    }
    const bool packed = facts.structure == "packed tree";
    EXPECT_EQ(most, packed ? 0 : static_cast<std::int64_t>(facts.max_error));
    EXPECT_EQ(profile.lines != 0, packed);
    const std::uint32_t bound = packed ? facts.max_error + index::kPackedBlockKeys : 16;
    const auto reach = static_cast<std::int64_t>(std::max(facts.max_error, bound));
    ExpectColumns(profile.linear, profile, facts.has_model ? reach : 0);
    ExpectColumns(profile.log, profile, facts.has_model ? reach : 0);
    if (!facts.has_model) continue;
    const auto widths = profile.windows();
    EXPECT_EQ(Sum(widths), facts.entries);
    std::uint64_t seen = 0;
    std::size_t half = 0;
    while (2 * (seen += widths[half]) < facts.entries) ++half;
    EXPECT_EQ(2 * half, facts.window_p50);
  }
  EXPECT_GE(structures.size(), 4u) << "the key sets no longer reach every structure";
}

TEST(Report, NumbersAreTheInspections) {
  TempDir dir;
  const std::string db = dir / "db";
  {
    auto opened = Db::Open(db);
    ASSERT_TRUE(opened.ok());
    Fill(&*opened, KeySets()[2]);
    auto names = opened->OpenKeyspace<Bytes>("names");
    ASSERT_TRUE(names.ok());
    WriteBatch batch;
    for (int i = 0; i < 500; ++i) batch.Put(*names, "name " + std::to_string(i), "v");
    ASSERT_TRUE(opened->Write(batch).ok());
    ASSERT_TRUE(db::Door::Flush(*opened).ok());
    ASSERT_TRUE(opened->Close().ok());
  }
  const std::string page = PageOf(db, dir);
  EXPECT_EQ(page, PageOf(db, dir)) << "the same database gives the same page";
  const nlohmann::json inspection =
      nlohmann::json::parse(Ctl({"inspect", db, "--json"}).out, nullptr, false);
  std::uint64_t rows = 0;
  for (const auto& run : inspection["keyspaces"][0]["runs"]) {
    for (const auto& segment : run["segments"]) rows += segment["entries"].get<std::uint64_t>();
  }
  EXPECT_GT(rows, 20'000u);
  for (const char* const figure : {"k1-errors", "k1-windows"}) {
    EXPECT_EQ(SumUnder(page, figure), rows) << figure;
  }
  EXPECT_EQ(SumUnder(page, "k1-gaps"), rows - 1);
  EXPECT_EQ(SumUnder(page, "k2-lengths"), 500u);
  std::smatch total;
  ASSERT_TRUE(std::regex_search(page, total, std::regex("id=\"bytes-total\">([0-9,]+)<")));
  EXPECT_EQ(Number(total[1]), BytesIn(db));
}

TEST(Report, ByteSharesAddUpToTheDirectory) {
  TempDir dir;
  auto opened = Db::Open(dir / "db");
  ASSERT_TRUE(opened.ok());
  Fill(&*opened, KeySets()[0]);
  WriteFile(dir / "db/stranger", "12345");
  const auto inspection = db::Door::Inspect(*opened);
  ASSERT_TRUE(inspection.ok());
  std::uint64_t files = 0, shares = 0;
  for (const db::FileInspection& file : inspection->files) files += file.bytes;
  for (const ByteShare& share : ByteSharesOf(*inspection)) shares += share.bytes;
  EXPECT_EQ(shares, files);
  EXPECT_EQ(files, BytesIn(dir / "db"));
  const auto list = ByteSharesOf(*inspection);
  EXPECT_EQ(list[0].bytes, 30'000u * 8);
  EXPECT_EQ(list[1].bytes, 30'000u * 8);
  EXPECT_GT(list[5].bytes, 2 * 4096u);
}

TEST(Report, HostileNamesStayText) {
  TempDir dir;
  const std::string db = dir / "<b>&'\"x";
  const std::string name = "</title><script>alert(1)</script>\"'&\x01\xff\xef\xbf\xbf\xe2\x80\xae";
  ASSERT_EQ(Ctl({"load", db, "-", "--create", "--keyspace", name},
                "{\"key\":\"<a href='x'>\",\"value\":\"]]>\"}\n")
                .exit,
            0);
  ASSERT_EQ(Ctl({"snapshot", db}).exit, 0);
  WriteFile(db + "/<img src=x>", "");
  const std::string page = PageOf(db, dir);
  EXPECT_NE(page.find("&lt;script&gt;alert(1)"), std::string::npos);
  EXPECT_NE(page.find("&lt;a href=&#39;x&#39;&gt;"), std::string::npos);
  EXPECT_NE(page.find("&lt;img src=x&gt;"), std::string::npos);
  EXPECT_NE(page.find("\\x01\\xff\\xef\\xbf\\xbf"), std::string::npos);
}

TEST(Report, WorksForAlmostNothing) {
  TempDir dir;
  const std::string db = dir / "db";
  {
    auto opened = Db::Open(db);
    ASSERT_TRUE(opened.ok());
    ASSERT_TRUE(opened->Close().ok());
    EXPECT_NE(PageOf(db, dir).find("no keyspaces"), std::string::npos);
  }
  ASSERT_EQ(Ctl({"create", db}).exit, 0);
  EXPECT_NE(PageOf(db, dir).find("There are no segments yet"), std::string::npos);
  ASSERT_EQ(Ctl({"put", db, "18446744073709551615", ""}).exit, 0);
  EXPECT_NE(PageOf(db, dir).find("1 key in the log only"), std::string::npos);
  ASSERT_EQ(Ctl({"snapshot", db}).exit, 0);
  EXPECT_NE(PageOf(db, dir).find("too few for a model"), std::string::npos);
}

TEST(Report, WorksForTombstonesAlone) {
  TempDir dir;
  const std::string db = dir / "db";
  {
    auto opened = Db::Open(db);
    ASSERT_TRUE(opened.ok());
    auto numbers = opened->OpenKeyspace<U64>();
    auto names = opened->OpenKeyspace<Bytes>("names");
    WriteBatch puts, deletes;
    for (std::uint64_t i = 0; i < 300; ++i) puts.Put(*numbers, i, "v");
    for (std::uint64_t i = 0; i < 300; ++i) deletes.Delete(*numbers, i * 1000);
    puts.Put(*names, "", "");
    deletes.Delete(*names, "");
    ASSERT_TRUE(opened->Write(puts).ok());
    ASSERT_TRUE(db::Door::Flush(*opened).ok());
    ASSERT_TRUE(opened->Write(deletes).ok());
    ASSERT_TRUE(db::Door::Flush(*opened).ok());
    ASSERT_TRUE(opened->Close().ok());
  }
  const std::string page = PageOf(db, dir);
  EXPECT_EQ(SumUnder(page, "k1-errors"),
            Number(nlohmann::json::parse(Ctl({"keyspaces", db, "--json"}).out, nullptr,
                                         false)["keyspaces"][0]["entries"]
                       .dump()));
}

TEST(Report, OneKeyspaceOrAll) {
  TempDir dir;
  const std::string db = dir / "db";
  ASSERT_EQ(Ctl({"create", db}).exit, 0);
  ASSERT_EQ(Ctl({"create", db, "--keyspace", "names", "--keys", "bytes"}).exit, 0);
  const std::string all = PageOf(db, dir), one = PageOf(db, dir, {"--keyspace", "names"});
  EXPECT_NE(all.find("Keyspace <bdi>default"), std::string::npos);
  EXPECT_NE(all.find("Keyspace <bdi>names"), std::string::npos);
  EXPECT_EQ(one.find("Keyspace <bdi>default"), std::string::npos);
  EXPECT_NE(one.find("Keyspace <bdi>names"), std::string::npos);
}

TEST(Report, SaysWhyThereIsNone) {
  TempDir dir;
  const std::string db = dir / "db";
  EXPECT_EQ(Ctl({"report", db, "-o", dir / "x.html"}).exit, 5);
  ASSERT_EQ(Ctl({"load", db, "-", "--create"}, NumberRows(3000)).exit, 0);
  const Answer none = Ctl({"report", db});
  EXPECT_EQ(none.exit, 2);
  EXPECT_NE(none.err.find("-o FILE.html"), std::string::npos) << none.err;
  const Answer elsewhere = Ctl({"report", db, "-o", dir / "no/x.html"});
  EXPECT_EQ(elsewhere.exit, 5);
  EXPECT_NE(elsewhere.err.find("cannot be written: No such file"), std::string::npos)
      << elsewhere.err;
  EXPECT_EQ(Ctl({"report", db, "-o", "-", "--keyspace", "no"}).exit, 5);
  EXPECT_TRUE(Ctl({"report", db, "-o", "-"}).out.starts_with("<!DOCTYPE html>"));
  EXPECT_TRUE(Ctl({"report", db, "-o", dir / "x.html", "--json"}).out.starts_with("{\"report\""));
  ASSERT_EQ(Ctl({"snapshot", db}).exit, 0);
  for (const auto& [name, bytes] : FilesOf(db)) {
    if (!name.ends_with(".keys")) continue;
    std::string damaged = bytes;
    damaged[4096 + 800 * 8] = static_cast<char>(damaged[4096 + 800 * 8] ^ 1);
    WriteFile(db + "/" + name, damaged);
  }
  EXPECT_EQ(Ctl({"report", db, "-o", dir / "y.html"}).exit, 3);
  EXPECT_FALSE(std::filesystem::exists(dir / "y.html"));
}

TEST(ReportNumbers, AreShortAndRound) {
  EXPECT_EQ(Compact(0), "0");
  EXPECT_EQ(Compact(950), "950");
  EXPECT_EQ(Compact(1500), "1.5k");
  EXPECT_EQ(Compact(23'400'000), "23.4M");
  EXPECT_EQ(Compact(999'999), "1M");
  EXPECT_EQ(KeyLabel(1200), "1,200");
  EXPECT_EQ(KeyLabel(1.5e19), "1.5×10¹⁹");
  EXPECT_EQ(Percent(0), "0%");
  EXPECT_EQ(Percent(1), "100%");
  EXPECT_EQ(Percent(0.00001), "<0.1%");
  EXPECT_EQ(Percent(0.99999), ">99.9%");
  EXPECT_EQ(Ticks(0, 10, 5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(Ticks(-7, 7, 5, 1), (std::vector<double>{-6, -4, -2, 0, 2, 4, 6}));
  EXPECT_EQ(Ticks(3, 3, 5), (std::vector<double>{3}));
}

}  // namespace
}  // namespace kyro::kyroctl
