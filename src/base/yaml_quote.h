// A text as a YAML scalar that stands for itself (YAML 1.2, single-quoted style).
#pragma once

#include <string>

namespace cangong {

inline std::string yaml_quoted(const std::string& text) {
  std::string all = "'";
  for (const char c : text) all += c == '\'' ? "''" : std::string(1, c);
  return all + "'";
}

}  // namespace cangong
