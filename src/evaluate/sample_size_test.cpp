#include "evaluate/sample_size.h"

#include <gtest/gtest.h>

namespace cangong {
namespace {

// The worked example of the R package pmsampsize: 24 features, R2 .288, prevalence .174.
TEST(SampleSize, EqualsThePublishedExample) {
  EXPECT_EQ(least_patients(24, 0.174, 0.288), 662u);
}

TEST(SampleSize, FewFeaturesStillNeedTheOverallRisk) {
  EXPECT_EQ(least_patients(1, 0.5, 0.5), 385u);
  EXPECT_NEAR(cautious_r2(0.174), 0.15 * 0.6033, 1e-4);
}

}  // namespace
}  // namespace cangong
