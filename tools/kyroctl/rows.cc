// SPDX-License-Identifier: Apache-2.0
#include "kyroctl/rows.h"

#include <fmt/format.h>

#include <cstring>

#include "kyroctl/text.h"

namespace kyro::kyroctl {
namespace {

Status Wrong(std::string_view message) {
  return Status(StatusCode::kInvalidArgument, message);
}

void AppendBytesField(std::string* out, std::string_view name, std::string_view bytes) {
  out->push_back('"');
  out->append(name);
  if (IsUtf8(bytes)) {
    out->append("\":");
    AppendJsonString(out, bytes);
    return;
  }
  out->append("_b64\":\"");
  AppendBase64(out, bytes);
  out->push_back('"');
}

}  // namespace

std::string_view KeyKindName(KeyKind kind) noexcept {
  return kind == KeyKind::kU64 ? "u64" : "bytes";
}

template <>
Result<std::uint64_t> ParseKey<U64>(std::string_view text, bool hex) {
  if (hex) return Wrong("--hex is for bytes keys; write u64 keys as 42 or 0x2a");
  if (const auto number = ParseU64(text)) return *number;
  return Wrong(fmt::format(
      "\"{}\" is no u64 key: give a whole number from 0 to 18446744073709551615, or 0x and hex "
      "digits",
      Printable(text)));
}

template <>
Result<std::string> ParseKey<Bytes>(std::string_view text, bool hex) {
  std::string key(text);
  if (hex) {
    auto bytes = DecodeHex(text);
    if (!bytes) {
      return Wrong(
          fmt::format("\"{}\" is not hex: give two hex digits for each byte", Printable(text)));
    }
    key = *std::move(bytes);
  }
  if (key.size() > kKeyBytesMax) {
    return Wrong(
        fmt::format("the key has {} bytes; at most {} are possible", key.size(), kKeyBytesMax));
  }
  return key;
}

std::optional<std::string> PrefixEnd(std::string_view prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.remove_suffix(1);
  if (prefix.empty()) return std::nullopt;
  std::string end(prefix);
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

std::string KeyForPeople(std::uint64_t key) {
  return fmt::format("{}", key);
}

std::string KeyForPeople(std::string_view key) {
  return fmt::format("\"{}\"", Printable(key));
}

std::optional<std::uint64_t> DecodeU64Key(std::string_view encoded) noexcept {
  std::uint64_t key = 0;
  if (encoded.size() != sizeof(key)) return std::nullopt;
  std::memcpy(&key, encoded.data(), sizeof(key));  // kyro is built for little-endian machines only
  return key;
}

void SetKey(Json* object, std::string_view name, std::uint64_t key) {
  (*object)[std::string(name)] = key;
}

void SetKey(Json* object, std::string_view name, std::string_view key) {
  SetBytes(object, name, key);
}

void SetBytes(Json* object, std::string_view name, std::string_view bytes) {
  if (IsUtf8(bytes)) {
    (*object)[std::string(name)] = bytes;
    return;
  }
  std::string text;
  AppendBase64(&text, bytes);
  (*object)[fmt::format("{}_b64", name)] = text;
}

void AppendRow(std::string* out, std::uint64_t key, std::string_view value) {
  fmt::format_to(std::back_inserter(*out), "{{\"key\":{},", key);
  AppendBytesField(out, "value", value);
  out->append("}\n");
}

void AppendRow(std::string* out, std::string_view key, std::string_view value) {
  out->push_back('{');
  AppendBytesField(out, "key", key);
  out->push_back(',');
  AppendBytesField(out, "value", value);
  out->append("}\n");
}

}  // namespace kyro::kyroctl
