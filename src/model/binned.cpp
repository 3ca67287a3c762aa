#include "model/binned.h"

#include <algorithm>
#include <cmath>

namespace cangong {
namespace {

// Between neighbouring distinct values; where there are more than bins, about as many rows in each.
std::vector<float> cuts_of(std::vector<float> values) {
  std::sort(values.begin(), values.end());
  std::vector<std::size_t> steps;  // where a new value begins
  for (std::size_t i = 1; i < values.size(); ++i)
    if (values[i] != values[i - 1]) steps.push_back(i);
  std::vector<float> cuts;
  const auto cut_at = [&](std::size_t i) {
    const float middle = values[i - 1] + (values[i] - values[i - 1]) / 2;
    cuts.push_back(middle < values[i] ? middle : values[i - 1]);
  };
  if (steps.size() < Binned::kMost) {
    for (const std::size_t i : steps) cut_at(i);
    return cuts;
  }
  auto from = steps.begin();
  for (std::size_t b = 1; b < Binned::kMost; ++b) {
    from = std::lower_bound(from, steps.end(), b * values.size() / Binned::kMost);
    if (from == steps.end()) break;
    cut_at(*from++);
  }
  return cuts;
}

}  // namespace

Binned::Binned(const Matrix& x) : rows_(x.rows), bins_(x.rows * x.columns) {
  for (std::size_t j = 0; j < x.columns; ++j) {
    std::vector<float> values;
    for (std::size_t i = 0; i < x.rows; ++i)
      if (!std::isnan(x.at(i, j))) values.push_back(x.at(i, j));
    const auto& cuts = cuts_.emplace_back(cuts_of(std::move(values)));
    for (std::size_t i = 0; i < x.rows; ++i) {
      const float v = x.at(i, j);
      const auto below = std::lower_bound(cuts.begin(), cuts.end(), v) - cuts.begin();
      bins_[j * rows_ + i] = std::isnan(v) ? 0 : static_cast<std::uint8_t>(below + 1);
    }
  }
}

}  // namespace cangong
