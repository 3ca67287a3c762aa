// Against gradients and steps of the official code (commit 770b87a).
#include "model/delphi_training.h"

#include <gtest/gtest.h>

#include <cmath>

#include "delphi_stored.h"

namespace cangong {
namespace {

class DelphiTrains : public testing::Test {
 protected:
  void SetUp() override {
    NEEDS_SHARED_DATA("delphi-parity");
#ifndef CANGONG_HAS_TORCH
    GTEST_SKIP() << "this build cannot train networks";
#endif
  }
  static std::unique_ptr<DelphiTrainer> trainer(const std::string& set, DelphiTraining::Real real) {
    DelphiTraining training;
    training.shape = kSmallDelphi, training.weights = stored_weights<double>(set),
    training.real = real;
    return delphi_trainer(training);
  }
};

TEST_F(DelphiTrains, GradientsAreTheOfficialOnes) {
  const auto arrays = stored_arrays("P3_backward/gradients.npz");
  const DelphiLesson lesson = delphi_lesson(stored_batch(arrays, "batch/"));
  struct Case {
    const char *set, *type;
    DelphiTraining::Real real;
    double within;
  };
  for (const auto& [set, type, real, within] :
       {Case{"init", "f64", DelphiTraining::Real::float64, 1e-11},
        Case{"trained", "f64", DelphiTraining::Real::float64, 1e-11},
        Case{"init", "f32", DelphiTraining::Real::float32, 1e-4}})
    for (const auto& [name, gradient] : trainer(set, real)->gradients(lesson)) {
      const auto& wanted = arrays.at(std::string(set) + "/" + type + "/grad/" + name);
      EXPECT_LE(distance(gradient, wanted.values), within) << set << " " << type << " " << name;
    }
}

// float64: to the stored digits; float32: as far as the official float32 is from float64.
TEST_F(DelphiTrains, AHundredStepsAreTheOfficialOnes) {
  const auto arrays = stored_arrays("P4_trajectory/trajectory.npz");
  struct Case {
    const char *name, *set;
    DelphiSchedule schedule;
  };
  for (const Case& one :
       {Case{"demo", "init", {2e-3, 2e-4, 500, 5000}}, Case{"short", "init", {2e-3, 2e-4, 10, 100}},
        Case{"short_from_trained", "trained", {2e-3, 2e-4, 10, 100}}})
    for (const auto real : {DelphiTraining::Real::float64, DelphiTraining::Real::float32}) {
      const bool is_exact = real == DelphiTraining::Real::float64;
      const double within = is_exact ? 1e-9 : 2e-6;
      const auto own = trainer(one.set, real);
      const auto& told = arrays.at(std::string(one.name) + "/f64/trajectory").values;
      for (std::size_t step = 0; step < 100; ++step) {
        const double* row = &told[step * 6];
        ASSERT_NEAR(one.schedule.at(step), row[0], 1e-12) << one.name << " " << step;
        const DelphiStep got = own->step(delphi_lesson(stored_step(arrays, step)), row[0]);
        ASSERT_NEAR(got.cross_entropy, row[1], within * row[1]) << one.name << " " << step;
        ASSERT_NEAR(got.waiting, row[2], within * std::abs(row[2])) << one.name << " " << step;
        ASSERT_NEAR(got.gradient_norm, row[4], (is_exact ? 1e-8 : 1e-3) * row[4])
            << one.name << " " << step;
      }
      for (const auto& [name, weight] : own->weights()) {
        const auto& wanted = arrays.at(std::string(one.name) + "/final_weights/" + name).values;
        EXPECT_LE(distance(weight, wanted), is_exact ? 1e-7 : 1e-3) << one.name << " " << name;
      }
    }
}

TEST_F(DelphiTrains, ALossThatIsNoNumberIsToldAndChangesNothing) {
  const auto own = trainer("init", DelphiTraining::Real::float32);
  const auto before = own->weights();
  DelphiBatch batch = stored_step(stored_arrays("P4_trajectory/trajectory.npz"), 0);
  for (float& age : batch.ages) age = std::nanf("");
  EXPECT_THROW((void)own->step(delphi_lesson(batch), 1e-3), Error);
  EXPECT_EQ(own->weights(), before);
}

}  // namespace
}  // namespace cangong
