#include "model/ensemble.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "model/readout.h"

namespace cangong {
namespace {

Dataset rows(Answer answer, std::uint64_t seed) {
  Random random(seed);
  Dataset data;
  data.x = Matrix(600, 3);
  for (float& v : data.x.values) v = static_cast<float>(random.normal());
  data.y.answer = answer;
  if (answer == Answer::category) data.y.classes = {"a", "b", "c"};
  for (std::size_t i = 0; i < data.rows(); ++i) {
    const double margin = data.x.at(i, 0) + data.x.at(i, 1) * data.x.at(i, 2);
    const double noisy = margin + random.normal();
    const double time = -std::log(1 - random.uniform()) * std::exp(-margin) * 100;
    data.y.values.push_back(answer == Answer::boolean    ? noisy > 0
                            : answer == Answer::category ? (noisy > -0.7) + (noisy > 0.7)
                            : answer == Answer::real     ? noisy
                                                         : std::min(time, 150.0));
    if (answer == Answer::survival) data.y.events.push_back(time < 150);
  }
  return data;
}

Fitted fitted(const std::string& options, const Dataset& train) {
  const Node node = Node::parse(options, "recipe.yaml");
  Fitted fitted;
  fitted.model = learner_named(node.find("kind")->scalar()).fit(node, train, {}, {});
  fitted.readout = Readout::fit(*fitted.model, train, {}, Recalibration::Kind::none, 100);
  return fitted;
}

const char* const kLinear = "{kind: linear, penalty: 0.01}";
const char* const kTrees = "{kind: trees, rounds: 30, row_share: 1, column_share: 1}";

// The answer of the ensemble is the mean of its members' answers.
TEST(Ensemble, TellsTheMean) {
  for (const Answer answer : {Answer::boolean, Answer::category, Answer::real, Answer::survival}) {
    const Dataset train = rows(answer, 1), test = rows(answer, 2);
    const Fitted both =
        fitted("{kind: ensemble, members: [" + std::string(kLinear) + ", " + kTrees + "]}", train);
    const Fitted one = fitted(kLinear, train), two = fitted(kTrees, train);
    const RealMatrix all = both.margins(test.x), a = one.margins(test.x), b = two.margins(test.x);
    const auto ends = both.model->interval_ends();
    for (std::size_t i = 0; i < 50; ++i) {
      if (answer == Answer::category) {
        for (std::size_t c = 0; c < 3; ++c)
          EXPECT_NEAR(
              both.readout.probabilities(all.row(i))[c],
              (one.readout.probabilities(a.row(i))[c] + two.readout.probabilities(b.row(i))[c]) / 2,
              1e-9);
      } else if (answer == Answer::survival) {
        const double end = ends[ends.size() / 2];
        EXPECT_NEAR(both.readout.survival(all.row(i), end),
                    (one.readout.survival(a.row(i), end) + two.readout.survival(b.row(i), end)) / 2,
                    1e-6);
      } else {
        EXPECT_NEAR(both.readout.value(all.row(i)),
                    (one.readout.value(a.row(i)) + two.readout.value(b.row(i))) / 2, 1e-6);
      }
    }
    const auto loaded = load_ensemble(both.model->save());
    EXPECT_EQ(loaded->margins(test.x).values, all.values);
    EXPECT_EQ(loaded->save(), both.model->save());
  }
}

TEST(Ensemble, WhatIsNoneIsRefusedWithItsLine) {
  const Dataset train = rows(Answer::real, 1);
  for (const char* text :
       {"{kind: ensemble}", "{kind: ensemble, members: [{kind: linear}]}",
        "{kind: ensemble, members: [{kind: linear}, {depth: 3}]}",
        "{kind: ensemble, members: [{kind: linear}, {kind: jungle}]}",
        "{kind: ensemble, members: [{kind: linear}, {kind: ensemble, members: []}]}"}) {
    try {
      fitted(text, train);
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.fault, Fault::config);
      EXPECT_NE(std::string(error.what()).find("recipe.yaml:1"), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace cangong
