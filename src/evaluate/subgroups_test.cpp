#include "evaluate/subgroups.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "evaluate/binary.h"

namespace cangong {
namespace {

// A model that ranks the first half well and the second half at random.
struct Judged {
  Targets truth;
  Scored scored;
  std::vector<PatientId> patients;
  std::vector<bool> first_half, nobody_but_one, all_of_one_kind;

  explicit Judged(Answer answer) {
    Random random(8);
    truth.answer = answer;
    for (int i = 0; i < 1200; ++i) {
      const bool first = i < 600;
      const double risk = random.normal();
      const double noise = first ? 0.5 * random.normal() : 8 * random.normal();
      const bool yes = risk + noise > 0;
      const bool survival = answer == Answer::survival;
      truth.values.push_back(survival ? std::exp(-risk - noise) : yes);
      if (survival) truth.events.push_back(1);
      scored.value.push_back(1 / (1 + std::exp(-risk)));
      scored.risk.push_back(risk);
      patients.push_back(PatientId(i));
      first_half.push_back(first);
      nobody_but_one.push_back(i == 5);
      all_of_one_kind.push_back(yes && i < 100);
    }
  }

  std::vector<Subgroup> assess() const {
    AssessOptions options;
    options.bootstrap.replicates = 100;
    options.horizon_days = 1;
    return assess_subgroups({truth, scored, patients},
                            {{"HALF", "first", first_half},
                             {"ONE", "patient", nobody_but_one},
                             {"KIND", "yes", all_of_one_kind}},
                            options);
  }
};

Interval named(const Subgroup& group, const std::string& name) {
  for (const auto& metric : group.metrics)
    if (metric.name == name) return metric.interval;
  ADD_FAILURE() << "no metric " << name;
  return {};
}

TEST(Subgroups, AGapIsFoundWhereThereIsOne) {
  for (const auto& [answer, metric] :
       {std::pair(Answer::boolean, "auroc"), std::pair(Answer::survival, "c_index")}) {
    const auto groups = Judged(answer).assess();
    EXPECT_EQ(groups[0].patients, 600u);
    const Interval gap = named(groups[0], std::string(metric) + "_gap");
    EXPECT_GT(gap.low, 0.15) << metric;
    EXPECT_LT(gap.low, gap.value);
    EXPECT_LT(gap.value, gap.high);
  }
}

TEST(Subgroups, ItsFiguresAreThoseOfTheGroupAlone) {
  const Judged judged(Answer::boolean);
  std::vector<double> value, truth;
  for (std::size_t i = 0; i < 600; ++i)
    value.push_back(judged.scored.value[i]), truth.push_back(judged.truth.values[i]);
  const std::vector<double> ones(600, 1.0);
  EXPECT_NEAR(named(judged.assess()[0], "auroc").value, Ranking(value, truth).auroc(ones), 1e-12);
}

TEST(Subgroups, OnePatientAndOneKindOfAnswerSayNothing) {
  const auto groups = Judged(Answer::boolean).assess();
  EXPECT_EQ(groups[1].patients, 1u);
  EXPECT_TRUE(groups[1].metrics.empty());
  EXPECT_TRUE(groups[2].metrics.empty());
}

}  // namespace
}  // namespace cangong
