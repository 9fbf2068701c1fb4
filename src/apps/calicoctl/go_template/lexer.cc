// SPDX-License-Identifier: Apache-2.0
#include <cctype>
#include <charconv>

#include <fmt/format.h>

#include "apps/calicoctl/go_template/syntax.h"

namespace calico::calicoctl::go_template {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

bool IsWordCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80) != 0;
}
bool IsDigit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

// UTF-8 of a character code.
void AppendRune(std::uint32_t rune, std::string& out) {
  const auto add = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (rune < 0x80) {
    add(rune);
  } else if (rune < 0x800) {
    add(0xc0 | rune >> 6);
    add(0x80 | (rune & 0x3f));
  } else if (rune < 0x10000) {
    add(0xe0 | rune >> 12);
    add(0x80 | (rune >> 6 & 0x3f));
    add(0x80 | (rune & 0x3f));
  } else {
    add(0xf0 | rune >> 18);
    add(0x80 | (rune >> 12 & 0x3f));
    add(0x80 | (rune >> 6 & 0x3f));
    add(0x80 | (rune & 0x3f));
  }
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Piece>> Split() {
    std::vector<Piece> pieces;
    bool trim_left = false;
    while (true) {
      const std::size_t open = text_.find("{{", at_);
      Piece text{place_,
                 false,
                 std::string(text_.substr(at_, open == std::string_view::npos ? open : open - at_)),
                 {}};
      if (trim_left) text.text.erase(0, std::min(text.text.find_first_not_of(kBlanks), text.text.size()));
      if (open == std::string_view::npos) {
        if (!text.text.empty()) pieces.push_back(std::move(text));
        return pieces;
      }
      MoveTo(open);
      Piece action{place_, true, {}, {}};
      MoveTo(open + 2);
      // "{{-" trims only with a blank behind it: "{{-3}}" is a number.
      if (Ahead(0) == '-' && IsBlank(Ahead(1))) {
        text.text.erase(text.text.find_last_not_of(kBlanks) + 1);
        MoveTo(at_ + 1);
      }
      if (!text.text.empty()) pieces.push_back(std::move(text));
      ASSIGN_OR_RETURN(const bool comment, Comment(trim_left));
      if (comment) continue;
      ASSIGN_OR_RETURN(action.tokens, Tokens(trim_left));
      pieces.push_back(std::move(action));
    }
  }

 private:
  char Ahead(std::size_t by) const { return at_ + by < text_.size() ? text_[at_ + by] : '\0'; }
  static bool IsBlank(char c) { return c != '\0' && kBlanks.find(c) != std::string_view::npos; }
  void MoveTo(std::size_t to) {
    for (; at_ < to && at_ < text_.size(); ++at_) {
      if (text_[at_] == '\n') {
        ++place_.line;
        place_.column = 1;
      } else {
        ++place_.column;
      }
    }
  }

  // "}}", or " -}}" which trims what follows.
  bool TakeEnd(bool blank_before, bool& trim) {
    const bool trims = blank_before && text_.substr(at_).starts_with("-}}");
    if (!trims && !text_.substr(at_).starts_with("}}")) return false;
    MoveTo(at_ + (trims ? 3 : 2));
    trim = trims;
    return true;
  }

  Result<bool> Comment(bool& trim) {
    std::size_t start = at_;
    while (start < text_.size() && IsBlank(text_[start])) ++start;
    if (!text_.substr(start).starts_with("/*")) return false;
    const Place place = place_;
    const std::size_t end = text_.find("*/", start + 2);
    if (end == std::string_view::npos) return At(place, "unclosed comment");
    MoveTo(end + 2);
    const bool blank = IsBlank(Ahead(0));
    if (blank) MoveTo(at_ + 1);
    if (!TakeEnd(blank, trim)) return At(place, "comment ends before closing delimiter");
    return true;
  }

  Result<std::vector<Token>> Tokens(bool& trim) {
    std::vector<Token> tokens;
    while (true) {
      bool blank = false;
      while (at_ < text_.size() && IsBlank(text_[at_])) {
        blank = true;
        MoveTo(at_ + 1);
      }
      if (at_ >= text_.size()) return At(place_, "unclosed action");
      const Place place = place_;
      if (TakeEnd(blank, trim)) {
        tokens.push_back({Token::Type::kEnd, "}}", place, blank, {}});
        return tokens;
      }
      ASSIGN_OR_RETURN(Token token, Next());
      token.place = place;
      token.blank_before = blank;
      tokens.push_back(std::move(token));
    }
  }

  Result<Token> Next() {
    const char c = Ahead(0);
    if (c == '"' || c == '`' || c == '\'') return Quoted(c);
    if (IsDigit(c) || ((c == '-' || c == '+') && IsDigit(Ahead(1))) || (c == '.' && IsDigit(Ahead(1))))
      return Number();
    if (c == '.') {
      const std::string word = Word(1);
      return Token{word.empty() ? Token::Type::kDot : Token::Type::kField, word, {}, false, {}};
    }
    if (c == '$') return Token{Token::Type::kVariable, "$" + Word(1), {}, false, {}};
    if (c == ':' && Ahead(1) == '=') return Symbol(":=");
    if (c == '|' || c == '(' || c == ')' || c == ',' || c == '=') return Symbol(std::string(1, c));
    if (IsWordCharacter(c)) return Token{Token::Type::kWord, Word(0), {}, false, {}};
    return At(place_, fmt::format("unexpected '{}'", c));
  }
  Token Symbol(std::string text) {
    MoveTo(at_ + text.size());
    return {Token::Type::kSymbol, std::move(text), {}, false, {}};
  }
  std::string Word(std::size_t skip) {
    std::size_t end = at_ + skip;
    while (end < text_.size() && IsWordCharacter(text_[end])) ++end;
    std::string word(text_.substr(at_ + skip, end - at_ - skip));
    MoveTo(end);
    return word;
  }

  Result<Token> Number() {
    const Place place = place_;
    std::size_t end = at_ + 1;
    while (end < text_.size()) {
      const char c = text_[end];
      const bool exponent_sign = (c == '-' || c == '+') && (text_[end - 1] == 'e' || text_[end - 1] == 'E');
      if (!IsWordCharacter(c) && c != '.' && !exponent_sign) break;
      ++end;
    }
    const std::string text(text_.substr(at_, end - at_));
    MoveTo(end);
    const char* first = text.data() + (text.front() == '+' ? 1 : 0);
    const char* last = text.data() + text.size();
    std::int64_t integer = 0;
    if (const auto [stop, error] = std::from_chars(first, last, integer);
        error == std::errc() && stop == last)
      return Token{Token::Type::kNumber, text, {}, false, Value::Integer(integer)};
    if (text.size() > 2 && text.starts_with("0x")) {
      const auto [stop, error] = std::from_chars(first + 2, last, integer, 16);
      if (error == std::errc() && stop == last)
        return Token{Token::Type::kNumber, text, {}, false, Value::Integer(integer)};
    }
    double number = 0;
    if (const auto [stop, error] = std::from_chars(first, last, number); error == std::errc() && stop == last)
      return Token{Token::Type::kNumber, text, {}, false, Value::Float(number)};
    return At(place, fmt::format("bad number syntax: {}", text));
  }

  // "…" and '…' with Go's escapes, `…` without.
  Result<Token> Quoted(char quote) {
    const Place place = place_;
    std::string text;
    MoveTo(at_ + 1);
    while (true) {
      const char c = Ahead(0);
      if (at_ >= text_.size() || (c == '\n' && quote != '`')) return At(place, "unterminated quoted string");
      MoveTo(at_ + 1);
      if (c == quote) break;
      if (c != '\\' || quote == '`') {
        text += c;
        continue;
      }
      RETURN_IF_ERROR(Escape(place, text));
    }
    if (quote != '\'') return Token{Token::Type::kText, text, {}, false, Value::Text(text)};
    if (text.size() != 1) return At(place, "a character constant is one character");
    return Token{
        Token::Type::kNumber, text, {}, false, Value::Integer(static_cast<unsigned char>(text.front()))};
  }
  Status Escape(const Place& place, std::string& text) {
    const char c = Ahead(0);
    MoveTo(at_ + 1);
    constexpr std::string_view kNames = "abfnrtv\\\"'", kMeanings = "\a\b\f\n\r\t\v\\\"'";
    if (const std::size_t name = kNames.find(c); c != '\0' && name != std::string_view::npos) {
      text += kMeanings[name];
      return Ok();
    }
    const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    std::uint32_t code = 0;
    const std::string_view hex = text_.substr(std::min(at_, text_.size()), digits);
    const auto [stop, error] = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
    if (digits == 0 || hex.size() != digits || error != std::errc() || stop != hex.data() + digits ||
        code > 0x10ffff)
      return At(place, "invalid escape in a quoted string");
    MoveTo(at_ + digits);
    if (c == 'x')
      text += static_cast<char>(code);
    else
      AppendRune(code, text);
    return Ok();
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  Place place_;
};

}  // namespace

Error At(const Place& place, const std::string& text) {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("template: line {}, column {}: {}", place.line, place.column, text));
}

Result<std::vector<Piece>> SplitTemplate(std::string_view text) {
  return Lexer(text).Split();
}

}  // namespace calico::calicoctl::go_template
