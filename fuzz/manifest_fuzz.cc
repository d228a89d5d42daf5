// SPDX-License-Identifier: Apache-2.0
//
// The input is a manifest. What decodes is exactly what the encoder writes, byte for byte; and the
// loader agrees with the decoder.
#include "base/file_header.h"
#include "fuzz/fuzz.h"
#include "fuzz/memory_directory.h"
#include "fuzz/seal.h"
#include "manifest/manifest.h"

namespace kyro::fuzz {
namespace {

void Check(std::string_view bytes) {
  const auto decoded = manifest::DecodeManifest(bytes, manifest::kManifestName);
  MemoryDirectory directory;
  directory.Set(std::string(manifest::kManifestName), bytes);
  const auto loaded = manifest::LoadManifest(directory);
  KYRO_REQUIRE(loaded.ok() == decoded.ok(), loaded.status().ToString());
  if (!decoded.ok()) {
    RequireTyped(decoded.status());
    RequireTyped(loaded.status());
    return;
  }
  const auto header = DecodeFileHeader(bytes, FileKind::kManifest, manifest::kManifestName);
  KYRO_REQUIRE(header.ok(), header.status().ToString());
  std::string again = manifest::EncodeManifest(*decoded, header->file);
  // Of a newer kyro that set feature bits this one may ignore, the manifest is written without.
  if (header->compatible == 0 && header->read_only_compatible == 0) {
    KYRO_REQUIRE(again == bytes, "valid bytes that the encoder would not write");
  }
  const auto twice = manifest::DecodeManifest(again, manifest::kManifestName);
  KYRO_REQUIRE(twice.ok(), twice.status().ToString());
  KYRO_REQUIRE(*twice == *decoded, "encoded and decoded, it is another");
  KYRO_REQUIRE(loaded->manifest == *decoded, "loaded, it is another");
  KYRO_REQUIRE(loaded->bytes == bytes.size(), std::to_string(loaded->bytes));
  KYRO_REQUIRE(loaded->mark == manifest::MarkOf(*decoded, bytes), "another mark");
  KYRO_REQUIRE(loaded->read_only == (header->read_only_compatible != 0), "read-only or not");
}

}  // namespace
}  // namespace kyro::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  kyro::fuzz::Check(bytes);
  kyro::fuzz::SealManifest(&bytes);
  kyro::fuzz::Check(bytes);
  return 0;
}
