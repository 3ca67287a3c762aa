// Accelerated failure times: log(days) = eta + scale * W, where W has a given distribution.
#pragma once

#include <span>
#include <vector>

#include "model/likelihood.h"

namespace cangong {

enum class TimeShape { weibull, lognormal, loglogistic };

// -log S(z) of the standardised log time z = (log(days) - eta) / scale.
double cumulative_hazard(TimeShape shape, double z);

// Negative log-likelihood of times on the log scale, right-censored where `events` is 0, as a
// function of eta for a given scale (Kalbfleisch and Prentice 2002, chapter 3).
class AftLikelihood : public Likelihood {
 public:
  AftLikelihood(TimeShape shape, std::vector<double> log_days, std::vector<double> events,
                double scale);
  double loss(std::span<const double> eta) const override;
  void residuals(std::span<const double> eta, std::span<double> out) const override;
  RealMatrix curvature(std::span<const double> eta, const RealMatrix& x,
                       std::span<const std::size_t> columns) const override;

  double scale() const { return scale_; }
  // One Newton step for log(scale) at this eta; returns the change.
  double step_scale(std::span<const double> eta);

 private:
  double z(std::size_t i, double eta) const { return (log_days_[i] - eta) / scale_; }

  TimeShape shape_;
  std::vector<double> log_days_, events_;
  double scale_ = 1;
};

}  // namespace cangong
