#include "simulate/life.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "simulate/life_export.h"

namespace cangong::simulate {
namespace {

std::size_t condition(std::string_view name) {
  for (std::size_t k = 0; k < conditions().size(); ++k)
    if (is_named(conditions()[k].code, name)) return k;
  ADD_FAILURE() << "no condition " << name;
  return 0;
}

std::size_t drug(std::string_view name) {
  for (std::size_t d = 0; d < drugs().size(); ++d)
    if (is_named(drugs()[d].code, name)) return d;
  ADD_FAILURE() << "no drug " << name;
  return 0;
}

bool is_drug(std::string_view name) {
  for (const Drug& one : drugs())
    if (is_named(one.code, name)) return true;
  return false;
}

TEST(SyntheticWorld, ItsTablesNameWhatIsThere) {
  EXPECT_GE(conditions().size(), 41u);
  EXPECT_EQ(conditions().back().code, kDeathCode);
  std::set<std::string_view> codes;
  for (const Condition& one : conditions()) {
    EXPECT_TRUE(codes.insert(one.code).second) << one.code;
    EXPECT_GT(one.base, 0) << one.code;
    EXPECT_FALSE(one.chinese.empty());
  }
  for (const Influence& one : influences()) {
    if (!is_drug(one.from)) condition(one.from);
    condition(one.to);
  }
  for (const Drug& one : drugs()) condition(one.indication), condition(one.severe);
}

TEST(SyntheticLife, IsTheSameForTheSameSeed) {
  for (const std::int64_t number : {1, 2, 77}) {
    const Life one = make_life(5, number), again = make_life(5, number),
               other = make_life(6, number);
    ASSERT_EQ(one.happenings.size(), again.happenings.size());
    for (std::size_t i = 0; i < one.happenings.size(); ++i)
      EXPECT_EQ(one.happenings[i].years, again.happenings[i].years);
    EXPECT_NE(one.birth.day, other.birth.day);
  }
}

// What happened to many, against what the hazards along their lives add up to: for each condition
// within five standard errors.
TEST(SyntheticLife, HappensAsItsHazardsSay) {
  constexpr std::int64_t kPeople = 4000;
  constexpr double kAge = 55, kYears = 10;
  std::vector<double> expected(conditions().size()), observed(conditions().size());
  std::size_t alive = 0;
  for (std::int64_t number = 1; number <= kPeople; ++number) {
    const Life life = make_life(3, number);
    const double end = static_cast<double>((end_of_records() - life.birth.day).count()) / 86400e6;
    if (end / 365.25 < kAge + kYears) continue;
    const auto truth = true_risks(life, kAge, kYears, 20, 9);
    if (!truth) continue;
    ++alive;
    std::set<std::size_t> came;
    for (const Happening& one : life.happenings)
      if (one.kind == Happening::Kind::condition && one.years > kAge && one.years <= kAge + kYears)
        came.insert(one.which);
    for (std::size_t k = 0; k < expected.size(); ++k)
      expected[k] += truth->risk[k], observed[k] += came.contains(k);
  }
  EXPECT_GT(alive, 1500u);
  std::size_t often = 0;
  for (std::size_t k = 0; k < expected.size(); ++k) {
    EXPECT_NEAR(observed[k], expected[k], 5 * std::sqrt(expected[k]) + 3) << conditions()[k].code;
    often += expected[k] > 50;
  }
  EXPECT_GT(often, 15u);
}

// In the trial half of the patients get the statin; in usual care the severe do and others hardly.
TEST(SyntheticLife, ACoinAndSeverityGiveDrugs) {
  const std::size_t given = drug("C10AA05"), indication = condition("E78"),
                    severe = condition("I25");
  std::map<bool, std::pair<double, double>> usual;  // severe: given, all
  double coin = 0, enrolled = 0;
  for (std::int64_t number = 1; number <= 6000; ++number) {
    const Life life = make_life(8, number);
    bool is_ill = false, is_severe = false, in_trial = false, takes = false;
    double since = 0;
    for (const Happening& one : life.happenings) {
      if (one.kind == Happening::Kind::condition && one.which == severe && !is_ill)
        is_severe = true;
      if (one.kind == Happening::Kind::condition && one.which == indication)
        is_ill = true, since = one.years;
      if (one.kind == Happening::Kind::trial && one.which == given) in_trial = true;
      if (one.kind == Happening::Kind::drug && one.which == given) takes = true;
    }
    if (!is_ill || life.followed < since + 1) continue;
    if (in_trial)
      coin += takes, enrolled += 1;
    else
      usual[is_severe].first += takes, usual[is_severe].second += 1;
  }
  EXPECT_NEAR(coin / enrolled, kCoin, 0.06);
  EXPECT_GT(usual[true].first / usual[true].second, 0.8);
  EXPECT_LT(usual[false].first / usual[false].second, 0.06);
}

TEST(SyntheticLife, ADrugChangesItsHazardsAlone) {
  Life with;
  with.birth = make_life(1, 4).birth;
  with.birth.day = end_of_records() - std::chrono::days(365 * 70);
  with.followed = 69;
  with.happenings = {{Happening::Kind::condition, condition("I48"), 50}};
  Life and_drug = with;
  and_drug.happenings.push_back({Happening::Kind::drug, drug("B01AF02"), 50.02});
  const auto without = true_risks(with, 60, 1, 2, 1), treated = true_risks(and_drug, 60, 1, 2, 1);
  for (std::size_t k = 0; k < conditions().size(); ++k) {
    double wanted = 0;
    for (const Influence& one : influences())
      if (one.from == "B01AF02" && is_named(conditions()[k].code, one.to)) wanted += one.log_ratio;
    EXPECT_NEAR(treated->hazard[k], without->hazard[k] * std::exp(wanted), 1e-12)
        << conditions()[k].code;
  }
  EXPECT_EQ(without->hazard[condition("I48")], 0) << "it is there already";
  EXPECT_FALSE(true_risks(with, 10, 1, 2, 1)) << "not yet grown";
  EXPECT_FALSE(true_risks(with, 69.5, 1, 2, 1)) << "not followed";
}

TEST(SyntheticLife, TheSouthMeasuresInItsUnits) {
  bool north = false, south = false;
  for (std::int64_t number = 1; number < 400 && !(north && south); ++number) {
    const Life life = make_life(2, number);
    for (const Visit& visit : make_visits(life, 2)) {
      EXPECT_LT(visit.years, life.followed);
      for (const Reading& reading : visit.readings) {
        if (reading.measure != 2) continue;  // LDL: mg/dL, mmol/L
        const bool small = reading.value < 15;
        EXPECT_EQ(small, life.birth.site == Site::south) << reading.value;
        (small ? south : north) = true;
      }
    }
  }
  EXPECT_TRUE(north && south);
}

}  // namespace
}  // namespace cangong::simulate
