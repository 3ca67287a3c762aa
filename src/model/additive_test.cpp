#include "model/additive.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "evaluate/survival.h"

namespace cangong {
namespace {

const float kMissing = std::nanf("");

// A wave, a step, a value that is missing for the high, a pair that acts only together, and noise.
double truth_of(std::span<const float> x) {
  return 2 * std::sin(2 * x[0]) + (x[1] > 0.3f ? 1 : 0) + (std::isnan(x[2]) ? 1.5 : 0) +
         ((x[3] > 0) == (x[4] > 0) ? 1 : -1);
}

Dataset sample(std::size_t rows, std::uint64_t seed, Answer answer) {
  Random random(seed);
  Dataset data;
  data.x = Matrix(rows, 6);
  data.y.answer = answer;
  for (std::size_t i = 0; i < rows; ++i) {
    for (float& v : data.x.row(i)) v = static_cast<float>(random.normal());
    if (random.uniform() < 0.3) data.x.at(i, 2) = kMissing;
    const double eta = truth_of(data.x.row(i));
    if (answer == Answer::boolean)
      data.y.values.push_back(random.uniform() < 1 / (1 + std::exp(1 - eta)));
    if (answer == Answer::real) data.y.values.push_back(eta + 0.1 * random.normal());
    if (answer != Answer::survival) continue;
    const double time = -100 * std::log(1 - random.uniform()) * std::exp(-eta);
    const double censor = 400 * random.uniform();
    data.y.values.push_back(std::min(time, censor));
    data.y.events.push_back(time <= censor);
  }
  return data;
}

TEST(Additive, FindsCurvesAndThePairOfValues) {
  const Dataset train = sample(4000, 1, Answer::real), tuning = sample(1000, 2, Answer::real);
  const auto model = fit_additive(AdditiveOptions{}, train, tuning, {});
  const Dataset test = sample(1000, 3, Answer::real);
  const RealMatrix told = model->margins(test.x);
  double error = 0, spread = 0;
  for (std::size_t i = 0; i < test.rows(); ++i) {
    error += std::pow(told.at(i, 0) - truth_of(test.x.row(i)), 2);
    spread += std::pow(truth_of(test.x.row(i)) - 2, 2);
  }
  EXPECT_LT(error / spread, 0.03);
  const auto shapes = shapes_of(*model);
  ASSERT_GT(shapes.size(), 6u);
  EXPECT_EQ(shapes[6].columns, (std::vector<std::size_t>{3, 4}));
}

TEST(Additive, PartsAddUpAndStandAgainstTheTrainingMean) {
  const Dataset train = sample(1500, 1, Answer::boolean), tuning = sample(500, 2, Answer::boolean);
  const auto model = fit_additive(AdditiveOptions{}, train, tuning, {});
  const RealMatrix told = model->margins(train.x), parts = *model->contributions(train.x, 0);
  std::vector<double> means(train.x.columns);
  for (std::size_t i = 0; i < train.rows(); ++i) {
    double sum = 0;
    for (const double part : parts.row(i)) sum += part;
    EXPECT_NEAR(sum, told.at(i, 0), 1e-9);
    for (std::size_t j = 0; j < means.size(); ++j) means[j] += parts.at(i, j);
  }
  for (const double mean : means) EXPECT_NEAR(mean / 1500, 0, 1e-6);
}

// What a table holds, its columns' curves do not: along either column its mean is 0.
TEST(Additive, TablesArePure) {
  Shape first{{0}, {{0, 1, 2}}, std::vector<double>(5)}, second{{1}, {{0.5f}}, {0, 0, 0}};
  Shape table{{0, 1}, {{1}, {0.5f}}, {0, 0, 0, 0, 4, 8, 0, 2, 5}};
  const std::vector<double> weights{0, 0, 0, 0, 10, 20, 0, 30, 5};
  Matrix x(4, 2);
  const float rows[4][2] = {{0.5f, 0}, {0.5f, 1}, {1.5f, 0}, {2.5f, 1}};
  for (std::size_t i = 0; i < 4; ++i) std::copy_n(rows[i], 2, x.row(i).begin());
  std::vector<double> before;
  for (std::size_t i = 0; i < 4; ++i) before.push_back(table.at(x.row(i)));
  purify(table, weights, first, second);
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(table.at(x.row(i)) + first.at(x.row(i)) + second.at(x.row(i)), before[i], 1e-9);
  EXPECT_NEAR(10 * table.values[4] + 20 * table.values[5], 0, 1e-9);
  EXPECT_NEAR(10 * table.values[4] + 30 * table.values[7], 0, 1e-9);
}

TEST(Additive, SurvivalIsOrdered) {
  const Dataset train = sample(3000, 1, Answer::survival),
                tuning = sample(800, 2, Answer::survival);
  const auto model = fit_additive(AdditiveOptions{}, train, tuning, {});
  const Dataset test = sample(1000, 3, Answer::survival);
  std::vector<double> risk, best;
  const RealMatrix told = model->margins(test.x);
  for (std::size_t i = 0; i < test.rows(); ++i) {
    risk.push_back(told.at(i, 0));
    best.push_back(truth_of(test.x.row(i)));
  }
  const std::vector<double> ones(test.rows(), 1.0);
  const double own = Concordance(risk, test.y.values, test.y.events).harrell(ones);
  EXPECT_GT(own, Concordance(best, test.y.values, test.y.events).harrell(ones) - 0.02);
}

TEST(Additive, TheSameBytesWithAnyNumberOfThreadsAndAfterLoading) {
  const Dataset train = sample(500, 1, Answer::boolean);
  Dataset none;
  none.y.answer = Answer::boolean;
  none.x = Matrix(0, 6);
  AdditiveOptions options;
  options.rounds = 30;
  FitContext one, four;
  four.threads = 4;
  const auto model = fit_additive(options, train, none, one);
  EXPECT_EQ(model->save(), fit_additive(options, train, none, four)->save());
  const auto loaded = load_additive(model->save());
  EXPECT_EQ(loaded->margins(train.x).values, model->margins(train.x).values);
  EXPECT_EQ(loaded->save(), model->save());
}

TEST(Additive, ABagWithoutAnEventIsNoTrap) {
  Dataset rare = sample(60, 1, Answer::boolean);
  std::fill(rare.y.values.begin(), rare.y.values.end(), 0.0);
  rare.y.values[7] = 1;
  AdditiveOptions options;
  options.bags = 30;
  const auto model = fit_additive(options, rare, sample(60, 2, Answer::boolean), {});
  for (const double margin : load_additive(model->save())->margins(rare.x).values)
    EXPECT_TRUE(std::isfinite(margin));
}

TEST(Additive, ClassesAreRefused) {
  Dataset classes = sample(50, 1, Answer::boolean);
  classes.y.answer = Answer::category;
  classes.y.classes = {"a", "b"};
  EXPECT_THROW(fit_additive(AdditiveOptions{}, classes, classes, {}), Error);
}

}  // namespace
}  // namespace cangong
