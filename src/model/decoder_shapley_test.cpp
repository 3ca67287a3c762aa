// Sampled shares of events against those of all orders.
#include "model/decoder_shapley.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "model/decoder_pass.h"

namespace cangong {
namespace {

constexpr DelphiShape kSharesShape{2, 2, 12, 30, true};

DecoderWeights random_decoder() {
  Random random(5);
  DelphiNetwork<float>::Weights weights;
  for (const auto& [name, rows, columns] : kSharesShape.weights())
    for (std::size_t i = 0; i < rows * columns; ++i)
      weights[name].push_back(rows == 1 ? 1 : static_cast<float>(0.3 * random.normal()));
  return {kSharesShape, weights, DecoderWeights::Ways::forward};
}

const std::vector<std::int32_t> kLifeIds{2, 13, 14, 1, 13, 15, 1};
const std::vector<float> kLifeDays{0, 400, 900, 1000, 1500, 1500, 2000};
const std::vector<std::size_t> kPlaces{1, 2, 4, 5};

std::vector<std::uint8_t> two_outcomes() {
  std::vector<std::uint8_t> counted(kSharesShape.vocabulary);
  counted[20] = counted[21] = 1;
  return counted;
}

// Of the record with the events that `has` says, by a pass of its own.
double log_rate(const DecoderWeights& weights, const std::vector<char>& has) {
  std::vector<std::int32_t> ids;
  std::vector<float> days;
  for (std::size_t i = 0; i < kLifeIds.size(); ++i) {
    const auto place = std::find(kPlaces.begin(), kPlaces.end(), i);
    if (place != kPlaces.end() && !has[static_cast<std::size_t>(place - kPlaces.begin())]) continue;
    ids.push_back(kLifeIds[i]), days.push_back(kLifeDays[i]);
  }
  const DecoderRows rows = decoder_rows(ids, days);
  DecoderPass pass(weights);
  pass.forward({rows, 0, 1});
  std::vector<float> logits(kSharesShape.vocabulary);
  pass.last_logits(logits.data());
  return std::log(std::exp(double{logits[20]}) + std::exp(double{logits[21]}));
}

TEST(DecoderShapley, SharesAreThoseOfAllOrders) {
  const DecoderWeights weights = random_decoder();
  std::vector<std::size_t> order(kPlaces.size());
  std::iota(order.begin(), order.end(), 0u);
  std::vector<double> wanted(order.size());
  do {
    std::vector<char> has(order.size());
    double before = log_rate(weights, has);
    for (const std::size_t player : order) {
      has[player] = 1;
      const double now = log_rate(weights, has);
      wanted[player] += (now - before) / 24, before = now;
    }
  } while (std::next_permutation(order.begin(), order.end()));
  const EventShares told =
      shapley_of_events(weights, {kLifeIds, kLifeDays}, kPlaces, two_outcomes(), {400, 3, 2});
  double sum = 0, largest = 0;
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    EXPECT_NEAR(told.share[k], wanted[k], 5 * told.standard_error[k] + 1e-5) << k;
    sum += told.share[k], largest = std::max(largest, std::abs(wanted[k]));
  }
  EXPECT_GT(largest, 0.05);
  EXPECT_NEAR(sum, told.with_all - told.with_none, 1e-9);
  EXPECT_NEAR(told.with_all, log_rate(weights, {1, 1, 1, 1}), 1e-5);
  EXPECT_NEAR(told.with_none, log_rate(weights, {0, 0, 0, 0}), 1e-5);
}

TEST(DecoderShapley, AreTheSameOnAnyNumberOfThreads) {
  const DecoderWeights weights = random_decoder();
  const auto one =
      shapley_of_events(weights, {kLifeIds, kLifeDays}, kPlaces, two_outcomes(), {10, 3, 1});
  const auto three =
      shapley_of_events(weights, {kLifeIds, kLifeDays}, kPlaces, two_outcomes(), {10, 3, 3});
  EXPECT_EQ(one.share, three.share);
  EXPECT_EQ(one.standard_error, three.standard_error);
}

TEST(DecoderShapley, OneEventHasAllAndNoneHasNothing) {
  const DecoderWeights weights = random_decoder();
  const std::vector<std::size_t> second{2};
  const auto one =
      shapley_of_events(weights, {kLifeIds, kLifeDays}, second, two_outcomes(), {2, 1, 1});
  EXPECT_NEAR(one.share[0], one.with_all - one.with_none, 1e-12);
  const auto none =
      shapley_of_events(weights, {kLifeIds, kLifeDays}, {}, two_outcomes(), {2, 1, 1});
  EXPECT_EQ(none.with_all, none.with_none);
  EXPECT_THROW(
      (void)shapley_of_events(weights, {kLifeIds, kLifeDays}, {}, two_outcomes(), {3, 1, 1}),
      Error);
}

}  // namespace
}  // namespace cangong
