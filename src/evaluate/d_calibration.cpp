#include "evaluate/d_calibration.h"

#include <algorithm>
#include <cmath>

namespace cangong {
DCalibration::DCalibration(std::span<const double> free, std::span<const double> events) {
  constexpr double kWidth = 1.0 / kBins, kLeast = 1e-12;
  for (std::size_t i = 0; i < free.size(); ++i) {
    const double s = free[i];
    std::array<double, kBins> part{};
    const auto own = std::min(static_cast<std::size_t>(s * kBins), kBins - 1);
    if (events[i] > 0.5 || own == 0) {
      part[own] = 1;
    } else {
      part[own] = std::max(s - static_cast<double>(own) * kWidth, 0.0) / std::max(s, kLeast);
      for (std::size_t b = 0; b < own; ++b) part[b] = kWidth / s;
    }
    parts_.push_back(part);
  }
}

std::array<double, DCalibration::kBins> DCalibration::shares(
    std::span<const double> weights) const {
  std::array<double, kBins> sums{};
  double all = 0;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    all += weights[i];
    for (std::size_t b = 0; b < kBins; ++b) sums[b] += weights[i] * parts_[i][b];
  }
  for (double& sum : sums) sum /= all;
  return sums;
}

double DCalibration::distance(std::span<const double> weights) const {
  double sum = 0;
  for (const double share : shares(weights)) sum += std::pow(share - 1.0 / kBins, 2);
  return sum;
}

double DCalibration::p() const {
  const std::vector<double> ones(parts_.size(), 1.0);
  const auto n = static_cast<double>(parts_.size());
  return chi_squared_tail(n * kBins * distance(ones), kBins - 1);
}

// Abramowitz and Stegun 26.4.4.
double chi_squared_tail(double x, int freedom) {
  const double root = std::sqrt(x);
  double sum = 0, term = root;
  for (int r = 1; r <= (freedom - 1) / 2; ++r) {
    sum += term;
    term *= x / (2 * r + 1);
  }
  const double density = std::exp(-x / 2) / std::sqrt(2 * M_PI);
  return std::min(std::erfc(root / std::sqrt(2.0)) + 2 * density * sum, 1.0);
}

}  // namespace cangong
