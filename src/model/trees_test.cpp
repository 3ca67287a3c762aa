#include "model/trees.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace cangong {
namespace {

// Values and classes that follow the first columns; one in five values is missing.
Dataset table(Answer answer, std::size_t rows) {
  Random random(5);
  Dataset data;
  data.y.answer = answer;
  data.x = Matrix(rows, 5);
  for (float& v : data.x.values)
    v = random.below(5) == 0 ? std::nanf("") : static_cast<float>(random.normal());
  if (answer == Answer::category) data.y.classes = {"a", "b", "c"};
  for (std::size_t i = 0; i < rows; ++i) {
    const float x = std::isnan(data.x.at(i, 0)) ? 0 : data.x.at(i, 0);
    data.y.values.push_back(answer == Answer::boolean    ? x + random.normal() > 0.5
                            : answer == Answer::category ? static_cast<double>(random.below(3))
                                                         : 10 + std::abs(x) + random.normal());
    if (answer == Answer::survival) data.y.events.push_back(random.below(3) > 0);
  }
  return data;
}

// One row alone is answered by our own walk along the trees, several by XGBoost.
TEST(Trees, OneRowIsAnsweredAsManyAreToTheBit) {
  for (const Answer answer : {Answer::boolean, Answer::category, Answer::survival, Answer::real}) {
    const Dataset data = table(answer, 400), tuning = table(answer, 100);
    const auto model = load_trees(
        fit_trees(Node::parse("{kind: trees, rounds: 20}", "test"), data, tuning, {})->save());
    const RealMatrix all = model->margins(data.x);
    for (std::size_t i = 0; i < data.x.rows; ++i) {
      Matrix one(1, data.x.columns);
      std::copy(data.x.row(i).begin(), data.x.row(i).end(), one.values.begin());
      const RealMatrix alone = model->margins(one);
      for (std::size_t k = 0; k < model->outputs(); ++k)
        ASSERT_EQ(alone.at(0, k), all.at(i, k)) << static_cast<int>(answer) << " row " << i;
    }
  }
}

// The same of the parts of an answer; XGBoost's sums are of floats.
TEST(Trees, PartsOfOneRowAreThoseOfXGBoost) {
  for (const char* recipe :
       {"{kind: trees, rounds: 20}", "{kind: trees, rounds: 5, depth: 14, min_child_weight: 0}",
        "{kind: trees, rounds: 3, depth: 20, min_child_weight: 0, row_share: 0.3}",
        "{kind: trees, rounds: 3, depth: 1}"})
    for (const Answer answer :
         {Answer::boolean, Answer::category, Answer::survival, Answer::real}) {
      const Dataset data = table(answer, 400), tuning = table(answer, 100);
      const auto model = fit_trees(Node::parse(recipe, "test"), data, tuning, {});
      const RealMatrix margins = model->margins(data.x);
      for (std::size_t output = 0; output < model->outputs(); ++output) {
        const RealMatrix all = *model->contributions(data.x, output);
        for (std::size_t i = 0; i < data.x.rows; ++i) {
          Matrix one(1, data.x.columns);
          std::copy(data.x.row(i).begin(), data.x.row(i).end(), one.values.begin());
          const RealMatrix alone = *model->contributions(one, output);
          double sum = 0;
          for (std::size_t j = 0; j < alone.columns; ++j) {
            sum += alone.at(0, j);
            ASSERT_NEAR(alone.at(0, j), all.at(i, j), 2e-5)
                << recipe << " " << static_cast<int>(answer) << " row " << i << " column " << j;
          }
          ASSERT_NEAR(sum, margins.at(i, output), 1e-5);
        }
      }
    }
}

}  // namespace
}  // namespace cangong
