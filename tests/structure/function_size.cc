// SPDX-License-Identifier: Apache-2.0
//
// Finds functions by their braces: a `{` outside any function whose head has parentheses, or that
// ends a lambda introducer, opens one.
#include <fmt/format.h>

#include "structure/rules.h"

namespace kyro::structure {

namespace {

class FunctionFinder {
 public:
  FunctionFinder(const Source& source, Problems* problems) : source_(source), problems_(problems) {}

  void Run() {
    for (const Token& token : source_.tokens) {
      if (token.directive || token.alternative) continue;
      if (depth_ > 0) {
        Inside(token);
      } else {
        Outside(token);
      }
    }
  }

 private:
  enum class Opens { kScope, kFunction, kInitializer };

  // In a function's body or an initializer's braces: only depth matters.
  void Inside(const Token& token) {
    if (token.text == "{") ++depth_;
    if (token.text != "}" || --depth_ > 0) return;
    if (!in_function_) return head_.push_back(&token);  // an initializer is part of its head
    const int lines = token.line - head_.front()->line + 1;
    if (lines > kFunctionLinesMax) {
      problems_->push_back(fmt::format("{}:{}: {} has {} lines, at most {}", source_.path,
                                       head_.front()->line, Name(), lines, kFunctionLinesMax));
    }
    head_.clear();
  }

  void Outside(const Token& token) {
    if (token.text == "(") ++parentheses_;
    if (token.text == ")") --parentheses_;
    if (token.text == ";" && parentheses_ == 0) return head_.clear();
    if (token.text == "}") return head_.clear();  // the end of a scope
    if (token.text == ":" && head_.size() == 1 && IsAccess(head_.back()->text)) {
      return head_.clear();
    }
    if (token.text != "{") return head_.push_back(&token);
    const Opens opens = Classify();
    if (opens == Opens::kScope) return head_.clear();
    in_function_ = opens == Opens::kFunction;
    depth_ = 1;
  }

  Opens Classify() const {
    if (parentheses_ > 0 || head_.empty()) return Opens::kInitializer;
    const std::string& last = head_.back()->text;
    bool call = false;          // saw a parenthesis
    bool initializers = false;  // saw the `:` of a constructor's list
    for (std::size_t i = AfterTemplate(); i < head_.size(); ++i) {
      const std::string& text = head_[i]->text;
      const bool scope = text == "namespace" || text == "class" || text == "struct" ||
                         text == "union" || text == "enum" || text == "extern";
      if (scope && !call) {
        // `extern "C" int f() {` and `struct stat f() {` are not this tree's style.
        return Opens::kScope;
      }
      if (text == "(") call = true;
      if (text == ":" && call) initializers = true;
    }
    const bool named = head_.back()->kind == Token::Kind::kIdentifier || last == ">";
    if (initializers && named) return Opens::kInitializer;  // a_{1}
    if (last == "=" || last == "return") return Opens::kInitializer;
    if (call) return Opens::kFunction;
    return last == "]" && head_.size() > 2 && head_[head_.size() - 2]->text != "]" &&
                   HasAssignment()
               ? Opens::kFunction  // = [] {
               : Opens::kInitializer;
  }

  bool HasAssignment() const {
    for (const Token* token : head_) {
      if (token->text == "=") return true;
    }
    return false;
  }

  // The first token after `template <...>`, which may contain the word class.
  std::size_t AfterTemplate() const {
    std::size_t i = 0;
    while (i + 1 < head_.size() && head_[i]->text == "template" && head_[i + 1]->text == "<") {
      int angles = 0;
      for (++i; i < head_.size(); ++i) {
        if (head_[i]->text == "<") ++angles;
        if (head_[i]->text == ">" && --angles == 0) break;
      }
      ++i;
    }
    return i;
  }

  static bool IsAccess(const std::string& text) {
    return text == "public" || text == "private" || text == "protected";
  }

  std::string Name() const {
    for (std::size_t i = 1; i < head_.size(); ++i) {
      if (head_[i]->text == "(") return head_[i - 1]->text;
    }
    return "a lambda";
  }

  const Source& source_;
  Problems* const problems_;
  std::vector<const Token*> head_;  // since the last declaration ended
  int depth_ = 0;                   // braces open inside a function or an initializer
  int parentheses_ = 0;
  bool in_function_ = false;
};

}  // namespace

Problems CheckFunctionSizes(const Source& source) {
  Problems problems;
  FunctionFinder(source, &problems).Run();
  return problems;
}

}  // namespace kyro::structure
