// What a program asked to be let do: SMART scopes of the whole system ("system/Observation.rs").
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cangong {

// SMART App Launch 2, section "Scopes for requesting clinical data"; also version 1 (".read",
// ".write", ".*"). Scopes narrowed by a query are not known.
class Scopes {
 public:
  // Nothing where a word is no such scope, or there is none.
  static std::optional<Scopes> parse(std::string_view text);

  // `type`: "Observation", or "*" for what is of all of them; `letter`: of "cruds".
  bool allow(std::string_view type, char letter) const;
  bool allow_all(std::string_view type, std::string_view letters) const;
  // Whether nothing goes beyond `other`.
  bool within(const Scopes& other) const;
  // As they were asked.
  const std::string& text() const { return text_; }

 private:
  struct One {
    std::string type, letters;
  };
  std::vector<One> all_;
  std::string text_;
};

}  // namespace cangong
