// SPDX-License-Identifier: Apache-2.0
//
// The input is the bytes of a WriteBatch. Tried as it is, and with the count of operations that it
// turns out to hold.
#include <vector>

#include "base/coding.h"
#include "batch/batch.h"
#include "fuzz/fuzz.h"

namespace kyro::fuzz {
namespace {

bool Within(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

// Returns how many operations were read.
std::uint32_t Check(std::string_view bytes) {
  std::vector<batch::Op> ops;
  batch::Op op;
  batch::Reader reader(bytes);
  while (reader.Next(&op)) {
    KYRO_REQUIRE(Within(op.key, bytes) && Within(op.value, bytes), "a view of something else");
    const bool put = op.kind == batch::OpKind::kPut;
    KYRO_REQUIRE(put || op.kind == batch::OpKind::kDelete, "neither a put nor a deletion");
    KYRO_REQUIRE(put || op.value.empty(), "a deletion with a value");
    KYRO_REQUIRE(op.key_kind != KeyKind::kU64 || op.key.size() == 8, "an integer of another size");
    ops.push_back(op);
  }
  const Status status = reader.status();
  KYRO_REQUIRE(!reader.Next(&op), "goes on behind the end");
  // One who stops early is told the same.
  batch::Reader early(bytes);
  if (!ops.empty()) KYRO_REQUIRE(early.Next(&op), "read once, but not twice");
  KYRO_REQUIRE(early.status().ToString() == status.ToString(), status.ToString());
  if (!status.ok()) {
    RequireTyped(status);
    return static_cast<std::uint32_t>(ops.size());
  }
  KYRO_REQUIRE(ops.size() == batch::OpCount(bytes), std::to_string(ops.size()));
  std::string again;
  batch::Clear(&again);
  for (const batch::Op& each : ops) {
    const Status appended = batch::Append(&again, each);
    KYRO_REQUIRE(appended.ok(), appended.ToString());
  }
  KYRO_REQUIRE(again == bytes, "valid bytes that the encoder would not write");
  return static_cast<std::uint32_t>(ops.size());
}

}  // namespace
}  // namespace kyro::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  const std::uint32_t ops = kyro::fuzz::Check(bytes);
  if (bytes.size() >= kyro::batch::kBatchHeaderBytes) {
    kyro::StoreLE(bytes.data(), ops);
    kyro::fuzz::Check(bytes);
  }
  return 0;
}
