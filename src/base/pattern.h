// Regular expressions in linear time and bounded memory, whatever the pattern and the text (RE2
// syntax, as Rust's and Go's: no look-around, no back-references).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cangong {

class Pattern {
 public:
  // Nothing where the text is not a regular expression.
  static std::optional<Pattern> parse(std::string_view text);
  // Throws Fault::config, saying `what` the pattern was for.
  static Pattern require(std::string_view text, const std::string& what);

  // Found anywhere in the text.
  bool in(std::string_view text) const;
  // The first group of the first match.
  std::optional<std::string> group_in(std::string_view text) const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

// Throws Fault::config, saying `what` the patterns were for.
std::vector<Pattern> patterns_of(const std::vector<std::string>& texts, const std::string& what);
bool any_in(const std::vector<Pattern>& patterns, std::string_view text);

}  // namespace cangong
