#include "train/select.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace cangong {
namespace {

// Columns 3 and 7 carry the answer (one by its value, one by its being there); the rest is noise.
Dataset noisy(Answer answer) {
  Random random(5);
  Dataset data;
  data.x = Matrix(600, 10);
  data.y.answer = answer;
  if (answer == Answer::category) data.y.classes = {"a", "b", "c"};
  for (std::size_t i = 0; i < 600; ++i) {
    const auto y = static_cast<double>(random.below(answer == Answer::category ? 3 : 2));
    for (std::size_t j = 0; j < 10; ++j) data.x.at(i, j) = static_cast<float>(random.normal());
    data.x.at(i, 3) += static_cast<float>(std::abs(y - 1));
    if (y == 1 && random.uniform() < 0.5) data.x.at(i, 7) = std::nanf("");
    const bool survival = answer == Answer::survival;
    data.y.values.push_back(survival ? 1 + y + random.uniform() : y);
    if (survival) data.y.events.push_back(random.uniform() < 0.7);
  }
  return data;
}

TEST(Select, KeepsWhatIsAssociatedWithTheAnswer) {
  for (const Answer answer : {Answer::boolean, Answer::real, Answer::category, Answer::survival})
    EXPECT_EQ(select_columns(noisy(answer), {2}), (std::vector<std::size_t>{3, 7}))
        << static_cast<int>(answer);
}

TEST(Select, KeepsAllWhereNothingIsSaid) {
  EXPECT_EQ(select_columns(noisy(Answer::boolean), {}).size(), 10u);
  EXPECT_EQ(select_columns(noisy(Answer::boolean), {50}).size(), 10u);
}

}  // namespace
}  // namespace cangong
