#include "serve/tallies.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/test_database.h"

namespace cangong {
namespace {

TEST(Tallies, StabilityIsThatOfTheTextbook) {
  // By hand: sum of (a - e) ln(a / e) over two bins, and Pearson's statistic 16 on one degree.
  const AnswerDrift drift = compare_with_expected({70, 30}, {0.5, 0.5});
  EXPECT_NEAR(drift.psi, 0.2 * std::log(1.4) - 0.2 * std::log(0.6), 1e-12);
  EXPECT_NEAR(drift.p, 6.334248e-5, 1e-10);
  EXPECT_NEAR(compare_with_expected({50, 50}, {0.5, 0.5}).psi, 0, 1e-12);
  EXPECT_NEAR(compare_with_expected({50, 50}, {0.5, 0.5}).p, 1, 1e-12);
}

TEST(Tallies, SaysNothingOfFewAnswers) {
  EXPECT_TRUE(std::isnan(compare_with_expected({40, 59}, {0.5, 0.5}).psi));
}

TEST(Tallies, KeepsCountsAcrossARestart) {
  const TestDatabase database;
  DatabasePool live(database.at());
  ServedModel model;
  model.name = "m", model.approval = {"m@champion", "b", "", "", ""};
  model.deciles = {.1, .2, .3, .4, .5, .6, .7, .8, .9};
  Answered answered;
  answered.at = Time(std::chrono::days(20000));
  for (int run = 0; run < 2; ++run) {
    Tallies tallies(live);
    for (const double value : {0.05, 0.15, 0.15, 0.95}) {
      Prediction p;
      p.value = value;
      answered.reply = p;
      tallies.count(model, answered, 0.25);
    }
    answered.reply = Abstention{Abstention::Why::unlike_training, "", {}};
    tallies.count(model, answered, 0.5);
  }
  Tallies tallies(live);
  const auto days = tallies.since(20000);
  ASSERT_EQ(days.size(), 1u);
  EXPECT_EQ(days[0].answers, 8u);
  EXPECT_EQ(days[0].by_decile[0], 2u);
  EXPECT_EQ(days[0].by_decile[1], 4u);
  EXPECT_EQ(days[0].by_decile[9], 2u);
  EXPECT_EQ(days[0].abstained_unlike, 2u);
  EXPECT_NEAR(days[0].seconds, 3, 1e-9);
  EXPECT_NEAR(days[0].slowest, 0.5, 1e-12);
  EXPECT_TRUE(tallies.since(20001).empty());
}

}  // namespace
}  // namespace cangong
