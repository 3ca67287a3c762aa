#include "train/stability.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "model/linear.h"

namespace cangong {
namespace {

Dataset stability_sample(std::size_t rows, std::uint64_t seed) {
  Random random(seed);
  Dataset data;
  data.x = Matrix(rows, 8);
  for (std::size_t i = 0; i < rows; ++i) {
    for (float& v : data.x.row(i)) v = static_cast<float>(random.normal());
    data.y.values.push_back(random.uniform() < 1 / (1 + std::exp(-2.0 * data.x.at(i, 0))));
    data.patients.emplace_back(static_cast<std::int64_t>(i / 2));  // two rows each
  }
  return data;
}

Fitted logistic(const Dataset& part) {
  LinearOptions options;
  options.penalty = "0.001";
  Fitted fitted;
  fitted.model = fit_linear(options, part, {});
  fitted.readout = Readout::fit(*fitted.model, part, {}, Recalibration::Kind::none, 0);
  return fitted;
}

TEST(Stability, MorePatientsGiveSteadierAnswers) {
  StabilityOptions options;
  options.refits = 30;
  double changes[2] = {};
  for (int k = 0; k < 2; ++k) {
    const Dataset train = stability_sample(k ? 2000 : 240, 1), judge = stability_sample(700, 2);
    const Stability s =
        examine_stability(logistic(train), {train, judge, "held_out"}, options, 1, logistic);
    changes[k] = s.mean_change;
    ASSERT_EQ(s.sizes.size(), 5u);
    EXPECT_EQ(s.sizes.back().patients, train.rows() / 2);
    EXPECT_GT(s.sizes.front().loss, s.sizes.back().loss);
    ASSERT_EQ(s.spreads.size(), 500u);
    for (std::size_t i = 0; i < 500; ++i) {
      EXPECT_LE(s.spreads[i].low, s.spreads[i].high);
      EXPECT_LE(s.spreads[i ? i - 1 : 0].value, s.spreads[i].value);
    }
    EXPECT_EQ(save_stability(load_stability(save_stability(s))), save_stability(s));
  }
  EXPECT_GT(changes[0], 2 * changes[1]);
  EXPECT_LT(changes[1], 0.03);
}

TEST(Stability, SamplesThatCannotBeFittedAreLeftOut) {
  const Dataset train = stability_sample(200, 1), judge = stability_sample(100, 2);
  StabilityOptions options;
  options.refits = 10;
  options.shares = {0.01, 0.5};
  int calls = 0;
  const Refit sometimes = [&](const Dataset& part) {
    if (++calls % 2) fail(Fault::input, "no event");
    return logistic(part);
  };
  const Stability s =
      examine_stability(logistic(train), {train, judge, "held_out"}, options, 1, sometimes);
  EXPECT_EQ(s.refits, 5u);
  ASSERT_EQ(s.sizes.size(), 2u);  // not that of one patient
  EXPECT_EQ(load_stability(save_stability(s)).sizes.size(), 2u);
}

TEST(Stability, WrongOptionsAreRefused) {
  StabilityOptions wrong;
  wrong.refits = 1;
  EXPECT_THROW(check_options(wrong), Error);
  wrong.refits = 2;
  wrong.shares = {0.5, 1.5};
  EXPECT_THROW(check_options(wrong), Error);
}

}  // namespace
}  // namespace cangong
