// SPDX-License-Identifier: Apache-2.0
//
// Views as Arrow streams: every row, in place where it is promised, pinned as long as it is used,
// and errors instead of damaged bytes.
#include "kyro/arrow.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>

#include "db/arrow_consumer.h"
#include "db/inspect.h"
#include "support/test_env.h"

namespace kyro::db {
namespace {

using support::TestEnv;

template <class K>
class ArrowTest : public testing::Test {
 protected:
  ArrowTest() {
    world_.fs().StopJournal();
    options_.merge_fraction = 1;
    options_.segment_bytes = std::size_t{1} << 20;
    Open();
  }
  void Open() {
    db_.emplace(*Door::Open("/db", options_, world_.env()));
    space_ = *db_->OpenKeyspace<K>("rows");
  }
  template <class ValueOf>
  void Put(std::uint64_t first, std::uint64_t count, ValueOf&& value_of) {
    WriteBatch batch;
    for (std::uint64_t n = first; n < first + count; ++n) {
      if constexpr (std::is_same_v<K, U64>) {
        batch.Put(space_, n, value_of(n));
      } else {
        batch.Put(space_, "key " + std::to_string(n), value_of(n));
      }
    }
    ASSERT_TRUE(db_->Write(batch).ok());
  }
  void Delete(std::uint64_t n) {
    if constexpr (std::is_same_v<K, U64>) {
      ASSERT_TRUE(space_.Delete(n).ok());
    } else {
      ASSERT_TRUE(space_.Delete("key " + std::to_string(n)).ok());
    }
  }
  // The stream's rows are the view's.
  ArrowRows Check() {
    const View<K> view = *space_.view();
    ArrowArrayStream stream;
    EXPECT_TRUE(ExportArrow(view, &stream).ok());
    ArrowRows found = Consume(&stream);
    EXPECT_EQ(found.error, 0) << found.message;
    EXPECT_EQ(found.key_format, (std::is_same_v<K, U64> ? "L" : "z"));
    std::size_t row = 0;
    for (auto [key, value] : view.scan()) {
      if (row == found.rows.size()) break;
      std::string bytes(found.rows[row].first);
      EXPECT_EQ(found.rows[row].second, value);
      if constexpr (std::is_same_v<K, U64>) {
        EXPECT_EQ(std::memcmp(bytes.data(), &key, 8), 0);
      } else {
        EXPECT_EQ(bytes, key);
      }
      ++row;
    }
    EXPECT_EQ(row, found.rows.size());
    EXPECT_EQ(row, Count());
    return found;
  }
  std::size_t Count() {
    std::size_t rows = 0;
    Scan<K> scan = space_.view()->scan();
    ColumnBatch<K> batch;
    while (scan.NextBatch(&batch)) rows += batch.size();
    return rows;
  }

  TestEnv world_;
  Options options_;
  std::optional<Db> db_;
  Keyspace<K> space_;
};
using Kinds = testing::Types<U64, Bytes>;
TYPED_TEST_SUITE(ArrowTest, Kinds);

TYPED_TEST(ArrowTest, AnEmptyKeyspaceHasATypeAndNoBatches) {
  const ArrowRows found = this->Check();
  EXPECT_EQ(found.value_format, "z");
  EXPECT_TRUE(found.batches.empty());
}

TYPED_TEST(ArrowTest, FixedWidthInPlaceOneBatchForEachSegment) {
  this->Put(0, 3000, [](auto n) { return std::to_string(n % 10) + std::string(999, 'f'); });
  ASSERT_TRUE(this->db_->Fold().ok());
  const ArrowRows found = this->Check();
  EXPECT_EQ(found.value_format, "w:1000");
  EXPECT_GT(found.batches.size(), 2u);
  EXPECT_EQ(found.batches.size(), this->db_->stats().segments);
  // In place: a second stream shows the same memory.
  EXPECT_EQ(this->Check().key_data, found.key_data);
}

TYPED_TEST(ArrowTest, VariableWidthInPlace) {
  this->Put(0, 3000, [](auto n) { return std::string(n % 1300, 'v'); });
  ASSERT_TRUE(this->db_->Fold().ok());
  const ArrowRows found = this->Check();
  EXPECT_EQ(found.value_format, "z");
  EXPECT_EQ(found.batches.size(), this->db_->stats().segments);
  EXPECT_EQ(this->Check().key_data, found.key_data);
}

TYPED_TEST(ArrowTest, SegmentsOfDifferentWidths) {
  // The keys ascend in both key kinds.
  this->Put(1000, 2000, [](auto) { return std::string(1000, 'f'); });
  this->Put(3000, 2000, [](auto) { return std::string(500, 'g'); });
  ASSERT_TRUE(this->db_->Fold().ok());
  const ArrowRows found = this->Check();
  EXPECT_EQ(found.value_format, "z");
  EXPECT_EQ(found.batches.size(), this->db_->stats().segments);
}

TYPED_TEST(ArrowTest, EmptyValues) {
  this->Put(0, 100, [](auto) { return std::string(); });
  ASSERT_TRUE(this->db_->Fold().ok());
  EXPECT_EQ(this->Check().value_format, "z");
}

TYPED_TEST(ArrowTest, DeltasRunsAndDeletionsAreCopied) {
  this->Put(0, 70'000, [](auto) { return std::string("12345678"); });
  ASSERT_TRUE(Door::Flush(*this->db_).ok());
  this->Put(500, 1000, [](auto n) { return std::to_string(n); });
  ASSERT_TRUE(Door::Flush(*this->db_).ok());
  for (std::uint64_t n = 100; n < 900; n += 7) this->Delete(n);
  const ArrowRows found = this->Check();
  EXPECT_EQ(found.value_format, "z");
  EXPECT_GE(found.batches.size(), 2u);
  EXPECT_GT(found.batches[0], 60'000);
  ASSERT_TRUE(Door::Flush(*this->db_).ok());
  this->Check();
}

TYPED_TEST(ArrowTest, ArraysAndStreamPinWhatTheyShow) {
  this->Put(0, 3000, [](auto) { return std::string(1000, 'p'); });
  ASSERT_TRUE(this->db_->Fold().ok());
  ArrowArrayStream stream;
  ASSERT_TRUE(ExportArrow(*this->space_.view(), &stream).ok());
  ArrowArray array;
  ASSERT_EQ(stream.get_next(&stream, &array), 0);
  EXPECT_EQ(this->db_->stats().open_views, 1u);
  // Everything that it showed is replaced; a child outlives parent, stream and Db.
  this->Put(0, 3000, [](auto) { return std::string("new"); });
  ASSERT_TRUE(this->db_->Fold().ok());
  EXPECT_GT(this->db_->stats().pinned_files, 0u);
  ArrowArray values = *array.children[1];
  array.children[1]->release = nullptr;
  array.release(&array);
  stream.release(&stream);
  EXPECT_EQ(this->db_->stats().open_views, 1u);
  ASSERT_TRUE(this->db_->Close().ok());
  const std::string_view bytes(static_cast<const char*>(values.buffers[1]),
                               static_cast<std::size_t>(values.length) * 1000);
  EXPECT_EQ(bytes.find_first_not_of('p'), bytes.npos);
  EXPECT_EQ(this->db_->stats().open_views, 1u);
  values.release(&values);
  EXPECT_EQ(this->db_->stats().open_views, 0u);
}

TYPED_TEST(ArrowTest, DamageIsAnErrorAndNoRowOfItsSegmentIsShown) {
  this->Put(0, 3000, [](auto) { return std::string(1000, 'd'); });
  ASSERT_TRUE(this->db_->Fold().ok());
  const std::size_t segments = this->db_->stats().segments;
  ASSERT_TRUE(this->db_->Close().ok());
  std::string last;
  for (const std::string& name : this->world_.fs().ListNames("/db")) {
    if (name.ends_with(".data")) last = name;
  }
  ASSERT_TRUE(this->world_.fs().FlipByte("/db/" + last, 100'000, 1).ok());
  this->Open();
  ArrowArrayStream stream;
  ASSERT_TRUE(ExportArrow(*this->space_.view(), &stream).ok());
  const ArrowRows found = Consume(&stream);
  EXPECT_EQ(found.error, EIO);
  EXPECT_NE(found.message.find(last), std::string::npos) << found.message;
  EXPECT_EQ(found.batches.size(), segments - 1);

  // The same through a copy: the delta makes it one.
  this->Put(1, 1, [](auto) { return std::string("x"); });
  ASSERT_TRUE(ExportArrow(*this->space_.view(), &stream).ok());
  EXPECT_EQ(Consume(&stream).error, EIO);
  EXPECT_EQ(this->db_->stats().unread_errors, 0u);
}

TEST(Arrow, NoPlaceForAStreamIsAnError) {
  TestEnv world;
  Db db = *Door::Open("/db", {}, world.env());
  const Keyspace<U64> space = *db.OpenKeyspace<U64>("rows");
  EXPECT_EQ(ExportArrow(*space.view(), nullptr).code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace kyro::db
