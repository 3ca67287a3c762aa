#include "decide/conformal.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace cangong {
namespace {

TEST(Conformal, RanksOfASmallSample) {
  std::vector<double> errors;
  for (int i = 1; i <= 39; ++i) errors.push_back(i - 20);
  const Interval i = conformal_interval(100, errors, 0.95);  // (39 + 1) x 0.025 = 1
  EXPECT_EQ(i.low, 81);
  EXPECT_EQ(i.high, 119);
  errors.pop_back();
  EXPECT_TRUE(std::isinf(conformal_interval(100, errors, 0.95).high));
  EXPECT_EQ(conformal_threshold({0.9, 0.2, 0.8, 0.7, 0.6, 0.95, 0.5, 0.4, 0.3}, 0.9), 0.2);
  EXPECT_EQ(conformal_threshold({0.9, 0.2}, 0.9), 0);
}

// Skewed, heavy errors of a poor model: the coverage holds all the same.
TEST(Conformal, IntervalsCoverAsStated) {
  Random random(21);
  double inside = 0, all = 0;
  for (int trial = 0; trial < 200; ++trial) {
    const auto error = [&] { return std::exp(random.normal()) * (random.below(5) ? 1.0 : -3.0); };
    std::vector<double> errors;
    for (int i = 0; i < 300; ++i) errors.push_back(error());
    const Interval i = conformal_interval(0, errors, 0.9);
    for (int k = 0; k < 200; ++k) {
      const double truth = error();
      inside += truth >= i.low && truth <= i.high;
      ++all;
    }
  }
  EXPECT_GE(inside / all, 0.89);
  EXPECT_LE(inside / all, 0.915);
}

TEST(Conformal, SetsCoverAsStated) {
  Random random(22);
  double inside = 0, all = 0;
  for (int trial = 0; trial < 200; ++trial) {
    // What a badly calibrated model gives the true class.
    const auto given = [&] { return std::pow(random.uniform(), 0.3); };
    std::vector<double> of_truth;
    for (int i = 0; i < 300; ++i) of_truth.push_back(given());
    const double threshold = conformal_threshold(of_truth, 0.9);
    for (int k = 0; k < 200; ++k) inside += given() >= threshold, ++all;
  }
  EXPECT_GE(inside / all, 0.89);
  EXPECT_LE(inside / all, 0.915);
}

}  // namespace
}  // namespace cangong
