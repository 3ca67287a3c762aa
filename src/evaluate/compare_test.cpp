#include "evaluate/compare.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace cangong {
namespace {

struct TwoModels {
  Targets truth;
  Scored good, same, poor;
  std::vector<PatientId> patients;
};

// A sharp score, one that is as sharp by other noise, and one that is blunt.
TwoModels trial(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  TwoModels t;
  for (std::size_t i = 0; i < count; ++i) {
    const double margin = 1.5 * random.normal();
    const bool ill = random.uniform() < 1 / (1 + std::exp(-margin));
    t.truth.values.push_back(ill);
    t.patients.emplace_back(static_cast<std::int64_t>(i));
    const auto add = [&](Scored& scored, double noise) {
      const double said = margin + noise * random.normal();
      scored.risk.push_back(said);
      scored.value.push_back(1 / (1 + std::exp(-said)));
    };
    add(t.good, 0.5), add(t.same, 0.5), add(t.poor, 3);
  }
  return t;
}

AssessOptions with_bootstrap() {
  AssessOptions o;
  o.bootstrap.replicates = 400;
  return o;
}

TEST(Compare, TellsTheBetterModelAndLeavesEqualsAlone) {
  const TwoModels t = trial(800, 1);
  const auto found = compare({t.truth, t.good, t.patients}, {{"same", &t.same}, {"poor", &t.poor}},
                             with_bootstrap());
  ASSERT_EQ(found.size(), 6u);  // auroc, brier, log_loss, each against two
  for (const Comparison& c : found) {
    EXPECT_LT(c.difference.low, c.difference.high);
    if (c.against == "poor") {
      EXPECT_LT(c.p, 0.01) << c.metric;
      EXPECT_EQ(c.difference.value > 0, c.metric == "auroc");
    } else {
      EXPECT_LE(c.difference.low, 0) << c.metric;
      EXPECT_GE(c.difference.high, 0) << c.metric;
    }
  }
}

TEST(Compare, AModelDoesNotDifferFromItself) {
  const TwoModels t = trial(100, 2);
  for (const Comparison& c :
       compare({t.truth, t.good, t.patients}, {{"own", &t.good}}, with_bootstrap())) {
    EXPECT_EQ(c.difference.value, 0);
    EXPECT_EQ(c.p, 1);
  }
}

// Between equals the test must cry wolf about as often as it says.
TEST(Compare, FalseAlarmsAreAsRareAsStated) {
  int alarms = 0;
  AssessOptions quick = with_bootstrap();
  quick.bootstrap.replicates = 200;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const TwoModels t = trial(200, 100 + seed);
    const auto found = compare({t.truth, t.good, t.patients}, {{"same", &t.same}}, quick);
    alarms += found[0].p < 0.05;
  }
  EXPECT_LE(alarms, 12);  // of 100; 5 expected
}

}  // namespace
}  // namespace cangong
