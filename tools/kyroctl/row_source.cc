// SPDX-License-Identifier: Apache-2.0
#include "kyroctl/row_source.h"

#include <fmt/format.h>

#include <cstddef>

#include "kyroctl/csv.h"
#include "kyroctl/line_reader.h"
#include "kyroctl/sosd.h"

namespace kyro::kyroctl {
namespace {

// The longest row there can be: every byte of key and value as a \u escape.
constexpr std::size_t kLineBytesMax = 6 * (kKeyBytesMax + kValueBytesMax) + 1024;

class NdjsonSource : public RowSource {
 public:
  explicit NdjsonSource(std::istream* in) : lines_(in, kLineBytesMax) {}

  bool Next(Row* row) override {
    std::string_view line;
    if (!status_.ok()) return false;
    const bool more = lines_.Next(&line);
    bytes_read_ = lines_.bytes_read();
    status_ = more ? ParseRow(line, row) : lines_.status();
    return more && status_.ok();
  }
  std::string Place() const override { return fmt::format("line {}", lines_.number()); }

 private:
  LineReader lines_;
};

// An input for a parser that is fed.
template <class Parser>
class FedSource : public RowSource {
 public:
  explicit FedSource(std::istream* in) : in_(in), chunk_(kChunkBytes, '\0') {}

 protected:
  using Step = typename Parser::Step;

  // True if the parser has something complete.
  bool Pull() {
    while (status_.ok() && !over_) {
      if (rest_.empty() && !Fill()) break;
      std::size_t used = 0;
      over_ = rest_.empty();
      const Step step = over_ ? parser_.Finish() : parser_.Feed(rest_, &used);
      rest_.remove_prefix(used);
      if (step == Step::kWrong) {
        status_ = Status(StatusCode::kInvalidArgument, parser_.error());
      } else if (step != Step::kMore) {
        return true;
      }
    }
    return false;
  }

  Parser parser_;

 private:
  static constexpr std::size_t kChunkBytes = std::size_t{256} << 10;

  // What there is now, and no more: a pipe's rows are taken as they come. False after an error; at
  // the end rest_ stays empty.
  bool Fill() {
    if (in_->peek() != std::istream::traits_type::eof()) {
      const auto got = in_->readsome(chunk_.data(), static_cast<std::streamsize>(chunk_.size()));
      rest_ = std::string_view(chunk_).substr(0, static_cast<std::size_t>(got));
      bytes_read_ += rest_.size();
    }
    if (in_->eof() || in_->good()) return true;
    status_ = Status(StatusCode::kIoError, "the input cannot be read");
    return false;
  }

  std::istream* const in_;
  std::string chunk_;
  std::string_view rest_;  // of the chunk, not fed yet
  bool over_ = false;
};

class CsvSource : public FedSource<CsvParser> {
 public:
  using FedSource::FedSource;

  bool Next(Row* row) override {
    if (!Pull()) return false;
    row->kind = KeyKind::kBytes;
    row->as_typed = true;
    row->bytes = parser_.key();
    row->value = parser_.value();
    return true;
  }
  std::string Place() const override {
    return fmt::format("line {}, column {}", parser_.line(), parser_.column());
  }
};

class SosdSource : public FedSource<SosdParser> {
 public:
  using FedSource::FedSource;

  bool Next(Row* row) override {
    if (!Pull()) return false;
    row->kind = KeyKind::kU64;
    row->number = parser_.key();
    row->value = PositionValue(parser_.position());
    ++keys_;
    return true;
  }
  std::string Place() const override {
    return fmt::format("key {}", status_.ok() ? keys_ : keys_ + 1);
  }

 private:
  std::uint64_t keys_ = 0;
};

}  // namespace

std::unique_ptr<RowSource> MakeRowSource(RowFormat format, std::istream* in) {
  switch (format) {
    case RowFormat::kCsv:
      return std::make_unique<CsvSource>(in);
    case RowFormat::kSosd:
      return std::make_unique<SosdSource>(in);
    case RowFormat::kNdjson:
      break;
  }
  return std::make_unique<NdjsonSource>(in);
}

}  // namespace kyro::kyroctl
