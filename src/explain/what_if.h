// What the model would answer if a patient's values were others: of the model, not of the world.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/matrix.h"

namespace cangong {

// The answer for each row: a probability, a value, a risk at the horizon.
using Answers = std::function<std::vector<double>(const Matrix& x)>;

struct WhatIfPoint {
  float value = 0;
  double answer = 0;
};

// The answer at values of one column that lie between the 5th and the 95th percentile of the
// background's: at most 21, ascending. Empty where the background has none.
std::vector<WhatIfPoint> what_if(const Answers& answers, std::span<const float> row,
                                 const Matrix& background, std::size_t column);

// The mean answer of the background rows when one column of all of them takes the same value, and
// where 80 % of their answers lie (partial dependence: Friedman 2001; Goldstein et al. 2015). Over
// the same values as what_if().
struct DependencePoint {
  float value = 0;
  double mean = 0, low = 0, high = 0;
};
std::vector<DependencePoint> dependence(const Answers& answers, const Matrix& background,
                                        std::size_t column);

struct Change {
  std::size_t column = 0;
  float from = 0, to = 0;
};
struct SmallestChange {
  std::vector<Change> changes;  // one, or two where one does not do
  double answer = 0;
};

// The least change of at most two of `columns`, to values that the background has between its 5th
// and 95th percentile, that takes the answer to `target` or beyond (from where it is). Distance:
// the sum of the changes in standard deviations of the background. A missing value stays missing.
// Nothing where no such change does it.
std::optional<SmallestChange> smallest_change(const Answers& answers, std::span<const float> row,
                                              const Matrix& background,
                                              std::span<const std::size_t> columns, double target);

}  // namespace cangong
