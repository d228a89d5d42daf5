// SPDX-License-Identifier: Apache-2.0
//
// CSV as RFC 4180 has it, of two columns: a header key,value, then a key and a value in each
// record. Fields in quotes may hold commas, quotes (doubled) and line ends; lines end in CRLF or
// LF. Lenient in two points only: a byte order mark before the header and empty lines are skipped.
#ifndef KYRO_TOOLS_KYROCTL_CSV_H_
#define KYRO_TOOLS_KYROCTL_CSV_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kyro::kyroctl {

// Fed with the input in pieces of any size; touches nothing else. One thread at a time.
class CsvParser {
 public:
  enum class Step : std::uint8_t {
    kMore,    // everything was used, no record is complete
    kRecord,  // key() and value() are a record; feed what was not used
    kWrong,   // error(), line() and column() say what and where; this is the end
  };
  // Reads on until a record is complete. `*used` of the bytes are not to be fed again.
  Step Feed(std::string_view bytes, std::size_t* used);
  // After the last byte: the last line may lack its end. kMore: there is no further record.
  Step Finish();

  // Of a record, until the next call.
  const std::string& key() const noexcept { return fields_[0]; }
  const std::string& value() const noexcept { return fields_[1]; }

  const std::string& error() const noexcept { return error_; }
  // Where the record begins, or what is wrong stands; from 1. Columns are UTF-8 characters.
  std::uint64_t line() const noexcept { return at_line_; }
  std::uint64_t column() const noexcept { return at_column_; }

 private:
  enum class State : std::uint8_t { kFieldStart, kBare, kQuoted, kQuoteInQuoted, kAfterCr, kOver };

  Step Take(char c);
  Step TakeBare(char c);
  Step TakeQuoteInQuoted(char c);
  Step Append(char c);
  Step EndField();
  Step EndRecord();
  Step Wrong(std::string message);
  bool SkipsMark(char c) noexcept;
  void Advance(char c) noexcept;

  State state_ = State::kFieldStart;
  std::size_t field_ = 0;  // of the record
  bool quoted_ = false;    // the field was in quotes
  bool begun_ = false;     // the record has a byte
  bool fresh_ = true;      // key() and value() are of the last record
  bool have_header_ = false;
  std::size_t mark_bytes_ = 0;  // of a byte order mark
  std::string fields_[2];
  std::uint64_t line_ = 1, column_ = 1;              // of the next byte
  std::uint64_t quote_line_ = 0, quote_column_ = 0;  // of the quote that opened the field
  std::uint64_t at_line_ = 1, at_column_ = 1;
  std::string error_;
};

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_CSV_H_
