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

// Times depend on a covariate, the model knows half of that; censoring does not depend on it.
TEST(SurvivalCut, BoundsHoldAsOftenAsStated) {
  double held = 0, all = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Random random(seed);
    const auto told = [](double x, double t) {
      return 1 - std::exp(-0.01 * std::exp(0.5 * x) * t);
    };
    const auto draw = [&](double x) {
      return -std::log(1 - random.uniform()) / (0.01 * std::exp(x));
    };
    std::vector<double> free, days, events;
    for (int i = 0; i < 1000; ++i) {
      const double x = random.normal(), time = draw(x), censor = 250 * random.uniform();
      days.push_back(std::min(time, censor));
      events.push_back(time <= censor);
      free.push_back(1 - told(x, days.back()));
    }
    const auto [cut, end] = survival_bound(free, days, events, 0.9);
    for (int i = 0; i < 1000; ++i) {
      const double x = random.normal(), time = draw(x);
      held += told(x, time) >= cut || time >= end;
      all += 1;
    }
  }
  EXPECT_GT(held / all, 0.89);
  EXPECT_LT(held / all, 0.915);
}

// Few events use up nothing: the bound ends where the follow-up ends, not where one patient's did.
TEST(SurvivalCut, NoPromiseBeyondTheFollowUp) {
  std::vector<double> free, days, events;
  for (int i = 0; i < 200; ++i) {
    free.push_back(0.99), days.push_back(100 + i), events.push_back(i % 50 == 0);
  }
  free.push_back(0.5), days.push_back(12000), events.push_back(0);
  const SurvivalBound bound = survival_bound(free, days, events, 0.9);
  EXPECT_EQ(bound.cut, 1);
  EXPECT_LT(bound.end, 300);
}

TEST(SurvivalCut, TooFewPatientsGiveNoBound) {
  const std::vector<double> free{0.8, 0.7, 0.5}, days{1, 2, 3}, events{1, 1, 1};
  EXPECT_EQ(survival_bound(free, days, events, 0.9).cut, 0);
}

}  // namespace
}  // namespace cangong
