#include "base/pattern.h"

#include <re2/re2.h>

#include <algorithm>

#include "base/error.h"

namespace cangong {

struct Pattern::Compiled {
  explicit Compiled(std::string_view text) : expression(text, options()) {}
  static RE2::Options options() {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(16 << 20);
    return options;
  }
  RE2 expression;
};

std::optional<Pattern> Pattern::parse(std::string_view text) {
  Pattern pattern;
  const auto compiled = std::make_shared<const Compiled>(text);
  if (!compiled->expression.ok()) return std::nullopt;
  pattern.compiled_ = compiled;
  return pattern;
}

Pattern Pattern::require(std::string_view text, const std::string& what) {
  if (auto pattern = parse(text)) return std::move(*pattern);
  fail(Fault::config, what + ": \"" + std::string(text.substr(0, 80)) +
                          "\" is not a regular expression (RE2 syntax, no look-around)");
}

bool Pattern::in(std::string_view text) const {
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), compiled_->expression);
}

std::optional<std::string> Pattern::group_in(std::string_view text) const {
  std::string group;
  if (compiled_->expression.NumberOfCapturingGroups() < 1) return std::nullopt;
  if (!RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), compiled_->expression, &group))
    return std::nullopt;
  return group;
}

std::vector<Pattern> patterns_of(const std::vector<std::string>& texts, const std::string& what) {
  std::vector<Pattern> patterns;
  for (const std::string& text : texts) patterns.push_back(Pattern::require(text, what));
  return patterns;
}

bool any_in(const std::vector<Pattern>& patterns, std::string_view text) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const Pattern& pattern) { return pattern.in(text); });
}

}  // namespace cangong
