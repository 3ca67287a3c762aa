#include "model/elastic_net.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace cangong {
namespace {

double soft(double z, double threshold) {
  if (z > threshold) return z - threshold;
  if (z < -threshold) return z + threshold;
  return 0;
}

double penalty_of(const Penalty& penalty, std::span<const double> b) {
  double sum = 0;
  for (std::size_t j = 0; j < b.size(); ++j)
    sum += penalty.factors[j] *
           ((1 - penalty.alpha) / 2 * b[j] * b[j] + penalty.alpha * std::abs(b[j]));
  return penalty.lambda * sum;
}

// -gradient of the loss by column.
std::vector<double> ascent(const RealMatrix& x, std::span<const double> residuals) {
  std::vector<double> g(x.columns);
  for (std::size_t i = 0; i < x.rows; ++i) {
    const auto row = x.row(i);
    const double r = residuals[i];
    for (std::size_t j = 0; j < x.columns; ++j) g[j] += r * row[j];
  }
  return g;
}

// The columns that a step may move: those in the model, those without penalty, and those whose
// gradient is beyond the threshold.
std::vector<std::size_t> active_columns(const Penalty& penalty, std::span<const double> b,
                                        std::span<const double> g) {
  std::vector<std::size_t> active;
  for (std::size_t j = 0; j < b.size(); ++j)
    if (b[j] != 0 || std::abs(g[j]) > penalty.lambda * penalty.alpha * penalty.factors[j] * 0.999)
      active.push_back(j);
  return active;
}

// Minimises -g'd + d'Hd/2 + penalty(b + d) over the active columns by coordinate descent.
std::vector<double> newton_step(const RealMatrix& h, const Penalty& penalty,
                                std::span<const std::size_t> active, std::span<const double> b,
                                std::span<const double> g) {
  const std::size_t q = active.size();
  std::vector<double> to(q), slope(q);
  for (std::size_t a = 0; a < q; ++a) to[a] = b[active[a]], slope[a] = g[active[a]];
  for (int sweep = 0; sweep < 20000; ++sweep) {
    double moved = 0;
    for (std::size_t a = 0; a < q; ++a) {
      const double factor = penalty.lambda * penalty.factors[active[a]];
      const double curvature = h.at(a, a);
      if (curvature <= 0) continue;
      const double target = soft(curvature * to[a] + slope[a], factor * penalty.alpha) /
                            (curvature + factor * (1 - penalty.alpha));
      const double change = target - to[a];
      if (change == 0) continue;
      to[a] = target;
      const double* row = &h.values[a * q];
      for (std::size_t c = 0; c < q; ++c) slope[c] -= row[c] * change;
      moved = std::max(moved, change * change * curvature);
    }
    if (moved < 1e-26) break;
  }
  return to;
}

// Solves (H + ridge) d = g - ridge b by Cholesky; false where H is singular.
bool cholesky_step(RealMatrix h, const Penalty& penalty, std::span<const std::size_t> active,
                   std::pair<std::span<const double>, std::span<const double>> at,
                   std::vector<double>& to) {
  const auto [b, g] = at;
  const std::size_t q = active.size();
  to.resize(q);
  for (std::size_t a = 0; a < q; ++a) {
    const double ridge = penalty.lambda * penalty.factors[active[a]];
    h.at(a, a) += ridge;
    to[a] = g[active[a]] - ridge * b[active[a]];
  }
  for (std::size_t k = 0; k < q; ++k) {
    double d = h.at(k, k);
    for (std::size_t m = 0; m < k; ++m) d -= h.at(k, m) * h.at(k, m);
    if (d <= 1e-12 * std::max(h.at(k, k), 1e-300)) return false;
    h.at(k, k) = std::sqrt(d);
    for (std::size_t r = k + 1; r < q; ++r) {
      double v = h.at(r, k);
      for (std::size_t m = 0; m < k; ++m) v -= h.at(r, m) * h.at(k, m);
      h.at(r, k) = v / h.at(k, k);
    }
  }
  for (std::size_t k = 0; k < q; ++k) {
    for (std::size_t m = 0; m < k; ++m) to[k] -= h.at(k, m) * to[m];
    to[k] /= h.at(k, k);
  }
  for (std::size_t k = q; k-- > 0;) {
    for (std::size_t m = k + 1; m < q; ++m) to[k] -= h.at(m, k) * to[m];
    to[k] /= h.at(k, k);
  }
  for (std::size_t a = 0; a < q; ++a) to[a] += b[active[a]];
  return true;
}

}  // namespace

std::vector<double> linear_predictor(const RealMatrix& x, std::span<const double> b) {
  std::vector<double> eta(x.rows);
  for (std::size_t i = 0; i < x.rows; ++i) {
    const auto row = x.row(i);
    double sum = 0;
    for (std::size_t j = 0; j < x.columns; ++j) sum += row[j] * b[j];
    eta[i] = sum;
  }
  return eta;
}

void fit_penalised(const RealMatrix& x, const Likelihood& likelihood, const Penalty& penalty,
                   std::vector<double>& b, const NewtonOptions& options) {
  std::vector<double> residuals(x.rows);
  auto eta = linear_predictor(x, b);
  double objective = likelihood.loss(eta) + penalty_of(penalty, b);
  for (int step = 0; step < options.most_steps; ++step) {
    likelihood.residuals(eta, residuals);
    const auto g = ascent(x, residuals);
    const auto active = active_columns(penalty, b, g);
    const RealMatrix h = likelihood.curvature(eta, x, active);
    std::vector<double> to;
    const bool smooth = penalty.lambda * penalty.alpha == 0;
    if (!smooth || !cholesky_step(h, penalty, active, {b, g}, to))
      to = newton_step(h, penalty, active, b, g);
    double largest = 0;
    for (std::size_t a = 0; a < active.size(); ++a)
      largest = std::max(largest, std::abs(to[a] - b[active[a]]) * std::sqrt(h.at(a, a)));
    // Halve the step until the objective falls.
    double length = 1;
    for (int half = 0; half < 40; ++half, length /= 2) {
      std::vector<double> next(b);
      for (std::size_t a = 0; a < active.size(); ++a)
        next[active[a]] += length * (to[a] - b[active[a]]);
      auto next_eta = linear_predictor(x, next);
      const double value = likelihood.loss(next_eta) + penalty_of(penalty, next);
      if (!(value <= objective + 1e-12 * (1 + std::abs(objective)))) continue;
      b = std::move(next), eta = std::move(next_eta), objective = value;
      break;
    }
    if (largest * length < options.tolerance) return;
  }
  // Perfect separation drives coefficients to infinity; what is there is still usable.
  if (!std::isfinite(objective)) fail(Fault::model, "the linear model does not converge");
}

double largest_lambda(const RealMatrix& x, const Likelihood& likelihood, const Penalty& penalty,
                      std::vector<double> b) {
  // Fit the unpenalised columns alone.
  std::vector<double> factors(b.size());
  for (std::size_t j = 0; j < b.size(); ++j) factors[j] = penalty.factors[j] > 0 ? 1 : 0;
  fit_penalised(x, likelihood, {1e12, 1, factors}, b);
  std::vector<double> residuals(x.rows);
  likelihood.residuals(linear_predictor(x, b), residuals);
  const auto g = ascent(x, residuals);
  double largest = 0;
  for (std::size_t j = 0; j < b.size(); ++j)
    if (penalty.factors[j] > 0) largest = std::max(largest, std::abs(g[j]) / penalty.factors[j]);
  return largest / std::max(penalty.alpha, 1e-3);
}

std::vector<double> lambda_path(double largest, double ratio, std::size_t count) {
  std::vector<double> path;
  for (std::size_t i = 0; i < count; ++i)
    path.push_back(largest *
                   std::pow(ratio, static_cast<double>(i) /
                                       static_cast<double>(std::max<std::size_t>(count - 1, 1))));
  return path;
}

}  // namespace cangong
