// SPDX-License-Identifier: Apache-2.0
#include "batch/batch.h"

#include <algorithm>
#include <limits>

#include "base/coding.h"
#include "base/key_traits.h"
#include "base/status_util.h"

namespace kyro::batch {

namespace {

constexpr std::uint32_t kOpsMax = std::numeric_limits<std::uint32_t>::max();

struct Fault {
  const char* why = nullptr;  // null: none
  std::uint64_t found = 0;
  std::uint64_t want = 0;
};

// Why an operation's head is not one that Append writes.
Fault HeadFault(OpKind kind, KeyKind key_kind, std::uint64_t key_bytes,
                std::uint64_t value_bytes) noexcept {
  if (kind != OpKind::kPut && kind != OpKind::kDelete) {
    return {"unknown operation kind", static_cast<std::uint8_t>(kind), 2};
  }
  if (key_kind != KeyKind::kU64 && key_kind != KeyKind::kBytes) {
    return {"unknown key kind", static_cast<std::uint8_t>(key_kind), 2};
  }
  if (key_kind == KeyKind::kU64 && !KeyTraits<U64>::ValidSize(key_bytes)) {
    return {"bytes of an integer key", key_bytes, 8};
  }
  if (!KeyTraits<Bytes>::ValidSize(key_bytes)) return {"bytes of a key", key_bytes, kKeyBytesMax};
  if (value_bytes > kValueBytesMax) return {"bytes of a value", value_bytes, kValueBytesMax};
  if (kind == OpKind::kDelete && value_bytes != 0) {
    return {"bytes of a deletion's value", value_bytes, 0};
  }
  return {};
}

}  // namespace

void Clear(std::string* bytes) {
  bytes->assign(kBatchHeaderBytes, '\0');
}

Status Append(std::string* bytes, const Op& op) {
  const Fault fault = HeadFault(op.kind, op.key_kind, op.key.size(), op.value.size());
  if (fault.why != nullptr) {
    return Error(StatusCode::kInvalidArgument, "{}: {}, want at most {}", fault.why, fault.found,
                 fault.want);
  }
  if (bytes->size() < kBatchHeaderBytes) {
    return Status(StatusCode::kInvalidArgument, "the batch was never cleared");
  }
  const std::uint32_t count = OpCount(*bytes);
  if (count == kOpsMax) return Status(StatusCode::kInvalidArgument, "the batch is full");

  // All memory is taken here, in doubling steps, so that nothing below can throw half-way.
  const std::size_t need = bytes->size() + kOpHeaderBytes + op.key.size() + op.value.size();
  if (bytes->capacity() < need) bytes->reserve(std::max(need, 2 * bytes->capacity()));
  char head[kOpHeaderBytes];
  StoreLE(head, op.kind);
  StoreLE(head + 1, op.key_kind);
  StoreLE(head + 2, static_cast<std::uint16_t>(op.key.size()));
  StoreLE(head + 4, op.keyspace);
  StoreLE(head + 8, static_cast<std::uint32_t>(op.value.size()));
  bytes->append(head, kOpHeaderBytes).append(op.key).append(op.value);
  StoreLE(bytes->data(), count + 1);
  return Status::Ok();
}

std::uint32_t OpCount(std::string_view bytes) noexcept {
  return bytes.size() < kBatchHeaderBytes ? 0 : LoadLE<std::uint32_t>(bytes.data());
}

Reader::Reader(std::string_view bytes) noexcept : rest_(bytes) {
  if (bytes.size() < kBatchHeaderBytes) {
    Damage("bytes of the operation count", bytes.size(), kBatchHeaderBytes);
    return;
  }
  left_ = OpCount(bytes);
  Consume(kBatchHeaderBytes);
  if (left_ == 0) CheckEnd();
}

bool Reader::Next(Op* op) noexcept {
  if (damage_ != nullptr || left_ == 0) return false;
  if (rest_.size() < kOpHeaderBytes) {
    return Damage("bytes of an operation", rest_.size(), kOpHeaderBytes);
  }
  const char* const head = rest_.data();
  const auto kind = static_cast<OpKind>(LoadLE<std::uint8_t>(head));
  const auto key_kind = static_cast<KeyKind>(LoadLE<std::uint8_t>(head + 1));
  const std::size_t key_bytes = LoadLE<std::uint16_t>(head + 2);
  const std::size_t value_bytes = LoadLE<std::uint32_t>(head + 8);
  const Fault fault = HeadFault(kind, key_kind, key_bytes, value_bytes);
  if (fault.why != nullptr) return Damage(fault.why, fault.found, fault.want);
  const std::size_t op_bytes = kOpHeaderBytes + key_bytes + value_bytes;
  if (rest_.size() < op_bytes) return Damage("bytes of an operation", rest_.size(), op_bytes);
  *op = Op{kind, key_kind, LoadLE<std::uint32_t>(head + 4), rest_.substr(kOpHeaderBytes, key_bytes),
           rest_.substr(kOpHeaderBytes + key_bytes, value_bytes)};
  Consume(op_bytes);
  if (--left_ == 0) CheckEnd();
  return true;
}

Status Reader::status() const {
  if (damage_ == nullptr && left_ > 0) {
    // The caller stopped early; what it did not read decides too.
    Reader rest(*this);
    Op op;
    while (rest.Next(&op)) {
    }
    return rest.status();
  }
  if (damage_ == nullptr) return Status::Ok();
  return Error(StatusCode::kDataLoss, "batch at byte {}: {}: found {}, want {}", position_, damage_,
               found_, want_);
}

void Reader::Consume(std::size_t bytes) noexcept {
  rest_.remove_prefix(bytes);
  position_ += bytes;
}

void Reader::CheckEnd() noexcept {
  if (!rest_.empty()) Damage("bytes behind the last operation", rest_.size(), 0);
}

bool Reader::Damage(const char* why, std::uint64_t found, std::uint64_t want) noexcept {
  damage_ = why;
  found_ = found;
  want_ = want;
  return false;
}

}  // namespace kyro::batch
