// SPDX-License-Identifier: Apache-2.0
#include "read/arrow_array.h"

#include <utility>

namespace kyro::read {

namespace {

// What stands behind a schema's and an array's private_data.
struct FieldData {
  std::string format;
  ArrowSchema* children[2] = {};
  ArrowSchema places[2] = {};
};
struct ArrayData {
  ArrowColumn column;
  ArrowArray* children[2] = {};
  ArrowArray places[2] = {};
};

// Children that were moved away have no release any more: whoever has them releases them.
template <class Data, class T>
void Release(T* released) {
  auto* const data = static_cast<Data*>(released->private_data);
  for (T& child : data->places) {
    if (child.release != nullptr) child.release(&child);
  }
  delete data;
  released->release = nullptr;
  released->private_data = nullptr;
}

void FillField(std::unique_ptr<FieldData> data, const char* name, std::int64_t children,
               ArrowSchema* out) {
  *out = ArrowSchema{};
  out->format = data->format.c_str();
  out->name = name;
  out->n_children = children;
  out->children = children == 0 ? nullptr : data->children;
  out->release = &Release<FieldData, ArrowSchema>;
  out->private_data = data.release();
}

void FillArray(std::unique_ptr<ArrayData> data, std::int64_t rows, std::int64_t children,
               ArrowArray* out) {
  *out = ArrowArray{};
  out->length = rows;
  out->n_buffers = data->column.buffer_count;
  out->buffers = data->column.buffers.data();
  out->n_children = children;
  out->children = children == 0 ? nullptr : data->children;
  out->release = &Release<ArrayData, ArrowArray>;
  out->private_data = data.release();
}

std::unique_ptr<FieldData> NewField(std::string format) {
  auto data = std::make_unique<FieldData>();
  data->format = std::move(format);
  return data;
}

std::unique_ptr<ArrayData> NewArray(ArrowColumn column) {
  auto data = std::make_unique<ArrayData>();
  data->column = std::move(column);
  return data;
}

}  // namespace

void MakeArrowSchema(const char* key_format, const std::string& value_format, ArrowSchema* out) {
  // All memory first: nothing behind this throws.
  auto parent = NewField("+s"), key = NewField(key_format), value = NewField(value_format);
  FillField(std::move(key), "key", 0, &parent->places[0]);
  FillField(std::move(value), "value", 0, &parent->places[1]);
  for (int i = 0; i < 2; ++i) parent->children[i] = &parent->places[i];
  FillField(std::move(parent), "", 2, out);
}

void MakeArrowArray(std::int64_t rows, ArrowColumn key_column, ArrowColumn value_column,
                    ArrowArray* out) {
  ArrowColumn validity;
  validity.buffer_count = 1;
  auto parent = NewArray(std::move(validity)), key = NewArray(std::move(key_column)),
       value = NewArray(std::move(value_column));
  FillArray(std::move(key), rows, 0, &parent->places[0]);
  FillArray(std::move(value), rows, 0, &parent->places[1]);
  for (int i = 0; i < 2; ++i) parent->children[i] = &parent->places[i];
  FillArray(std::move(parent), rows, 2, out);
}

}  // namespace kyro::read
