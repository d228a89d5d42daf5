// SPDX-License-Identifier: Apache-2.0
#include "segment/model_file.h"

#include <utility>

#include "base/status_util.h"
#include "segment/layout.h"

namespace kyro::segment {

Result<ModelFile> ModelFile::Open(const io::Directory& directory, const SegmentRef& ref,
                                  Access access, Counters* counters) {
  // Its blocks are all verified here: no lookup has to wait for them, or to count them.
  KYRO_ASSIGN_OR_RETURN(auto file, BlockFile::Open(directory, FileKind::kModel, ref.model, access,
                                                   counters, /*unverified=*/nullptr));
  KYRO_RETURN_IF_ERROR(CheckModel(file->header(), file->name(), ref));
  KYRO_RETURN_IF_ERROR(file->VerifyAll(nullptr));
  const Column& column = *file->header().Find(ColumnId::kModel);
  const auto* blob = reinterpret_cast<const std::byte*>(file->at(column.offset));
  auto model = index::Model::Open({blob, column.bytes}, static_cast<std::uint32_t>(ref.entries));
  if (!model.ok()) {
    return FileError(model.status().code(), file->name(), column.offset, "{}",
                     model.status().message());
  }
  return ModelFile{std::move(file), model.value()};
}

Result<std::unique_ptr<BlockWriter>> WriteModel(const BuildContext& context,
                                                const FileRef& keys_ref, std::uint32_t block_bits,
                                                std::span<const std::uint64_t> keys,
                                                index::ModelBytes* model) {
  if (keys.size() < index::kModelKeysMin) return std::unique_ptr<BlockWriter>();
  KYRO_ASSIGN_OR_RETURN(*model, index::Train(keys));
  Header header;
  header.file.kind = FileKind::kModel;
  header.file.database = context.database;
  header.file.number = context.next_number();
  KYRO_ASSIGN_OR_RETURN(header.file.file, context.random->NewUuid());
  header.block_bits = block_bits;
  header.entries = keys.size();
  header.companion = keys_ref.id.uuid;
  header.companion_digest = keys_ref.digest;
  KYRO_ASSIGN_OR_RETURN(auto writer, BlockWriter::Create(context.directory, header));
  KYRO_RETURN_IF_ERROR(writer->BeginColumn(ColumnId::kModel, ColumnType::kBytes,
                                           ColumnEncoding::kPlain, /*required=*/true));
  const std::span<const std::byte> bytes = std::as_const(*model).bytes();
  KYRO_RETURN_IF_ERROR(writer->Append({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  writer->EndColumn(ColumnEncoding::kPlain, bytes.size(), 1);
  KYRO_RETURN_IF_ERROR(writer->Finish());
  return writer;
}

}  // namespace kyro::segment
