#include "explain/shap.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace cangong {
namespace {

// Adds the steps of the walk from a background row to the row that is explained; both in the
// model's own columns.
struct PermutationShap {
  const Fitted& fitted;
  const Matrix& background;
  std::size_t output = 0;

  void explain(std::span<const float> row, const ShapOptions& options,
               std::span<double> parts) const {
    Random random(options.seed);  // the same for each row: a row's parts do not depend on others
    std::vector<std::size_t> order(row.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    double base = 0;
    for (std::size_t b = 0; b < background.rows; ++b)
      for (std::size_t p = 0; p < options.permutations; ++p) {
        random.shuffle(std::span(order));
        for (int direction = 0; direction < 2; ++direction) {
          base += add_walk(background.row(b), row, order, parts);
          std::reverse(order.begin(), order.end());
        }
      }
    const auto walks = static_cast<double>(2 * options.permutations * background.rows);
    for (double& part : parts) part /= walks;
    parts.back() = base / walks;
  }

  // Returns the margin at the start.
  double add_walk(std::span<const float> from, std::span<const float> to,
                  const std::vector<std::size_t>& order, std::span<double> parts) const {
    const RealMatrix margins = fitted.walk(from, to, order);
    for (std::size_t k = 0; k < order.size(); ++k)
      parts[order[k]] += margins.at(k + 1, output) - margins.at(k, output);
    return margins.at(0, output);
  }
};

// Columns that the model does not see get 0.
RealMatrix widened(const Fitted& fitted, RealMatrix parts, std::size_t columns) {
  if (fitted.columns.empty()) return parts;
  RealMatrix wide(parts.rows, columns + 1);
  for (std::size_t i = 0; i < parts.rows; ++i) {
    for (std::size_t j = 0; j < fitted.columns.size(); ++j)
      wide.at(i, fitted.columns[j]) = parts.at(i, j);
    wide.at(i, columns) = parts.at(i, parts.columns - 1);
  }
  return wide;
}

// Both in the model's own columns.
RealMatrix sampled(const PermutationShap& explainer, const Matrix& x, const ShapOptions& options) {
  ensure(explainer.background.rows > 0, "sampled Shapley values need background rows");
  RealMatrix parts(x.rows, x.columns + 1);
  for (std::size_t i = 0; i < x.rows; ++i) explainer.explain(x.row(i), options, parts.row(i));
  return parts;
}

}  // namespace

RealMatrix shap(const Fitted& fitted, const Matrix& x, const Matrix& background, std::size_t output,
                const ShapOptions& options) {
  // The exact form is of the raw margins, which say nothing of one class alone.
  if (fitted.readout.answer() != Answer::category)
    if (auto parts = fitted.model->contributions(fitted.select(x), output))
      return widened(fitted, std::move(*parts), x.columns);
  return sampled_shap(fitted, x, background, output, options);
}

RealMatrix sampled_shap(const Fitted& fitted, const Matrix& x, const Matrix& background,
                        std::size_t output, const ShapOptions& options) {
  const Matrix own = fitted.select(background);
  return widened(fitted, sampled({fitted, own, output}, fitted.select(x), options), x.columns);
}

namespace {

// Exact parts of each class's margin less the mean over the classes: the log of its probability
// over their geometric mean. Nothing where the model has no exact form.
std::vector<RealMatrix> centred_parts(const Fitted& fitted, const Matrix& x, std::size_t outputs) {
  std::vector<RealMatrix> all;
  const Matrix own = fitted.select(x);
  for (std::size_t c = 0; c < outputs; ++c) {
    auto parts = fitted.model->contributions(own, c);
    if (!parts) return {};
    all.push_back(widened(fitted, std::move(*parts), x.columns));
  }
  for (std::size_t v = 0; v < all[0].values.size(); ++v) {
    double mean = 0;
    for (const RealMatrix& parts : all) mean += parts.values[v] / static_cast<double>(outputs);
    for (RealMatrix& parts : all) parts.values[v] -= mean;
  }
  return all;
}

}  // namespace

std::vector<double> importance(const Fitted& fitted, const Matrix& x, const Matrix& background,
                               const ShapOptions& options) {
  std::vector<double> sums(x.columns);
  const bool classes = fitted.readout.answer() == Answer::category;
  const std::size_t outputs = classes ? fitted.readout.classes().size() : 1;
  auto all = classes ? centred_parts(fitted, x, outputs) : std::vector<RealMatrix>();
  for (std::size_t output = all.size(); output < outputs; ++output)
    all.push_back(shap(fitted, x, background, output, options));
  for (const RealMatrix& parts : all)
    for (std::size_t i = 0; i < parts.rows; ++i)
      for (std::size_t j = 0; j < sums.size(); ++j) sums[j] += std::abs(parts.at(i, j));
  double total = 0;
  for (const double sum : sums) total += sum;
  for (double& sum : sums) sum = total > 0 ? sum / total : 0;
  return sums;
}

}  // namespace cangong
