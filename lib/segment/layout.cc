// SPDX-License-Identifier: Apache-2.0
#include "segment/layout.h"

#include "base/limits.h"
#include "base/status_util.h"
#include "filter/split_block.h"

namespace kyro::segment {

namespace {

Status Wrong(std::string_view name, std::string_view what, std::uint64_t found,
             std::uint64_t want) {
  return FileError(StatusCode::kDataLoss, name, kFileHeaderBytes, "{}: {}, want {}", what, found,
                   want);
}

// The column `id`, which must have `count` elements of `type`.
Result<const Column*> Need(const Header& header, std::string_view name, ColumnId id,
                           ColumnType type, std::uint64_t count) {
  const Column* column = header.Find(id);
  if (column == nullptr) {
    return FileError(StatusCode::kDataLoss, name, kFileHeaderBytes, "has no column {}",
                     static_cast<std::uint32_t>(id));
  }
  if (column->type != type || column->count != count) {
    return FileError(StatusCode::kDataLoss, name, kFileHeaderBytes,
                     "column {}: {} elements of type {}, want {} of type {}",
                     static_cast<std::uint32_t>(id), column->count,
                     static_cast<std::uint32_t>(column->type), count,
                     static_cast<std::uint32_t>(type));
  }
  return column;
}

Status CheckKeys(const Header& keys, std::string_view name, KeyKind kind, Layout* layout) {
  const std::uint64_t n = layout->entries;
  if (kind == KeyKind::kU64) {
    KYRO_ASSIGN_OR_RETURN(layout->keys, Need(keys, name, ColumnId::kKeys, ColumnType::kU64, n));
    return Status::Ok();
  }
  KYRO_ASSIGN_OR_RETURN(layout->key_offsets,
                        Need(keys, name, ColumnId::kKeyOffsets, ColumnType::kU32, n + 1));
  KYRO_ASSIGN_OR_RETURN(layout->key_heap,
                        Need(keys, name, ColumnId::kKeyHeap, ColumnType::kBytes, n));
  KYRO_ASSIGN_OR_RETURN(layout->fingerprints,
                        Need(keys, name, ColumnId::kFingerprints, ColumnType::kU8, n));
  if (layout->key_heap->encoding != ColumnEncoding::kOffsets) {
    return Wrong(name, "key heap encoding", 0, 1);
  }
  return Status::Ok();
}

Status CheckValues(const Header& keys, std::string_view keys_name, const Header& data,
                   std::string_view data_name, Layout* layout) {
  const std::uint64_t n = layout->entries;
  KYRO_ASSIGN_OR_RETURN(layout->values,
                        Need(data, data_name, ColumnId::kValues, ColumnType::kBytes, n));
  if (layout->values->encoding == ColumnEncoding::kOffsets) {
    KYRO_ASSIGN_OR_RETURN(layout->value_offsets,
                          Need(keys, keys_name, ColumnId::kValueOffsets, ColumnType::kU32, n + 1));
  } else if (layout->values->stride > kValueBytesMax) {
    return Wrong(data_name, "value width", layout->values->stride, kValueBytesMax);
  }
  return Status::Ok();
}

}  // namespace

Result<Layout> CheckLayout(const Header& keys, std::string_view keys_name, const Header& data,
                           std::string_view data_name, KeyKind kind, const SegmentRef& ref) {
  Layout layout;
  layout.entries = ref.entries;
  for (const auto& [header, name] : {std::pair(&keys, keys_name), std::pair(&data, data_name)}) {
    if (header->key_kind != kind) {
      return Wrong(name, "key kind", static_cast<std::uint64_t>(header->key_kind),
                   static_cast<std::uint64_t>(kind));
    }
    if (header->entries != ref.entries || ref.entries == 0 || ref.entries > kSegmentEntriesMax) {
      return Wrong(name, "entries", header->entries, ref.entries);
    }
    if (header->tombstones != ref.tombstones || ref.tombstones > ref.entries) {
      return Wrong(name, "tombstones", header->tombstones, ref.tombstones);
    }
  }
  if (keys.companion != data.file.file || data.companion != keys.file.file) {
    return FileError(StatusCode::kDataLoss, data_name, kFileHeaderBytes,
                     "belongs to the keys {}, want {}", data.companion.ToString(),
                     keys.file.file.ToString());
  }
  KYRO_RETURN_IF_ERROR(CheckKeys(keys, keys_name, kind, &layout));
  KYRO_RETURN_IF_ERROR(CheckValues(keys, keys_name, data, data_name, &layout));
  if (ref.tombstones > 0) {
    KYRO_ASSIGN_OR_RETURN(layout.tombstones, Need(keys, keys_name, ColumnId::kTombstones,
                                                  ColumnType::kBit, ref.entries));
  }
  layout.filter = keys.Find(ColumnId::kFilter);
  if (layout.filter != nullptr &&
      (layout.filter->bytes == 0 || layout.filter->bytes % filter::kBlockBytes != 0)) {
    return Wrong(keys_name, "filter bytes", layout.filter->bytes, filter::kBlockBytes);
  }
  for (const std::string_view key :
       {std::string_view(ref.first_key), std::string_view(ref.last_key)}) {
    const bool valid = kind == KeyKind::kU64 ? key.size() == 8 : key.size() <= kKeyBytesMax;
    if (!valid)
      return Error(StatusCode::kDataLoss, "{}: a key range of impossible width", keys_name);
  }
  return layout;
}

Status CheckModel(const Header& model, std::string_view name, const SegmentRef& ref) {
  if (model.companion != ref.keys.id.uuid || model.companion_digest != ref.keys.digest) {
    return FileError(StatusCode::kDataLoss, name, kFileHeaderBytes,
                     "was trained for the keys {}, want {}", model.companion.ToString(),
                     ref.keys.id.uuid.ToString());
  }
  if (model.key_kind != KeyKind::kU64) return Wrong(name, "key kind", 2, 1);
  if (model.entries != ref.entries) return Wrong(name, "entries", model.entries, ref.entries);
  const Column* column = model.Find(ColumnId::kModel);
  if (column == nullptr || column->stride != 1) {
    return FileError(StatusCode::kDataLoss, name, kFileHeaderBytes, "has no model column");
  }
  return Status::Ok();
}

}  // namespace kyro::segment
