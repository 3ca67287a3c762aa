// Numbers of statistics in JSON, which knows no NaN and no infinity: null stands for them.
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

namespace cangong {

inline nlohmann::ordered_json number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
}
inline nlohmann::ordered_json number(const std::optional<double>& value) {
  return value ? number(*value) : nlohmann::ordered_json();
}

}  // namespace cangong
