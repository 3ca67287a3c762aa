#include "model/forest.h"

#include <gtest/gtest.h>

#include <cmath>

#include "../../tests/survival_table.h"
#include "base/random.h"
#include "evaluate/binary.h"
#include "evaluate/survival.h"
#include "model/readout.h"
#include "model/tree.h"

namespace cangong {
namespace {

constexpr float kGap = std::numeric_limits<float>::quiet_NaN();

// Yes where exactly one of the first two columns is above 0: no column tells anything alone.
Dataset exclusive_or(std::size_t rows, std::uint64_t seed) {
  Random random(seed);
  Dataset data;
  data.x = Matrix(rows, 4);
  for (float& v : data.x.values) v = static_cast<float>(random.normal());
  for (std::size_t i = 0; i < rows; ++i)
    data.y.values.push_back((data.x.at(i, 0) > 0) != (data.x.at(i, 1) > 0));
  return data;
}

double auroc(const Model& model, const Dataset& data) {
  const std::vector<double> ones(data.rows(), 1.0);
  return Ranking(model.margins(data.x).values, data.y.values).auroc(ones);
}

TEST(Binned, AValueLiesAtOrBelowTheCutOfItsBin) {
  Random random(1);
  Matrix x(2000, 3);
  for (std::size_t i = 0; i < x.rows; ++i) {
    x.at(i, 0) = static_cast<float>(random.normal());
    x.at(i, 1) = static_cast<float>(random.below(5));
    x.at(i, 2) = random.uniform() < 0.3 ? kGap : static_cast<float>(random.uniform());
  }
  const Binned binned(x);
  EXPECT_EQ(binned.cuts(1).size(), 4u);
  EXPECT_EQ(binned.cuts(0).size(), Binned::kMost - 1);
  for (std::size_t j = 0; j < 3; ++j)
    for (std::size_t i = 0; i < x.rows; ++i) {
      const std::size_t bin = binned.column(j)[i];
      ASSERT_EQ(bin == 0, std::isnan(x.at(i, j)));
      if (bin == 0) continue;
      if (bin <= binned.cuts(j).size()) {
        ASSERT_LE(x.at(i, j), binned.cuts(j)[bin - 1]);
      }
      if (bin > 1) {
        ASSERT_GT(x.at(i, j), binned.cuts(j)[bin - 2]);
      }
    }
}

TEST(Binned, ColumnsOfOneValueOrNoneHaveNoCut) {
  Matrix x(10, 2, 3.0f);
  for (std::size_t i = 0; i < 10; ++i) x.at(i, 1) = kGap;
  const Binned binned(x);
  EXPECT_TRUE(binned.cuts(0).empty());
  EXPECT_TRUE(binned.cuts(1).empty());
}

TEST(Tree, SplitsWhereTheAnswerChangesAndSendsMissingToTheirLike) {
  Matrix x(60, 2);
  std::vector<double> y;
  for (std::size_t i = 0; i < 60; ++i) {
    x.at(i, 0) = static_cast<float>(i % 7);
    x.at(i, 1) = i < 20 ? kGap : static_cast<float>(i);
    y.push_back(i < 20 || i >= 40 ? 1 : 0);  // those without a value are like the high ones
  }
  std::vector<std::vector<std::uint32_t>> leaves;
  GrowTarget target;
  target.score = [&](auto rows, auto scores) {
    double mean = 0;
    for (const auto row : rows) mean += y[row] / static_cast<double>(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) scores[i] = y[rows[i]] - mean;
  };
  target.leaf = [&](auto rows) { leaves.emplace_back(rows.begin(), rows.end()); };
  std::vector<std::uint32_t> rows(60);
  for (std::uint32_t i = 0; i < 60; ++i) rows[i] = i;
  const std::vector<std::uint8_t> weights(60, 1);
  Random random(1);
  const Tree tree = grow(Binned(x), rows, weights, target, {1, 0, 2}, random);
  ASSERT_EQ(leaves.size(), 2u);
  EXPECT_EQ(tree.nodes[0].column, 1);
  EXPECT_EQ(tree.nodes[0].cut, 39.5f);
  EXPECT_FALSE(tree.nodes[0].missing_left);
  for (std::uint32_t i = 0; i < 60; ++i) {
    const auto& leaf = leaves[tree.leaf_of(x.row(i))];
    EXPECT_NE(std::find(leaf.begin(), leaf.end(), i), leaf.end());
  }
}

TEST(Forest, LearnsWhatNoColumnTellsAlone) {
  const Dataset train = exclusive_or(2000, 1), test = exclusive_or(1000, 2);
  EXPECT_GT(auroc(*fit_forest(ForestOptions{}, train, {}), test), 0.95);
}

TEST(Forest, TheSameBytesWithAnyNumberOfThreadsAndAfterLoading) {
  const Dataset train = exclusive_or(400, 1);
  ForestOptions options;
  options.trees = 20;
  FitContext one, four;
  four.threads = 4;
  const auto model = fit_forest(options, train, one);
  EXPECT_EQ(model->save(), fit_forest(options, train, four)->save());
  const auto loaded = load_forest(model->save());
  EXPECT_EQ(loaded->margins(train.x).values, model->margins(train.x).values);
  EXPECT_EQ(loaded->save(), model->save());
}

TEST(Forest, WithoutFeaturesSurvivalIsThatOfAll) {
  Random random(3);
  Dataset data;
  data.x = Matrix(600, 1, 1.0f);
  data.y.answer = Answer::survival;
  for (int i = 0; i < 600; ++i) {
    const double time = -100 * std::log(1 - random.uniform()), censor = 150 * random.uniform();
    data.y.values.push_back(std::ceil(std::min(time, censor)));
    data.y.events.push_back(time <= censor);
  }
  const auto model = fit_forest(ForestOptions{}, data, {});
  const Readout readout = Readout::fit(*model, data, {}, Recalibration::Kind::none, 60);
  const std::vector<double> ones(600, 1.0);
  const KaplanMeier curve(data.y.values, data.y.events, ones);
  const RealMatrix margins = model->margins(data.x);
  for (const double end : model->interval_ends())
    EXPECT_NEAR(readout.survival(margins.row(0), end), curve.at(end), 0.015) << end;
}

TEST(Forest, ClassesAreRefused) {
  Dataset data = exclusive_or(50, 1);
  data.y.answer = Answer::category;
  data.y.classes = {"a", "b"};
  EXPECT_THROW(fit_forest(ForestOptions{}, data, {}), Error);
}

// The random survival forest of Ishwaran as published on this split: .613 (Katzman et al. 2018).
TEST(Forest, SupportIsAsGoodAsPublished) {
  NEEDS_SHARED_DATA("survival");
  const auto [train, test] =
      read_survival(shared_data() / "survival" / "support.csv", "time", "event");
  ForestOptions options;
  options.trees = 200;
  const auto model = fit_forest(options, train, {});
  const Readout readout = Readout::fit(*model, train, {}, Recalibration::Kind::none, 365);
  const RealMatrix margins = model->margins(test.x);
  std::vector<double> risk;
  for (std::size_t i = 0; i < test.rows(); ++i) risk.push_back(readout.risk(margins.row(i)));
  const std::vector<double> ones(risk.size(), 1.0);
  EXPECT_GT(Concordance(risk, test.y.values, test.y.events).harrell(ones), 0.613);
}

}  // namespace
}  // namespace cangong
