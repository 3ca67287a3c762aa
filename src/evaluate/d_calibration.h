// Are whole survival curves right, not only the risk at one time?
#pragma once

#include <array>
#include <span>
#include <vector>

namespace cangong {

// Distribution calibration (Haider, Hoehn, Davis and Greiner 2020): where curves are right, S at
// the patient's own time is spread evenly over [0, 1]. Who is censored counts for the tenths below
// by their shares.
class DCalibration {
 public:
  static constexpr std::size_t kBins = 10;
  // `free`: S at each row's own time (Scored::free_at_end); `events`: 0 = censored.
  DCalibration(std::span<const double> free, std::span<const double> events);
  // Of the rows, by tenth of S from the lowest; sums to 1.
  std::array<double, kBins> shares(std::span<const double> weights) const;
  // Sum of squared differences from a tenth each; 0 is perfect.
  double distance(std::span<const double> weights) const;
  // Of the chi-squared test that all shares are equal, 9 degrees of freedom.
  double p() const;

 private:
  std::vector<std::array<double, kBins>> parts_;  // by row
};

// Chance of a chi-squared variable of `freedom` (odd) degrees of freedom to exceed x.
double chi_squared_tail(double x, int freedom);

}  // namespace cangong
