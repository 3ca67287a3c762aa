#include "engine/drift.h"

#include <gtest/gtest.h>

#include <cmath>

namespace cangong {
namespace {

TEST(Drift, TheYearThatDiffersIsNamed) {
  CodeBook names;
  const CodeId steady = names.intern("STEADY"), moved = names.intern("MOVED"),
               rare = names.intern("RARE"), constant = names.intern("CONSTANT");
  DriftTable table(4);
  for (int year = 2015; year < 2020; ++year)
    for (int k = 0; k < 100; ++k) {
      const double noise = k % 2 ? 1 : -1;
      table.add(steady, year, 5 + noise);
      table.add(moved, year, 1e9 + (year == 2018 ? 15 : 5) + noise);
      table.add(constant, year, 7);
      if (k == 0) table.add(rare, year, year);
    }
  const auto found = table.largest(names, 10);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].code, "MOVED");
  EXPECT_EQ(found[0].year, 2018);
  EXPECT_NEAR(found[0].shift, 10 / std::sqrt(16 + 1.0), 1e-9);
  EXPECT_EQ(found[0].years.at(2018).values, 100u);
  EXPECT_EQ(found[0].years.at(2018).mean, 1e9 + 15);
}

TEST(Drift, TheIndexOfStability) {
  const std::map<std::string, std::uint64_t> year{{"LAB", 80}, {"DRUG", 20}},
      all{{"LAB", 130}, {"DRUG", 70}}, same{{"LAB", 13}, {"DRUG", 7}};
  EXPECT_NEAR(stability_index(year, all), 0.3 * std::log(0.8 / 0.5) - 0.3 * std::log(0.2 / 0.5),
              1e-12);
  EXPECT_NEAR(stability_index(same, all), 0, 1e-12);
  EXPECT_EQ(stability_index(all, all), 0);  // there is no other year
}

}  // namespace
}  // namespace cangong
