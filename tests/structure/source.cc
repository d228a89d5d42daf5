// SPDX-License-Identifier: Apache-2.0
#include "structure/source.h"

#include <cctype>

namespace kyro::structure {

namespace {

bool IsIdentifierChar(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  void Run(Source* source) {
    source_ = source;
    while (at_ < text_.size()) Step();
  }

 private:
  char Peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool Starts(std::string_view with) const { return text_.substr(at_, with.size()) == with; }

  void Step() {
    const char c = Peek();
    if (c == '\n') return NewLine();
    if (c == '\\' && Peek(1) == '\n') {
      ++line_;
      at_ += 2;
      return;
    }
    if (std::isspace(static_cast<unsigned char>(c))) return void(++at_);
    if (Starts("//")) return SkipTo("\n", false);
    if (Starts("/*")) return SkipTo("*/", true);
    if (c == '#' && line_is_empty_) return Directive();
    line_is_empty_ = false;
    if (Starts("R\"")) return RawString();
    if (c == '"' || c == '\'') return Quoted(c);
    if (IsIdentifierChar(c)) return Word();
    const std::size_t size = Starts("::") || Starts("->") ? 2 : 1;
    Add(Token::Kind::kPunctuation, std::string(text_.substr(at_, size)));
    at_ += size;
  }

  void NewLine() {
    ++line_;
    ++at_;
    line_is_empty_ = true;
    directive_ = false;
  }

  void SkipTo(std::string_view end, bool past) {
    const std::size_t found = text_.find(end, at_);
    const std::size_t stop = found == std::string_view::npos ? text_.size() : found;
    for (; at_ < stop; ++at_) line_ += text_[at_] == '\n';
    if (past && found != std::string_view::npos) at_ += end.size();
  }

  void Quoted(char quote) {
    Add(Token::Kind::kLiteral, "");
    for (++at_; at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    if (at_ < text_.size() && text_[at_] == quote) ++at_;
  }

  void RawString() {
    Add(Token::Kind::kLiteral, "");
    const std::size_t open = text_.find('(', at_);
    if (open == std::string_view::npos) return void(at_ = text_.size());
    const std::string end = ")" + std::string(text_.substr(at_ + 2, open - at_ - 2)) + "\"";
    SkipTo(end, true);
  }

  void Word() {
    const bool number = std::isdigit(static_cast<unsigned char>(Peek())) != 0;
    const std::size_t begin = at_;
    // A ' inside a number separates digits.
    while (IsIdentifierChar(Peek()) || (number && Peek() == '\'' && IsIdentifierChar(Peek(1)))) {
      ++at_;
    }
    if (number) return Add(Token::Kind::kLiteral, "");
    Add(Token::Kind::kIdentifier, std::string(text_.substr(begin, at_ - begin)));
  }

  // Takes the directive's name, and all of an #include; the rest is lexed like code.
  void Directive() {
    directive_ = true;
    line_is_empty_ = false;
    for (++at_; Peek() == ' '; ++at_) {
    }
    std::string name;
    for (; IsIdentifierChar(Peek()); ++at_) name.push_back(Peek());
    if (name == "if" || name == "ifdef" || name == "ifndef") branches_.push_back(false);
    if (!branches_.empty() && (name == "else" || name == "elif")) branches_.back() = true;
    if (!branches_.empty() && name == "endif") branches_.pop_back();
    if (name != "include") return;
    const std::size_t end = std::min(text_.find('\n', at_), text_.size());
    const std::string_view rest = text_.substr(at_, end - at_);
    const std::size_t open = rest.find_first_of("<\"");
    const std::size_t close = rest.find_last_of(">\"");
    if (open != std::string_view::npos && close > open) {
      source_->includes.push_back(
          {std::string(rest.substr(open + 1, close - open - 1)), rest[open] == '<', line_});
    }
    at_ = end;
  }

  void Add(Token::Kind kind, std::string text) {
    bool alternative = false;
    for (const bool branch : branches_) alternative |= branch;
    source_->tokens.push_back({kind, std::move(text), line_, directive_, alternative});
  }

  std::string_view text_;
  Source* source_ = nullptr;
  std::size_t at_ = 0;
  int line_ = 1;
  bool line_is_empty_ = true;
  bool directive_ = false;
  std::vector<bool> branches_;  // for each open #if: are we behind its #else?
};

}  // namespace

const Token& Source::at(std::size_t i) const {
  static const Token end;
  return i < tokens.size() ? tokens[i] : end;
}

std::string_view Source::top() const {
  return std::string_view(path).substr(0, path.find('/'));
}

std::string_view Source::room() const {
  if (top() != "lib" || path.size() < 4) return {};
  const std::string_view rest = std::string_view(path).substr(4);
  const std::size_t slash = rest.find('/');
  return slash == std::string_view::npos ? std::string_view() : rest.substr(0, slash);
}

Source ParseSource(std::string path, std::string_view text) {
  Source source;
  source.path = std::move(path);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    source.lines.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  Lexer(text).Run(&source);
  return source;
}

}  // namespace kyro::structure
