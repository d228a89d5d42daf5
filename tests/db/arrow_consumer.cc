// SPDX-License-Identifier: Apache-2.0
#include "db/arrow_consumer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string_view>

namespace kyro::db {

namespace {

void CheckField(const ArrowSchema& field, std::string_view name, std::string_view format) {
  ASSERT_NE(field.release, nullptr);
  EXPECT_EQ(field.name, name);
  EXPECT_EQ(field.format, format);
  EXPECT_EQ(field.metadata, nullptr);
  EXPECT_EQ(field.flags, 0);  // no nulls
  EXPECT_EQ(field.dictionary, nullptr);
}

void ReadSchema(ArrowArrayStream* stream, ArrowRows* to) {
  ArrowSchema schema;
  ASSERT_EQ(stream->get_schema(stream, &schema), 0);
  CheckField(schema, "", "+s");
  ASSERT_EQ(schema.n_children, 2);
  for (int i = 0; i < 2; ++i) {
    const ArrowSchema& child = *schema.children[i];
    EXPECT_EQ(child.n_children, 0);
    CheckField(child, i == 0 ? "key" : "value", child.format);
    (i == 0 ? to->key_format : to->value_format) = child.format;
  }
  // A consumer may move a child away; it lives on by itself.
  ArrowSchema moved = *schema.children[1];
  schema.children[1]->release = nullptr;
  schema.release(&schema);
  EXPECT_EQ(schema.release, nullptr);
  EXPECT_EQ(moved.format, to->value_format);
  moved.release(&moved);
  EXPECT_EQ(moved.release, nullptr);
}

// The bytes of each value of a column.
std::vector<std::string_view> Strings(const ArrowArray& column, const std::string& format) {
  std::vector<std::string_view> strings;
  EXPECT_EQ(column.buffers[0], nullptr);
  if (format == "z") {
    EXPECT_EQ(column.n_buffers, 3);
    const auto* const offsets = static_cast<const std::int32_t*>(column.buffers[1]);
    const auto* const data = static_cast<const char*>(column.buffers[2]);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(offsets) % alignof(std::int32_t), 0u);
    EXPECT_GE(offsets[0], 0);
    for (std::int64_t i = 0; i < column.length; ++i) {
      EXPECT_LE(offsets[i], offsets[i + 1]);
      strings.emplace_back(data + offsets[i],
                           static_cast<std::size_t>(offsets[i + 1] - offsets[i]));
    }
    return strings;
  }
  EXPECT_EQ(column.n_buffers, 2);
  const std::size_t width = format == "L" ? 8 : std::stoul(format.substr(2));
  EXPECT_TRUE(format == "L" || format == "w:" + std::to_string(width)) << format;
  if (format == "L") {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(column.buffers[1]) % 8, 0u);
  }
  const auto* const data = static_cast<const char*>(column.buffers[1]);
  for (std::int64_t i = 0; i < column.length; ++i) {
    strings.emplace_back(data + static_cast<std::size_t>(i) * width, width);
  }
  return strings;
}

}  // namespace

void AppendRows(const ArrowArray& array, ArrowRows* to) {
  ASSERT_GT(array.length, 0);
  EXPECT_EQ(array.null_count, 0);
  EXPECT_EQ(array.offset, 0);
  EXPECT_EQ(array.n_buffers, 1);
  EXPECT_EQ(array.buffers[0], nullptr);
  EXPECT_EQ(array.dictionary, nullptr);
  ASSERT_EQ(array.n_children, 2);
  for (int i = 0; i < 2; ++i) {
    const ArrowArray& child = *array.children[i];
    ASSERT_NE(child.release, nullptr);
    EXPECT_EQ(child.length, array.length);
    EXPECT_EQ(child.null_count, 0);
    EXPECT_EQ(child.offset, 0);
    EXPECT_EQ(child.n_children, 0);
    EXPECT_EQ(child.dictionary, nullptr);
  }
  const auto keys = Strings(*array.children[0], to->key_format);
  const auto values = Strings(*array.children[1], to->value_format);
  for (std::size_t i = 0; i < keys.size(); ++i) to->rows.emplace_back(keys[i], values[i]);
  to->batches.push_back(array.length);
  to->key_data.push_back(array.children[0]->buffers[to->key_format == "L" ? 1 : 2]);
}

ArrowRows Consume(ArrowArrayStream* stream) {
  ArrowRows to;
  ReadSchema(stream, &to);
  for (;;) {
    ArrowArray array;
    to.error = stream->get_next(stream, &array);
    if (to.error != 0) {
      const char* const message = stream->get_last_error(stream);
      to.message = message == nullptr ? "" : message;
      EXPECT_EQ(array.release, nullptr);
      EXPECT_EQ(stream->get_next(stream, &array), to.error);  // and so it stays
      break;
    }
    if (array.release == nullptr) {
      EXPECT_EQ(stream->get_last_error(stream), nullptr);
      break;
    }
    AppendRows(array, &to);
    array.release(&array);
    EXPECT_EQ(array.release, nullptr);
  }
  stream->release(stream);
  EXPECT_EQ(stream->release, nullptr);
  return to;
}

}  // namespace kyro::db
