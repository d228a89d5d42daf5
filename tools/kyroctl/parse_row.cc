// SPDX-License-Identifier: Apache-2.0
//
// Reading a row of NDJSON. Strict, because what is loaded is what will be read back for years:
// every field is known and stands once, and numbers are exact.
#include <fmt/format.h>

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "kyroctl/rows.h"
#include "kyroctl/text.h"

namespace kyro::kyroctl {
namespace {

constexpr std::string_view kWholeNumber =
    "a key that is a number must be whole, from 0 to 18446744073709551615";

// Receives the parser's events; returning false ends the parse with error_.
class RowReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit RowReader(Row* row) : row_(row) {}

  bool null() override { return Unexpected("null"); }
  bool boolean(bool) override { return Unexpected("a boolean"); }
  bool number_integer(number_integer_t) override { return Number(false, 0); }  // negative
  bool number_unsigned(number_unsigned_t number) override { return Number(true, number); }
  bool number_float(number_float_t, const string_t&) override { return Number(false, 0); }
  bool binary(binary_t&) override { return Unexpected("binary"); }
  bool start_array(std::size_t) override { return Unexpected("an array"); }
  bool end_array() override { return Unexpected("an array"); }

  bool start_object(std::size_t) override {
    if (inside_) return Unexpected("an object");
    inside_ = true;
    return true;
  }
  bool end_object() override { return true; }

  bool key(string_t& name) override {
    field_ = name;
    if (field_ == "key" || field_ == "key_b64") return Once(&has_key_, "key");
    if (field_ == "value" || field_ == "value_b64") return Once(&has_value_, "value");
    return Wrong(fmt::format("field \"{}\" is not one of key, key_b64, value, value_b64",
                             Printable(field_)));
  }

  bool string(string_t& text) override {
    if (!inside_) return Unexpected("a string");
    std::string bytes = std::move(text);
    if (field_.ends_with("_b64")) {
      auto decoded = DecodeBase64(bytes);
      if (!decoded) return Wrong(fmt::format("field \"{}\" is not padded base64", field_));
      bytes = *std::move(decoded);
    }
    if (field_.starts_with("key")) {
      row_->kind = KeyKind::kBytes;
      row_->bytes = std::move(bytes);
    } else {
      row_->value = std::move(bytes);
    }
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception&) override {
    return Wrong(fmt::format("not valid JSON at byte {} of the line", position));
  }

  Status Finish() const {
    if (!error_.empty()) return Status(StatusCode::kInvalidArgument, error_);
    if (!has_key_) return Status(StatusCode::kInvalidArgument, "field \"key\" is missing");
    if (!has_value_) return Status(StatusCode::kInvalidArgument, "field \"value\" is missing");
    if (row_->bytes.size() > kKeyBytesMax) {
      return TooLong("key", row_->bytes.size(), kKeyBytesMax);
    }
    if (row_->value.size() > kValueBytesMax) {
      return TooLong("value", row_->value.size(), kValueBytesMax);
    }
    return Status::Ok();
  }

 private:
  static Status TooLong(std::string_view what, std::size_t bytes, std::size_t most) {
    return Status(StatusCode::kInvalidArgument,
                  fmt::format("the {} has {} bytes; at most {} are possible", what, bytes, most));
  }

  bool Wrong(std::string message) {
    error_ = std::move(message);
    return false;
  }
  bool Unexpected(std::string_view what) {
    if (!inside_) return Wrong("a row is a JSON object such as {\"key\":42,\"value\":\"text\"}");
    return Wrong(fmt::format("field \"{}\" must not be {}", field_, what));
  }
  bool Once(bool* seen, std::string_view what) {
    if (std::exchange(*seen, true)) return Wrong(fmt::format("the {} is given twice", what));
    return true;
  }
  bool Number(bool exact, std::uint64_t number) {
    if (!inside_ || field_ != "key") return Unexpected("a number");
    if (!exact) return Wrong(std::string(kWholeNumber));
    row_->kind = KeyKind::kU64;
    row_->number = number;
    return true;
  }

  Row* const row_;
  std::string field_;
  std::string error_;
  bool inside_ = false;
  bool has_key_ = false;
  bool has_value_ = false;
};

}  // namespace

Status ParseRow(std::string_view line, Row* row) {
  row->as_typed = false;
  row->bytes.clear();
  row->value.clear();
  RowReader reader(row);
  // The parser's own verdict adds nothing: it is false only after reader was told why.
  static_cast<void>(nlohmann::json::sax_parse(line, &reader));
  return reader.Finish();
}

}  // namespace kyro::kyroctl
