#include <gtest/gtest.h>

#include <cmath>

#include "evaluate/calibration.h"

namespace cangong {
namespace {

struct Sample {
  std::vector<double> p, truth;
};

// Sixty answers whose truth is an arithmetic rule, so that other programs can make the same.
Sample sample() {
  Sample s;
  for (int i = 0; i < 60; ++i) {
    const double p = (i * 37 % 100 + 0.5) / 100;
    s.p.push_back(p);
    s.truth.push_back(std::pow(p, 1.7) > ((i * 53 % 97) + 0.5) / 97);
  }
  return s;
}

struct Reference {
  Recalibration::Kind kind;
  double tolerance;
  std::vector<double> expected;  // at .02, .1, .35, .6, .9, .99
};

// betacal 1.1.0 ("abm"), venn-abers 1.5.4 and scikit-learn's logistic regression without intercept.
TEST(Recalibration, EqualsTheReferencePackages) {
  const Sample s = sample();
  const double at[] = {.02, .1, .35, .6, .9, .99};
  for (const Reference& reference :
       {Reference{Recalibration::Kind::beta,
                  2e-4,
                  {0.063618, 0.090774, 0.177933, 0.362336, 0.883843, 0.998086}},
        Reference{Recalibration::Kind::venn_abers,
                  1e-6,
                  {0.1, 0.172414, 0.227273, 0.339623, 0.785714, 0.875}},
        Reference{Recalibration::Kind::temperature,
                  2e-6,
                  {0.028735, 0.120513, 0.363553, 0.59068, 0.879487, 0.984582}}}) {
    const auto fitted = Recalibration::fit(reference.kind, s.p, s.truth);
    const auto map = Recalibration::load(fitted.save());
    for (std::size_t k = 0; k < 6; ++k)
      EXPECT_NEAR(map.apply(at[k]), reference.expected[k], reference.tolerance)
          << static_cast<int>(reference.kind) << " at " << at[k];
  }
}

TEST(Recalibration, NeverTurnsTheOrderAround) {
  const Sample s = sample();
  for (const auto& [name, kind] : Recalibration::kinds()) {
    const auto map = Recalibration::fit(kind, s.p, s.truth);
    double last = 0;
    for (double p = 0.005; p < 1; p += 0.005) {
      EXPECT_GE(map.apply(p), last - 1e-12) << name << " at " << p;
      last = map.apply(p);
    }
  }
}

}  // namespace
}  // namespace cangong
