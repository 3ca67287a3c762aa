#include "encode/normaliser.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace cangong {
namespace {

const float kNone = std::nanf("");

Matrix column(std::initializer_list<float> values) {
  Matrix x(values.size(), 1);
  std::copy(values.begin(), values.end(), x.values.begin());
  return x;
}

TEST(NormaliserTest, MissingBecomesTheMeanOrTheMedian) {
  const Matrix x = column({1, 2, 3, 10, kNone});
  Normaliser mean, median;
  mean.fit(x);
  median.fit(x, {"median", true, 0, 0});
  EXPECT_EQ(mean.apply(x).at(4, 0), 0);
  const double sd = std::sqrt((9 + 4 + 1 + 36) / 4.0);
  EXPECT_NEAR(median.apply(x).at(4, 0), (3 - 4) / sd, 1e-12);  // of four values the upper middle
  EXPECT_EQ(mean.outputs(), 2u);
  EXPECT_GT(mean.apply(x).at(4, 1), mean.apply(x).at(0, 1));
}

TEST(NormaliserTest, FlagsMayBeLeftOut) {
  Normaliser n;
  n.fit(column({1, 2, kNone}), {"mean", false, 0, 0});
  EXPECT_EQ(n.outputs(), 1u);
}

TEST(NormaliserTest, EveryValueLiesInOneBin) {
  Matrix x(101, 1);
  for (std::size_t i = 0; i < 100; ++i) x.at(i, 0) = static_cast<float>(i * i);
  x.at(100, 0) = kNone;
  Normaliser n;
  n.fit(x, {"mean", true, 4, 0});
  ASSERT_EQ(n.outputs(), 6u);  // value, flag, four bins
  const RealMatrix z = n.apply(x);
  std::size_t inside[4] = {};
  for (std::size_t i = 0; i < 101; ++i) {
    std::size_t bins = 0;
    for (std::size_t b = 0; b < 4; ++b)
      if (z.at(i, 2 + b) > 0) ++inside[b], ++bins;
    EXPECT_EQ(bins, i < 100 ? 1u : 0u);
  }
  for (const std::size_t count : inside) EXPECT_EQ(count, 25u);
  Matrix far = column({-1e6f, 1e9f});
  EXPECT_GT(n.apply(far).at(0, 2), 0);  // beyond the training range: the outer bins
  EXPECT_GT(n.apply(far).at(1, 5), 0);
  for (std::size_t k = 0; k < n.outputs(); ++k) EXPECT_EQ(n.source(k), 0u);
}

TEST(NormaliserTest, PiecesAddUpToTheValueAndGoOnAsALine) {
  Matrix x(101, 1);
  for (std::size_t i = 0; i < 100; ++i) x.at(i, 0) = static_cast<float>(i);
  x.at(100, 0) = kNone;
  PrepareOptions options;
  options.pieces = 4;
  Normaliser n;
  n.fit(x, options);
  ASSERT_EQ(n.outputs(), 6u);  // value, flag, four pieces
  for (std::size_t k = 0; k < n.outputs(); ++k) EXPECT_EQ(n.source(k), 0u);
  // Differences between rows are those of the plain encoding over the pieces' own scales.
  const RealMatrix z = n.apply(column({0, 25, 50, 99, 124, kNone}));
  for (std::size_t p = 2; p < 6; ++p) {
    EXPECT_EQ(z.at(1, p) > z.at(0, p), p == 2);  // 0 to 25 passes through the first piece alone
    EXPECT_EQ(z.at(2, p) > z.at(1, p), p == 3);
    EXPECT_EQ(z.at(4, p) > z.at(3, p), p == 5);               // beyond the largest the last goes on
    EXPECT_EQ(z.at(5, p), n.apply(column({49.5})).at(0, p));  // missing: as the mean
  }
  EXPECT_EQ(Normaliser::load(n.save()).apply(x).values, n.apply(x).values);
}

TEST(NormaliserTest, SavedAndLoadedIsTheSame) {
  const Matrix x = column({1, 2, 3, 10, 20, 30, kNone});
  Normaliser n;
  n.fit(x, {"median", true, 3, 0});
  const Normaliser again = Normaliser::load(n.save());
  EXPECT_EQ(again.save(), n.save());
  EXPECT_EQ(again.apply(x).values, n.apply(x).values);
}

TEST(NormaliserTest, WrongOptionsAreRefused) {
  Normaliser n;
  EXPECT_THROW(n.fit(column({1, 2}), {"mode", true, 0, 0}), Error);
  EXPECT_THROW(n.fit(column({1, 2}), {"mean", true, 1, 0}), Error);
}

}  // namespace
}  // namespace cangong
