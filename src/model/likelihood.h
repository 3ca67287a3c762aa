// The likelihoods that linear models maximise, as functions of the linear predictor.
#pragma once

#include <cmath>
#include <memory>
#include <span>
#include <vector>

#include "base/matrix.h"

namespace cangong {

// log(1 + exp(x)), without overflow.
inline double softplus(double x) {
  return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}

// All values are means over the rows.
class Likelihood {
 public:
  virtual ~Likelihood() = default;
  // Negative log-likelihood.
  virtual double loss(std::span<const double> eta) const = 0;
  // -d loss / d eta_i.
  virtual void residuals(std::span<const double> eta, std::span<double> out) const = 0;
  // Second derivative of the loss with respect to the coefficients of x's chosen columns.
  virtual RealMatrix curvature(std::span<const double> eta, const RealMatrix& x,
                               std::span<const std::size_t> columns) const = 0;
};

std::unique_ptr<Likelihood> gaussian_likelihood(std::vector<double> y);
// `offset` is added to eta; empty = none.
std::unique_ptr<Likelihood> logistic_likelihood(std::vector<double> y, std::vector<double> offset);

enum class Ties { efron, breslow };
// Partial likelihood of Cox 1972; Efron 1977 or Breslow 1974 for ties. `days` need no order.
// `left`: where other causes compete, the day on which one of them ended the time, -1 where none
// did (Targets::left); then the proportional subdistribution hazards of Fine and Gray 1999.
std::unique_ptr<Likelihood> cox_likelihood(std::span<const double> days,
                                           std::span<const double> events, Ties ties,
                                           std::span<const double> left = {});

// sum_i weights_i x_i x_i' over chosen columns.
RealMatrix weighted_gram(const RealMatrix& x, std::span<const double> weights,
                         std::span<const std::size_t> columns);

}  // namespace cangong
