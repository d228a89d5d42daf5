// SPDX-License-Identifier: Apache-2.0
//
// The bytes of a WriteBatch (docs/format-batch.md): a count, then the operations. The WAL carries
// them as they are; recovery reads them back through the same reader.
#ifndef KYRO_BATCH_BATCH_H_
#define KYRO_BATCH_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "kyro/status.h"
#include "kyro/types.h"

namespace kyro::batch {

enum class OpKind : std::uint8_t { kPut = 1, kDelete = 2 };

struct Op {
  OpKind kind = OpKind::kPut;
  KeyKind key_kind = KeyKind::kU64;
  std::uint32_t keyspace = 0;
  std::string_view key;    // encoded (base/key_traits.h)
  std::string_view value;  // empty for kDelete
};

// u32 operation count.
inline constexpr std::size_t kBatchHeaderBytes = 4;
// kind u8, key kind u8, key bytes u16, keyspace u32, value bytes u32; then key, value.
inline constexpr std::size_t kOpHeaderBytes = 12;

// Starts an empty batch in `*bytes`.
void Clear(std::string* bytes);
// Appends one operation and raises the count. kInvalidArgument for a key or a value over the
// limits of kyro/types.h; `*bytes` is then unchanged. May throw bad_alloc, with the same guarantee.
Status Append(std::string* bytes, const Op& op);
std::uint32_t OpCount(std::string_view bytes) noexcept;

// Walks untrusted bytes.
//   for (Reader reader(bytes); reader.Next(&op);) ...; return reader.status();
class Reader {
 public:
  explicit Reader(std::string_view bytes) noexcept;
  // False at the end and at the first damage. Views in `*op` point into the batch's bytes.
  bool Next(Op* op) noexcept;
  // OK if and only if every operation was well formed and the count and length agree; kDataLoss
  // with what was found and wanted otherwise (no file: the caller knows where the bytes stood).
  Status status() const;

 private:
  void Consume(std::size_t bytes) noexcept;
  void CheckEnd() noexcept;
  bool Damage(const char* why, std::uint64_t found, std::uint64_t want) noexcept;  // false

  std::string_view rest_;
  std::uint32_t left_ = 0;        // operations not yet read
  std::uint64_t position_ = 0;    // bytes consumed
  const char* damage_ = nullptr;  // what was wrong at position_, if anything, ...
  std::uint64_t found_ = 0;       // ... what stood there ...
  std::uint64_t want_ = 0;        // ... and what should have
};

}  // namespace kyro::batch

#endif  // KYRO_BATCH_BATCH_H_
