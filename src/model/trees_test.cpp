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

}  // namespace
}  // namespace cangong
