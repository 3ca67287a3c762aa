#include "explain/shap.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace cangong {
namespace {

// Mean margin over the background when some columns hold the row's values. Walking one permutation
// needs each prefix once; all prefixes of a walk go through the model as one batch.
class PermutationShap {
 public:
  PermutationShap(const Fitted& fitted, const Matrix& background, std::size_t output)
      : fitted_(fitted), background_(background), output_(output) {}

  void explain(std::span<const float> row, Random& random, std::size_t pairs,
               std::span<double> parts) const {
    const std::size_t columns = background_.columns;
    std::vector<std::size_t> order(columns);
    std::iota(order.begin(), order.end(), std::size_t{0});
    double base = 0;
    for (std::size_t pair = 0; pair < pairs; ++pair) {
      random.shuffle(std::span(order));
      for (int direction = 0; direction < 2; ++direction) {
        const auto values = walk(row, order);
        for (std::size_t k = 0; k < columns; ++k) parts[order[k]] += values[k + 1] - values[k];
        base += values[0];
        std::reverse(order.begin(), order.end());
      }
    }
    for (std::size_t j = 0; j < columns; ++j) parts[j] /= static_cast<double>(2 * pairs);
    parts[columns] = base / static_cast<double>(2 * pairs);
  }

 private:
  std::vector<double> walk(std::span<const float> row,
                           const std::vector<std::size_t>& order) const {
    const std::size_t m = background_.rows, steps = order.size() + 1;
    Matrix batch(steps * m, background_.columns);
    for (std::size_t b = 0; b < m; ++b) {
      std::vector<float> now(background_.row(b).begin(), background_.row(b).end());
      for (std::size_t k = 0; k < steps; ++k) {
        if (k > 0) now[order[k - 1]] = row[order[k - 1]];
        std::copy(now.begin(), now.end(), batch.row(k * m + b).begin());
      }
    }
    const RealMatrix margins = fitted_.explained(batch);
    std::vector<double> means(steps);
    for (std::size_t k = 0; k < steps; ++k) {
      for (std::size_t b = 0; b < m; ++b) means[k] += margins.at(k * m + b, output_);
      means[k] /= static_cast<double>(m);
    }
    return means;
  }

  const Fitted& fitted_;
  const Matrix& background_;
  std::size_t output_;
};

RealMatrix sampled(const Fitted& fitted, const Matrix& x, const Matrix& background,
                   std::pair<std::size_t, ShapOptions> how) {
  ensure(background.rows > 0, "sampled Shapley values need background rows");
  const PermutationShap explainer(fitted, background, how.first);
  RealMatrix parts(x.rows, x.columns + 1);
  for (std::size_t i = 0; i < x.rows; ++i) {
    Random random(how.second.seed);  // the same for each row: a row's parts do not depend on others
    explainer.explain(x.row(i), random, how.second.permutations, parts.row(i));
  }
  return parts;
}

}  // namespace

RealMatrix shap(const Fitted& fitted, const Matrix& x, const Matrix& background, std::size_t output,
                const ShapOptions& options) {
  const Matrix own = fitted.select(x);
  const auto exact = fitted.model->contributions(own, output);
  if (!exact) return sampled(fitted, x, background, {output, options});
  if (fitted.columns.empty()) return *exact;
  RealMatrix wide(x.rows, x.columns + 1);
  for (std::size_t i = 0; i < x.rows; ++i) {
    for (std::size_t j = 0; j < fitted.columns.size(); ++j)
      wide.at(i, fitted.columns[j]) = exact->at(i, j);
    wide.at(i, x.columns) = exact->at(i, own.columns);
  }
  return wide;
}

std::vector<double> importance(const Fitted& fitted, const Matrix& x, const Matrix& background,
                               const ShapOptions& options) {
  std::vector<double> sums(x.columns);
  const std::size_t outputs =
      fitted.readout.answer() == Answer::category ? fitted.readout.classes().size() : 1;
  for (std::size_t output = 0; output < outputs; ++output) {
    const RealMatrix parts = shap(fitted, x, background, output, options);
    for (std::size_t i = 0; i < parts.rows; ++i)
      for (std::size_t j = 0; j < sums.size(); ++j) sums[j] += std::abs(parts.at(i, j));
  }
  double total = 0;
  for (const double sum : sums) total += sum;
  for (double& sum : sums) sum = total > 0 ? sum / total : 0;
  return sums;
}

}  // namespace cangong
