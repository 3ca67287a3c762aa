#include "explain/attribution.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "evaluate/binary.h"
#include "explain/shap.h"
#include "explain/what_if.h"
#include "model/linear.h"
#include "model/mlp.h"
#include "model/trees.h"

namespace cangong {
namespace {

Matrix random_rows(std::size_t rows, std::size_t columns, std::uint64_t seed) {
  Random random(seed);
  Matrix x(rows, columns);
  for (float& v : x.values) v = static_cast<float>(random.normal());
  return x;
}

// y = 2 x0 - x1 + noise; x2 tells nothing.
Dataset linear_data() {
  Dataset data;
  data.x = random_rows(500, 3, 1);
  data.y.answer = Answer::real;
  Random random(2);
  for (std::size_t i = 0; i < 500; ++i)
    data.y.values.push_back(2 * data.x.at(i, 0) - data.x.at(i, 1) + 0.1 * random.normal());
  return data;
}

Fitted linear_model() {
  LinearOptions options;
  options.penalty = "0";
  Fitted fitted;
  fitted.model = fit_linear(options, linear_data(), {});
  return fitted;
}

// Where effects add up, every way must tell the same: w (x - mean of the background).
TEST(Attribution, AllWaysAgreeOnALinearModel) {
  const Fitted fitted = linear_model();
  const Matrix x = random_rows(3, 3, 3), background = random_rows(100, 3, 4);
  double mean[3] = {};
  for (std::size_t b = 0; b < 100; ++b)
    for (std::size_t j = 0; j < 3; ++j) mean[j] += background.at(b, j) / 100;
  for (const char* name : {"interventional", "occlusion", "gradients", "lime"}) {
    const RealMatrix parts = attribution_named(name).parts({fitted, background, 0, 1}, x);
    const double tolerance = std::string(name) == "lime" ? 0.35 : 1e-3;
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_NEAR(parts.at(i, 0), 2 * (x.at(i, 0) - mean[0]), tolerance + 0.05) << name;
      EXPECT_NEAR(parts.at(i, 1), -(x.at(i, 1) - mean[1]), tolerance + 0.05) << name;
      EXPECT_NEAR(parts.at(i, 2), 0, tolerance + 0.05) << name;
    }
  }
}

TEST(Attribution, AnUnknownWayIsNamed) {
  EXPECT_THROW(attribution_named("shapp"), Error);
}

std::string network_json() {
  Random random(5);
  std::string layers;
  const std::size_t sizes[] = {4, 12, 12, 1};
  for (int l = 0; l < 3; ++l) {
    const auto list = [&](std::size_t count) {
      std::string text;
      for (std::size_t k = 0; k < count; ++k)
        text += (k ? "," : "") + std::to_string(0.5 * random.normal());
      return text;
    };
    layers += std::string(l ? "," : "") + "{\"in\":" + std::to_string(sizes[l]) +
              ",\"out\":" + std::to_string(sizes[l + 1]) + ",\"weights\":[" +
              list(sizes[l] * sizes[l + 1]) + "],\"bias\":[" + list(sizes[l + 1]) + "]}";
  }
  return R"({"format":1,"kind":"mlp","activation":"tanh","epochs":1,"interval_ends":[],"mean":0,)"
         R"("scale":1,"normaliser":{"mean":[0,0,0,0],"scale":[1,1,1,1],"fill":[0,0,0,0],)"
         R"("flags":[],"bins":[]},"layers":[)" +
         layers + "]}";
}

// Completeness: the parts add up to the difference from the background's mean.
TEST(Attribution, IntegratedGradientsOfANetworkAddUp) {
  Fitted fitted;
  fitted.model = load_mlp(network_json());
  const Matrix x = random_rows(5, 4, 6), background = random_rows(20, 4, 7);
  const RealMatrix parts = integrated_gradients({fitted, background, 0, 1}, x);
  const RealMatrix margins = fitted.model->margins(x);
  for (std::size_t i = 0; i < x.rows; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j <= 4; ++j) sum += parts.at(i, j);
    EXPECT_NEAR(sum, margins.at(i, 0), 1e-4);
  }
}

TEST(Attribution, TreesHaveNoGradients) {
  Dataset data = linear_data();
  Fitted fitted;
  fitted.model = fit_trees(Node::parse("{kind: trees, rounds: 5}", "test"), data, {}, {});
  EXPECT_THROW(integrated_gradients({fitted, data.x, 0, 1}, random_rows(1, 3, 1)), Error);
}

TEST(WhatIf, StaysInsideTheSupport) {
  const Fitted fitted = linear_model();
  const Matrix x = random_rows(1, 3, 8), background = random_rows(100, 3, 9);
  const Answers answers = [&](const Matrix& rows) { return fitted.model->margins(rows).values; };
  const auto curve = what_if(answers, x.row(0), background, 0);
  ASSERT_GT(curve.size(), 10u);
  EXPECT_GT(curve.front().value, -2.5);
  EXPECT_LT(curve.back().value, 2.5);
  for (std::size_t k = 1; k < curve.size(); ++k) {
    EXPECT_GT(curve[k].value, curve[k - 1].value);
    EXPECT_NEAR(curve[k].answer - curve[k - 1].answer, 2 * (curve[k].value - curve[k - 1].value),
                0.02);
  }
}

// The mean of a model that adds is the column's own part plus the others' mean.
TEST(WhatIf, DependenceIsTheMeanOverTheBackground) {
  Matrix background(11, 2);
  for (std::size_t b = 0; b < 11; ++b) {
    background.at(b, 0) = static_cast<float>(b);
    background.at(b, 1) = static_cast<float>(b * b);
  }
  const Answers sum = [](const Matrix& x) {
    std::vector<double> told;
    for (std::size_t i = 0; i < x.rows; ++i) told.push_back(2 * x.at(i, 0) + x.at(i, 1));
    return told;
  };
  const auto points = dependence(sum, background, 0);
  ASSERT_GT(points.size(), 5u);
  for (const auto& point : points) {
    EXPECT_NEAR(point.mean, 2 * point.value + 35, 1e-4);  // mean of squares of 0..10
    EXPECT_NEAR(point.low, 2 * point.value + 1, 1e-4);
    EXPECT_NEAR(point.high, 2 * point.value + 81, 1e-4);
  }
}

TEST(WhatIf, TheSmallestChangeTakesTheStrongestColumnAndSaysWhereNoneDoes) {
  const Fitted fitted = linear_model();
  const Matrix background = random_rows(200, 3, 9);
  Matrix x(1, 3);
  x.at(0, 0) = 1, x.at(0, 1) = 0, x.at(0, 2) = 0;
  const Answers answers = [&](const Matrix& rows) { return fitted.model->margins(rows).values; };
  const std::size_t all[] = {0, 1, 2}, second[] = {1}, useless[] = {2};
  const auto one = smallest_change(answers, x.row(0), background, all, 1.0);
  ASSERT_TRUE(one);
  ASSERT_EQ(one->changes.size(), 1u);
  EXPECT_EQ(one->changes[0].column, 0u);
  EXPECT_LE(one->answer, 1.0);
  EXPECT_GT(one->answer, 0.4);  // not farther than needed
  const auto two = smallest_change(answers, x.row(0), background, all, -4.5);
  ASSERT_TRUE(two);
  EXPECT_EQ(two->changes.size(), 2u);
  EXPECT_LE(two->answer, -4.5);
  EXPECT_TRUE(smallest_change(answers, x.row(0), background, second, 1.0));
  EXPECT_FALSE(smallest_change(answers, x.row(0), background, useless, 1.0));
  EXPECT_FALSE(smallest_change(answers, x.row(0), background, all, -30.0));
}

// 500 noise codes, one pair that acts together, and one code that acts only when it is old: its
// recent column tells nothing.
struct Planted {
  static constexpr std::size_t kNoise = 500, kA = 500, kB = 501, kRecent = 502, kLagged = 503;
  Dataset data;
  Planted(std::uint64_t seed, bool random_answers) {
    Random random(seed);
    data.x = Matrix(4000, 504);
    for (std::size_t i = 0; i < data.x.rows; ++i) {
      for (std::size_t j = 0; j < data.x.columns; ++j)
        data.x.at(i, j) = random.uniform() < (j < kNoise ? 0.1 : 0.4) ? 1.0f : 0.0f;
      const double both = data.x.at(i, kA) * data.x.at(i, kB);
      const double margin = -1.4 + 1.8 * both + 1.1 * data.x.at(i, kLagged);
      const double p = random_answers ? 0.4 : 1 / (1 + std::exp(-margin));
      data.y.values.push_back(random.uniform() < p);
      data.patients.emplace_back(static_cast<std::int64_t>(i));
    }
  }
  Dataset part(std::size_t from, std::size_t to) const {
    std::vector<std::size_t> rows;
    for (std::size_t i = from; i < to; ++i) rows.push_back(i);
    return data.take(rows);
  }
};

struct Found {
  std::vector<std::size_t> first;  // columns by importance
  std::pair<std::size_t, std::size_t> pair;
  double auroc = 0;
};

Found explain(const Planted& planted, std::uint64_t seed) {
  const Dataset train = planted.part(0, 2400), tuning = planted.part(2400, 3000),
                test = planted.part(3000, 4000);
  FitContext context;
  context.seed = seed;
  Fitted fitted;
  fitted.model =
      fit_trees(Node::parse("{kind: trees, learning_rate: 0.1}", "test"), train, tuning, context);
  const Dataset background = planted.part(0, 50), judged = planted.part(3000, 3040);
  const auto shares = importance(fitted, test.x, background.x);
  Found found;
  for (std::size_t j = 0; j < shares.size(); ++j) found.first.push_back(j);
  std::stable_sort(found.first.begin(), found.first.end(),
                   [&](std::size_t a, std::size_t b) { return shares[a] > shares[b]; });
  const std::vector<std::size_t> top(found.first.begin(), found.first.begin() + 5);
  const RealMatrix pairs = interactions({fitted, background.x, 0, seed}, judged.x, top);
  double best = -1;
  for (std::size_t a = 0; a < top.size(); ++a)
    for (std::size_t b = a + 1; b < top.size(); ++b)
      if (pairs.at(a, b) > best) best = pairs.at(a, b), found.pair = std::minmax(top[a], top[b]);
  const std::vector<double> ones(test.rows(), 1.0);
  found.auroc = Ranking(fitted.model->margins(test.x).values, test.y.values).auroc(ones);
  return found;
}

TEST(Explained, ThePlantedEffectsRankFirstInNineteenOfTwentySeeds) {
  int interaction = 0, lagged = 0;
  double auroc = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Found found = explain(Planted(seed, false), seed);
    interaction += found.pair == std::pair(Planted::kA, Planted::kB);
    // Of the 502 columns that act alone or not at all, the lagged one comes first.
    for (const std::size_t j : found.first) {
      if (j == Planted::kA || j == Planted::kB) continue;
      lagged += j == Planted::kLagged;
      break;
    }
    auroc += found.auroc / 20;
  }
  EXPECT_GE(interaction, 19);
  EXPECT_GE(lagged, 19);
  EXPECT_NEAR(auroc, 0.7, 0.04);
}

TEST(Explained, RandomAnswersGiveNoise) {
  int planted = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Found found = explain(Planted(seed, true), seed);
    for (std::size_t k = 0; k < 3; ++k) planted += found.first[k] >= Planted::kNoise;
    EXPECT_NEAR(found.auroc, 0.5, 0.06);
  }
  EXPECT_LE(planted, 2);  // of 15 places
}

}  // namespace
}  // namespace cangong
