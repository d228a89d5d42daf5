// SPDX-License-Identifier: Apache-2.0
#include "kyroctl/csv.h"

#include <fmt/format.h>

#include <utility>

#include "kyro/types.h"
#include "kyroctl/text.h"

namespace kyro::kyroctl {
namespace {

constexpr std::string_view kMark = "\xef\xbb\xbf";
constexpr std::size_t kFieldBytesMax[] = {kKeyBytesMax, kValueBytesMax};
constexpr const char* kFieldNames[] = {"key", "value"};

}  // namespace

CsvParser::Step CsvParser::Feed(std::string_view bytes, std::size_t* used) {
  *used = 0;
  if (state_ == State::kOver) return Step::kWrong;
  for (const char c : bytes) {
    ++*used;
    if (SkipsMark(c)) continue;
    const Step step = Take(c);
    if (step == Step::kWrong) {
      state_ = State::kOver;
      return step;
    }
    Advance(c);
    if (step == Step::kRecord) return step;
  }
  return Step::kMore;
}

CsvParser::Step CsvParser::Finish() {
  Step step = Step::kMore;
  switch (state_) {
    case State::kOver:
      return Step::kWrong;
    case State::kQuoted:
      line_ = quote_line_;
      column_ = quote_column_;
      step = Wrong("the quote that opens here is never closed");
      break;
    case State::kAfterCr:
      step = Wrong("a carriage return without a line feed");
      break;
    default:
      if (begun_) step = EndRecord();
      if (step == Step::kMore && !have_header_) step = Wrong("the header key,value is missing");
  }
  if (step == Step::kWrong) state_ = State::kOver;
  return step;
}

CsvParser::Step CsvParser::Take(char c) {
  if (std::exchange(fresh_, false)) {
    fields_[0].clear();
    fields_[1].clear();
    field_ = 0;
    at_line_ = line_;
    at_column_ = column_;
  }
  begun_ = true;
  switch (state_) {
    case State::kFieldStart:
      if (c != '"') return TakeBare(c);
      quoted_ = true;
      quote_line_ = line_;
      quote_column_ = column_;
      state_ = State::kQuoted;
      return Step::kMore;
    case State::kBare:
      if (c == '"') return Wrong("a quote in a field that does not begin with one; quote it all");
      return TakeBare(c);
    case State::kQuoted:
      if (c != '"') return Append(c);
      state_ = State::kQuoteInQuoted;
      return Step::kMore;
    case State::kQuoteInQuoted:
      return TakeQuoteInQuoted(c);
    default:
      return c == '\n' ? EndRecord() : Wrong("a carriage return without a line feed");
  }
}

CsvParser::Step CsvParser::TakeBare(char c) {
  switch (c) {
    case ',':
      return EndField();
    case '\n':
      return EndRecord();
    case '\r':
      state_ = State::kAfterCr;
      return Step::kMore;
    default:
      state_ = State::kBare;
      return Append(c);
  }
}

CsvParser::Step CsvParser::TakeQuoteInQuoted(char c) {
  if (c == '"') {
    state_ = State::kQuoted;
    return Append(c);
  }
  if (c == ',' || c == '\n' || c == '\r') return TakeBare(c);
  return Wrong("after a closing quote there must be a comma or the end of the line");
}

CsvParser::Step CsvParser::Append(char c) {
  if (fields_[field_].size() == kFieldBytesMax[field_]) {
    return Wrong(fmt::format("the {} is too long; at most {} bytes are possible",
                             kFieldNames[field_], kFieldBytesMax[field_]));
  }
  fields_[field_].push_back(c);
  return Step::kMore;
}

CsvParser::Step CsvParser::EndField() {
  if (field_ == 1) return Wrong("a third field begins after this comma; a record is key,value");
  field_ = 1;
  quoted_ = false;
  state_ = State::kFieldStart;
  return Step::kMore;
}

CsvParser::Step CsvParser::EndRecord() {
  const bool empty = field_ == 0 && fields_[0].empty() && !quoted_;
  if (field_ == 0 && !empty) return Wrong("the record has one field; it must be key,value");
  state_ = State::kFieldStart;
  quoted_ = false;
  begun_ = false;
  fresh_ = true;
  if (empty) return Step::kMore;
  if (have_header_) return Step::kRecord;
  if (fields_[0] != "key" || fields_[1] != "value" || mark_bytes_ % kMark.size() != 0) {
    line_ = at_line_;
    column_ = at_column_;
    return Wrong(fmt::format("the header is {},{}; it must be key,value",
                             Printable(fields_[0].substr(0, 40)),
                             Printable(fields_[1].substr(0, 40))));
  }
  have_header_ = true;
  return Step::kMore;
}

CsvParser::Step CsvParser::Wrong(std::string message) {
  error_ = std::move(message);
  at_line_ = line_;
  at_column_ = column_;
  return Step::kWrong;
}

// Before the first byte that belongs to no mark.
bool CsvParser::SkipsMark(char c) noexcept {
  if (begun_ || have_header_ || mark_bytes_ == kMark.size() || c != kMark[mark_bytes_])
    return false;
  if (line_ != 1) return false;
  ++mark_bytes_;
  return true;
}

void CsvParser::Advance(char c) noexcept {
  if (c == '\n') {
    ++line_;
    column_ = 1;
  } else if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) {
    ++column_;
  }
}

}  // namespace kyro::kyroctl
