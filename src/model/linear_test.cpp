#include "model/linear.h"

#include <gtest/gtest.h>

#include <cmath>

#include "../../tests/survival_table.h"
#include "base/random.h"
#include "evaluate/survival.h"
#include "model/elastic_net.h"

namespace cangong {
namespace {

std::unique_ptr<LinearModel> cox(const Dataset& data, Ties ties) {
  LinearOptions options;
  options.penalty = "0";
  options.ties = ties;
  return fit_linear(options, data, {});
}

double c_of(const LinearModel& model, const Dataset& data) {
  const auto margins = model.margins(data.x);
  return Concordance(margins.values, data.y.values, data.y.events)
      .harrell(std::vector<double>(data.rows(), 1.0));
}

void expect_coefficients(const LinearModel& model, const std::vector<double>& expected) {
  const auto raw = model.raw_coefficients();
  ASSERT_EQ(raw.size(), expected.size() + 1);
  for (std::size_t j = 0; j < expected.size(); ++j)
    EXPECT_NEAR(raw[j], expected[j], 1e-6) << "column " << j;
}

// R survival 3.5 and lifelines 0.30 on Rossi et al. 1980: fin, age, race, wexp, mar, paro, prio.
TEST(Cox, RossiEqualsRAndLifelines) {
  NEEDS_SHARED_DATA("survival");
  const auto data = read_survival(shared_data() / "survival" / "rossi.csv", "week", "arrest").train;
  const auto efron = cox(data, Ties::efron);
  expect_coefficients(*efron, {-0.379422167, -0.057437743, 0.313899786, -0.149795697, -0.433703877,
                               -0.084871083, 0.091497079});
  EXPECT_NEAR(c_of(*efron, data), 0.640329, 1e-6);
  const auto margins = efron->margins(data.x);
  const auto likelihood = cox_likelihood(data.y.values, data.y.events, Ties::efron);
  EXPECT_NEAR(-likelihood->loss(margins.values) * 432, -658.747659, 1e-5);
  const auto breslow = cox(data, Ties::breslow);
  expect_coefficients(*breslow, {-0.379021888, -0.057245925, 0.314129765, -0.151114600,
                                 -0.432782573, -0.084982836, 0.091111541});
  EXPECT_NEAR(c_of(*breslow, data), 0.640423, 1e-6);
}

// scikit-survival 0.28.0 on the published splits.
TEST(Cox, MetabricEqualsScikitSurvival) {
  NEEDS_SHARED_DATA("survival");
  const auto data = read_survival(shared_data() / "survival" / "metabric.csv", "time", "event");
  const auto efron = cox(data.train, Ties::efron);
  expect_coefficients(*efron, {0.04219543, -0.069842196, 0.102308257, 0.314494618, 0.18491294,
                               -0.211824885, 0.771258297, 0.069318769, 0.043347669});
  EXPECT_NEAR(c_of(*efron, data.test), 0.632363, 1e-6);
  EXPECT_NEAR(c_of(*efron, data.train), 0.640763, 1e-6);
  const auto breslow = cox(data.train, Ties::breslow);
  expect_coefficients(*breslow, {0.042186798, -0.069837606, 0.102276978, 0.314473722, 0.184941685,
                                 -0.211875651, 0.771265013, 0.069303048, 0.043341264});
  EXPECT_NEAR(c_of(*breslow, data.test), 0.632322, 1e-6);
}

TEST(Cox, SupportEqualsScikitSurvival) {
  NEEDS_SHARED_DATA("survival");
  const auto data = read_survival(shared_data() / "survival" / "support.csv", "time", "event");
  const auto efron = cox(data.train, Ties::efron);
  expect_coefficients(*efron, {0.014206204, -0.093548577, 0.024097672, 0.019715543, -0.046946482,
                               0.132063413, -0.259233182, -0.002577202, 0.002316177, 0.002147925,
                               0.011467052, -0.003838014, 0.003087376, 0.027563792});
  EXPECT_NEAR(c_of(*efron, data.test), 0.583074, 1e-6);
  const auto breslow = cox(data.train, Ties::breslow);
  EXPECT_NEAR(c_of(*breslow, data.test), 0.583072, 1e-6);
  EXPECT_NEAR(c_of(*breslow, data.train), 0.569243, 1e-6);
}

// Therneau and Grambsch 2000, appendix E.1: the closed form of the 6-row example "test1".
TEST(Cox, ClosedFormOfTherneauAndGrambsch) {
  Dataset data;
  data.y.answer = Answer::survival;
  data.x = Matrix(6, 1);
  data.x.values = {1, 1, 1, 0, 0, 0};
  data.y.values = {1, 1, 6, 6, 8, 9};
  data.y.events = {1, 0, 1, 1, 0, 1};
  const auto model = cox(data, Ties::breslow);
  EXPECT_NEAR(model->raw_coefficients()[0], std::log(1.5 + std::sqrt(33.0) / 2), 1e-9);
}

Dataset logistic_data(std::size_t rows, std::uint64_t seed) {
  Random random(seed);
  Dataset data;
  data.x = Matrix(rows, 3);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < 3; ++j) data.x.at(i, j) = static_cast<float>(random.normal());
    const double eta = -0.5 + 1.0 * data.x.at(i, 0) - 0.7 * data.x.at(i, 1);
    data.y.values.push_back(random.uniform() < 1 / (1 + std::exp(-eta)) ? 1 : 0);
  }
  return data;
}

TEST(Linear, GradientVanishesAtTheUnpenalisedMaximum) {
  const Dataset data = logistic_data(500, 3);
  LinearOptions options;
  options.penalty = "0";
  const auto model = fit_linear(options, data, {});
  const auto margins = model->margins(data.x);
  for (std::size_t j = 0; j < 3; ++j) {
    double slope = 0;
    for (std::size_t i = 0; i < data.rows(); ++i)
      slope += data.x.at(i, j) * (data.y.values[i] - 1 / (1 + std::exp(-margins.at(i, 0))));
    EXPECT_NEAR(slope, 0, 1e-6);
  }
}

// Karush-Kuhn-Tucker: |gradient| = lambda where a coefficient is not 0, and less where it is.
TEST(Linear, LassoMeetsItsOptimalityConditions) {
  const Dataset data = logistic_data(400, 5);
  Normaliser normaliser;
  normaliser.fit(data.x);
  const RealMatrix z = normaliser.apply(data.x);
  const auto likelihood = logistic_likelihood(data.y.values, {});
  const std::vector<double> factors(3, 1.0);
  for (const double lambda : {0.02, 0.05, 0.12}) {
    std::vector<double> b(3);
    fit_penalised(z, *likelihood, {lambda, 1, factors}, b);
    std::vector<double> residuals(z.rows);
    likelihood->residuals(linear_predictor(z, b), residuals);
    for (std::size_t j = 0; j < 3; ++j) {
      double g = 0;
      for (std::size_t i = 0; i < z.rows; ++i) g += residuals[i] * z.at(i, j);
      if (b[j] != 0)
        EXPECT_NEAR(g, lambda * (b[j] > 0 ? 1 : -1), 1e-7);
      else
        EXPECT_LE(std::abs(g), lambda + 1e-9);
    }
  }
}

TEST(Linear, LassoDropsNoise) {
  const Dataset train = logistic_data(3000, 7), tuning = logistic_data(1000, 8);
  LinearOptions options;
  options.l1_share = 1;
  const auto b = fit_linear(options, train, tuning)->raw_coefficients();
  EXPECT_NEAR(b[0], 1.0, 0.15);
  EXPECT_NEAR(b[1], -0.7, 0.15);
  EXPECT_NEAR(b[2], 0.0, 0.07);
}

TEST(Linear, MultinomialRecoversTheClassesAndSumsToOne) {
  Random random(11);
  Dataset data;
  data.y.answer = Answer::category;
  data.y.classes = {"a", "b", "c"};
  data.x = Matrix(900, 2);
  for (std::size_t i = 0; i < 900; ++i) {
    const std::size_t c = i % 3;
    data.x.at(i, 0) = static_cast<float>(random.normal() + (c == 1 ? 3 : 0));
    data.x.at(i, 1) = static_cast<float>(random.normal() + (c == 2 ? 3 : 0));
    data.y.values.push_back(static_cast<double>(c));
  }
  LinearOptions options;
  options.penalty = "0.001";
  const auto margins = fit_linear(options, data, {})->margins(data.x);
  std::size_t hits = 0;
  for (std::size_t i = 0; i < 900; ++i) {
    const auto row = margins.row(i);
    hits +=
        static_cast<std::size_t>(std::max_element(row.begin(), row.end()) - row.begin()) == i % 3;
  }
  EXPECT_GT(hits, 800u);
}

TEST(Linear, SavedAndLoadedGivesTheSameBytes) {
  const Dataset data = logistic_data(200, 9);
  const auto model = fit_linear(LinearOptions{}, data, {});
  const auto again = LinearModel::load(model->save());
  EXPECT_EQ(model->margins(data.x).values, again->margins(data.x).values);
}

// Two columns that act only together, among eighteen others.
Dataset only_together(std::size_t rows, std::uint64_t seed, Answer answer) {
  Random random(seed);
  Dataset data;
  data.y.answer = answer;
  data.x = Matrix(rows, 20);
  for (std::size_t i = 0; i < rows; ++i) {
    for (float& v : data.x.row(i)) v = static_cast<float>(random.normal());
    const double eta = 1.5 * data.x.at(i, 3) * data.x.at(i, 11) + 0.5 * data.x.at(i, 3);
    if (answer == Answer::boolean) {
      data.y.values.push_back(random.uniform() < 1 / (1 + std::exp(-eta)));
    } else {
      data.y.values.push_back(-std::log(1 - random.uniform()) * std::exp(-eta));
      data.y.events.push_back(1);
    }
  }
  return data;
}

TEST(Products, ThePairThatActsTogetherIsTaken) {
  for (const Answer answer : {Answer::boolean, Answer::survival}) {
    const Dataset train = only_together(2000, 1, answer), tuning = only_together(800, 2, answer);
    LinearOptions options;
    options.products = 3;
    const auto model = fit_linear(options, train, tuning);
    ASSERT_EQ(model->products().size(), 3u);
    EXPECT_EQ(model->products()[0], std::pair(std::size_t{3}, std::size_t{11}));
    const RealMatrix margins = model->margins(train.x), parts = *model->contributions(train.x, 0);
    for (std::size_t i = 0; i < 50; ++i) {
      double sum = 0;
      for (const double part : parts.row(i)) sum += part;
      EXPECT_NEAR(sum, margins.at(i, 0), 1e-9);
    }
    double along = 0;
    const auto steps = model->path_parts(train.x.row(0), train.x.row(1), 0).value();
    for (const double part : steps) along += part;
    EXPECT_NEAR(along, margins.at(1, 0) - margins.at(0, 0), 1e-9);
    const auto loaded = LinearModel::load(model->save());
    EXPECT_EQ(loaded->margins(train.x).values, margins.values);
  }
}

}  // namespace
}  // namespace cangong
