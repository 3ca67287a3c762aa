#include "decide/uncertainty.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "decide/conformal.h"
#include "decide/range_order.h"

namespace cangong {
namespace {

TEST(RangeOrder, EqualsSorting) {
  Random random(1);
  for (const std::size_t n : {1, 2, 3, 7, 64, 257}) {
    std::vector<double> numbers;
    for (std::size_t i = 0; i < n; ++i) numbers.push_back(std::floor(20 * random.uniform()));
    const RangeOrder order(numbers);
    for (int trial = 0; trial < 100; ++trial) {
      std::size_t from = random.below(static_cast<std::uint32_t>(n)),
                  to = 1 + random.below(static_cast<std::uint32_t>(n));
      if (from >= to) continue;
      std::vector<double> part(numbers.begin() + static_cast<std::ptrdiff_t>(from),
                               numbers.begin() + static_cast<std::ptrdiff_t>(to));
      std::sort(part.begin(), part.end());
      for (std::size_t k = 0; k < part.size(); ++k) EXPECT_EQ(order.kth(from, to, k), part[k]);
    }
  }
}

Reliability sample(std::size_t n, std::uint64_t seed) {
  Random random(seed);
  Reliability r;
  for (std::size_t i = 0; i < n; ++i) {
    r.value.push_back(10 * random.uniform());
    r.truth.push_back(r.value.back() + (0.2 + r.value.back()) * random.normal());
  }
  return r;
}

// The plain version: the errors of the nearest answers, sorted for each question.
TEST(ValueIntervals, EqualThePlainVersion) {
  for (const std::size_t n : {45, 400, 3000}) {
    const Reliability r = sample(n, n);
    const ValueIntervals intervals(r);
    for (double value = -2; value < 13; value += 0.37) {
      std::vector<std::pair<double, double>> near;
      for (std::size_t i = 0; i < n; ++i)
        near.emplace_back(std::abs(r.value[i] - value), r.truth[i] - r.value[i]);
      std::sort(near.begin(), near.end());
      near.resize(std::max<std::size_t>(40, n / 10));
      std::vector<double> errors;
      for (const auto& one : near) errors.push_back(one.second);
      const Interval plain = conformal_interval(value, errors, 0.95);
      const Interval quick = intervals.around(value);
      EXPECT_EQ(quick.low, std::min(plain.low, value));
      EXPECT_EQ(quick.high, std::max(plain.high, value));
    }
  }
}

TEST(ValueIntervals, CoverAsStatedWhereverTheAnswerLies) {
  const ValueIntervals intervals(sample(20000, 1));
  const Reliability test = sample(20000, 2);
  double held[2] = {}, all[2] = {};
  for (std::size_t i = 0; i < test.value.size(); ++i) {
    const Interval interval = intervals.around(test.value[i]);
    const int half = test.value[i] > 5;
    held[half] += test.truth[i] >= interval.low && test.truth[i] <= interval.high;
    all[half] += 1;
  }
  for (int half = 0; half < 2; ++half) {
    EXPECT_GT(held[half] / all[half], 0.94);
    EXPECT_LT(held[half] / all[half], 0.965);
  }
}

TEST(ValueIntervals, TooFewPatientsGiveNone) {
  EXPECT_TRUE(std::isnan(ValueIntervals(sample(20, 1)).around(5).low));
}

// The quick way gives what the plain way gives, where no two answers are equal.
TEST(AnswerIntervals, AreThoseOfTheReference) {
  for (const Answer answer : {Answer::boolean, Answer::survival, Answer::real}) {
    Reliability r;
    for (int i = 0; i < 700; ++i) {
      const double value = std::fmod(i * 0.6180339887, 1.0);
      r.value.push_back(value);
      r.truth.push_back(answer == Answer::boolean    ? double((i * 7919) % 100 < 100 * value)
                        : answer == Answer::survival ? 1 + (i * 7919) % 400
                                                     : value + ((i * 7919) % 13) / 50.0);
      if (answer == Answer::survival) r.event.push_back((i * 31) % 3 ? 1 : 0);
    }
    const AnswerIntervals quick(r, answer, 200);
    for (const double value : {-1.0, 0.0, 0.0313, 0.25, 0.5001, 0.77, 0.99, 2.0})
      for (int twice = 0; twice < 2; ++twice) {
        const Interval a = quick.around(value), b = interval_around(value, answer, r, 200);
        EXPECT_NEAR(a.low, b.low, 1e-12) << value;
        EXPECT_NEAR(a.high, b.high, 1e-12) << value;
      }
  }
  EXPECT_TRUE(std::isnan(AnswerIntervals({}, Answer::boolean, 0).around(0.5).low));
}

}  // namespace
}  // namespace cangong
