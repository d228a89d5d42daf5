// SPDX-License-Identifier: Apache-2.0
#include "segment/testing.h"

#include "base/crc32c.h"
#include "segment/format.h"

namespace kyro::segment {

Digest Reseal(std::string* file) {
  const std::uint64_t footer_at = file->size() - kFooterBytes;
  char* const bytes = file->data();
  Footer footer;
  footer.table_offset = LoadLE<std::uint64_t>(bytes + footer_at + 8);
  footer.file_bytes = file->size();
  footer.file = LoadLE<Uuid>(bytes + 56);
  footer.block_count = LoadLE<std::uint32_t>(bytes + footer_at + 40);
  const std::uint32_t bits = static_cast<unsigned char>(bytes[129]);
  const std::uint32_t seed = footer.file.CrcSeed();

  StoreLE(bytes + 124, Crc32c({bytes, 124}));
  StoreLE(bytes + 4092, Crc32c({bytes, 4092}, seed));
  for (std::uint64_t block = 0; block < footer.block_count; ++block) {
    const std::uint64_t end = std::min((block + 1) << bits, footer.table_offset);
    const std::uint64_t from = std::min(BlockOffset(block, bits), end);
    StoreLE(bytes + footer.table_offset + block * 4,
            Crc32c({bytes + from, end - from}, BlockSeed(seed, block)));
  }
  const std::string_view table(bytes + footer.table_offset, footer.table_bytes());
  footer.table_crc = Crc32c(table, seed);
  footer.header_crc = LoadLE<std::uint32_t>(bytes + 4092);
  const std::string encoded = EncodeFooter(footer);
  file->replace(footer_at, kFooterBytes, encoded);
  return DigestOf({file->data(), kHeaderAreaBytes},
                  {file->data() + footer.table_offset, footer.table_bytes()});
}

std::string NameOf(FileKind kind, const FileRef& ref) {
  return FileName(kind, ref.id.number);
}

void Rewrite(World* world, SegmentRef* ref, FileKind kind,
             const std::function<void(std::string*)>& change) {
  FileRef* file = kind == FileKind::kKeys   ? &ref->keys
                  : kind == FileKind::kData ? &ref->data
                                            : &ref->model;
  const std::string name = NameOf(kind, *file);
  std::string bytes = world->Read(name);
  change(&bytes);
  file->digest = Reseal(&bytes);
  world->Write(name, bytes);
  if (kind == FileKind::kKeys && ref->model.id.exists()) {
    // The model is bound to the keys' digest.
    Rewrite(world, ref, FileKind::kModel, [&](std::string* model) {
      StoreLE(model->data() + 184, file->digest.lo);
      StoreLE(model->data() + 192, file->digest.hi);
    });
  }
}

}  // namespace kyro::segment
