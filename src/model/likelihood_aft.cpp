#include "model/likelihood_aft.h"

#include <algorithm>
#include <cmath>

#include "model/likelihood.h"

namespace cangong {
namespace {

// Value, first and second derivative by z of the log density (event) or of log S (censored).
struct LikelihoodTerm {
  double value = 0, first = 0, second = 0;
};

// log(1 + exp(z)) without overflow.
// log of the standard normal's upper tail; far out by its asymptotic series (Abramowitz and Stegun
// 26.2.12).
double log_upper_tail(double z) {
  if (z < 25) return std::log(0.5 * std::erfc(z / std::sqrt(2.0)));
  return -z * z / 2 - std::log(z) - 0.5 * std::log(2 * M_PI) + std::log1p(-1 / (z * z));
}

LikelihoodTerm term(TimeShape shape, double z, bool event) {
  switch (shape) {
    case TimeShape::weibull: {
      const double e = std::exp(std::min(z, 300.0));
      return event ? LikelihoodTerm{z - e, 1 - e, -e} : LikelihoodTerm{-e, -e, -e};
    }
    case TimeShape::loglogistic: {
      const double p = 1 / (1 + std::exp(-z));
      return event ? LikelihoodTerm{z - 2 * softplus(z), 1 - 2 * p, -2 * p * (1 - p)}
                   : LikelihoodTerm{-softplus(z), -p, -p * (1 - p)};
    }
    case TimeShape::lognormal:
      break;
  }
  const double log_density = -z * z / 2 - 0.5 * std::log(2 * M_PI);
  if (event) return {log_density, -z, -1};
  const double tail = log_upper_tail(z), hazard = std::exp(log_density - tail);
  return {tail, -hazard, -hazard * (hazard - z)};
}

}  // namespace

double cumulative_hazard(TimeShape shape, double z) {
  return -term(shape, z, false).value;
}

AftLikelihood::AftLikelihood(TimeShape shape, std::vector<double> log_days,
                             std::vector<double> events, double scale)
    : shape_(shape), log_days_(std::move(log_days)), events_(std::move(events)), scale_(scale) {}

double AftLikelihood::loss(std::span<const double> eta) const {
  double sum = 0;
  for (std::size_t i = 0; i < log_days_.size(); ++i) {
    const bool event = events_[i] > 0.5;
    sum -= term(shape_, z(i, eta[i]), event).value - (event ? std::log(scale_) : 0);
  }
  return sum / static_cast<double>(log_days_.size());
}

void AftLikelihood::residuals(std::span<const double> eta, std::span<double> out) const {
  const double n = static_cast<double>(log_days_.size()) * scale_;
  for (std::size_t i = 0; i < log_days_.size(); ++i)
    out[i] = -term(shape_, z(i, eta[i]), events_[i] > 0.5).first / n;
}

RealMatrix AftLikelihood::curvature(std::span<const double> eta, const RealMatrix& x,
                                    std::span<const std::size_t> columns) const {
  const double n = static_cast<double>(log_days_.size()) * scale_ * scale_;
  std::vector<double> weights(log_days_.size());
  for (std::size_t i = 0; i < weights.size(); ++i)
    weights[i] = std::max(-term(shape_, z(i, eta[i]), events_[i] > 0.5).second, 1e-9) / n;
  return weighted_gram(x, weights, columns);
}

double AftLikelihood::step_scale(std::span<const double> eta) {
  double first = 0, second = 0;
  for (std::size_t i = 0; i < log_days_.size(); ++i) {
    const bool event = events_[i] > 0.5;
    const double at = z(i, eta[i]);
    const LikelihoodTerm t = term(shape_, at, event);
    first += -at * t.first - (event ? 1 : 0);
    second += at * t.first + at * at * t.second;
  }
  // Far from the top the curve may bend the other way; then a short step uphill.
  const double step = second < 0 ? -first / second : (first > 0 ? 0.1 : -0.1);
  const double change = std::clamp(step, -0.5, 0.5);
  scale_ *= std::exp(change);
  return change;
}

}  // namespace cangong
