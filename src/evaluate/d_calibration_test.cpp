#include "evaluate/d_calibration.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/random.h"

namespace cangong {
namespace {

// R: pchisq(x, 9, lower.tail = FALSE).
TEST(DCalibration, TheTailOfChiSquaredEqualsR) {
  EXPECT_NEAR(chi_squared_tail(16.9189776, 9), 0.05, 1e-8);
  EXPECT_NEAR(chi_squared_tail(2, 9), 0.9914676066, 1e-9);
  EXPECT_NEAR(chi_squared_tail(40, 9), 7.598525229e-06, 1e-12);
  EXPECT_NEAR(chi_squared_tail(0, 9), 1, 1e-12);
}

// By hand: S = .35 with the event; S = .35 censored counts .1/.35 three times and .05/.35 once.
TEST(DCalibration, TheCensoredCountForWhatLiesBelow) {
  const std::vector<double> free{0.35, 0.35}, events{1, 0};
  const DCalibration d(free, events);
  const auto event = d.shares(std::vector<double>{1, 0}),
             censored = d.shares(std::vector<double>{0, 1});
  EXPECT_EQ(event[3], 1);
  for (int b = 0; b < 3; ++b) EXPECT_NEAR(censored[static_cast<std::size_t>(b)], 0.1 / 0.35, 1e-12);
  EXPECT_NEAR(censored[3], 0.05 / 0.35, 1e-12);
  EXPECT_NEAR(std::accumulate(censored.begin(), censored.end(), 0.0), 1, 1e-12);
}

// Times are exponential with a rate of each one's own; curves told with `factor` times that rate.
double p_of(double factor, std::uint64_t seed) {
  Random random(seed);
  std::vector<double> free, events;
  for (std::size_t i = 0; i < 800; ++i) {
    const double rate = 0.01 * std::exp(random.normal());
    const double time = -std::log(1 - random.uniform()) / rate, censor = 300 * random.uniform();
    events.push_back(time <= censor);
    free.push_back(std::exp(-factor * rate * std::min(time, censor)));
  }
  return DCalibration(free, events).p();
}

TEST(DCalibration, TrueCurvesPassAndWrongOnesDoNot) {
  int rejected = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) rejected += p_of(1, seed) < 0.05;
  EXPECT_LE(rejected, 6);
  for (std::uint64_t seed = 1; seed <= 5; ++seed) EXPECT_LT(p_of(1.6, seed), 1e-4);
}

}  // namespace
}  // namespace cangong
