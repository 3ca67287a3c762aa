// The fast decoder against the official code's numbers (commit 770b87a) and the plain pass.
#include "train/decoder_trainer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "delphi_stored.h"
#include "torch_devices.h"

namespace cangong {
namespace {

// Ours, and libtorch's on processors and on CUDA.
enum class By { kernels, torch, cuda };
const char* name_of(By by) {
  constexpr const char* kNames[] = {"kernels", "torch", "cuda"};
  return kNames[static_cast<int>(by)];
}
using Trainer = std::unique_ptr<DecoderTrainer>;

Trainer trainer_of(const std::string& set, By by = By::kernels, std::size_t threads = 1) {
  DecoderTraining training;
  training.threads = threads, training.rows_at_once = 300;  // several parts of the batches here
  DecoderWeights weights(kSmallDelphi, stored_weights<float>(set), DecoderWeights::Ways::both);
  return by == By::kernels
             ? decoder_trainer(training, std::move(weights))
             : torch_decoder_trainer(training, std::move(weights),
                                     by == By::cuda ? Device::cuda : Device::processor);
}

class DecoderBy : public testing::TestWithParam<By> {
 protected:
  void SetUp() override {
    NEEDS_SHARED_DATA("delphi-parity");
#ifndef CANGONG_HAS_TORCH
    if (GetParam() == By::torch) GTEST_SKIP() << "this build cannot train networks";
#endif
    if (GetParam() == By::cuda && !has_cuda()) GTEST_SKIP() << "no CUDA device is here";
  }
};
INSTANTIATE_TEST_SUITE_P(All, DecoderBy, testing::Values(By::kernels, By::torch, By::cuda),
                         [](const auto& by) { return std::string(name_of(by.param)); });

TEST(Decoder, LogitsAreTheOfficialOnes) {
  NEEDS_SHARED_DATA("delphi-parity");
  const auto arrays = stored_arrays("P2_forward/forward.npz");
  const auto columns = arrays.at("logit_columns").as<std::size_t>();
  for (const std::string set : {"init", "trained"}) {
    const DecoderWeights weights(kSmallDelphi, stored_weights<float>(set),
                                 DecoderWeights::Ways::forward);
    DecoderPass pass(weights);
    for (const std::string number : {"batch0", "batch1", "batch2"}) {
      const DelphiBatch batch = stored_batch(arrays, number + "/", 4);
      const DecoderRows rows = decoder_rows(delphi_lesson(batch));
      const DecoderPart all{rows, 0, rows.people()};
      pass.forward(all);
      const Floats& logits = pass.logits(all);
      const auto& wanted = arrays.at(set + "/f32/" + number + "/logits_columns").values;
      double worst = 0;
      std::size_t row = 0;
      for (std::size_t i = 0; i < batch.tokens.size(); ++i) {
        if (batch.tokens[i] == delphi::kPadding) continue;
        for (std::size_t c = 0; c < columns.size(); ++c)
          worst = std::max(worst,
                           std::abs(logits[row * row_stride(kSmallDelphi.vocabulary) + columns[c]] -
                                    wanted[i * columns.size() + c]));
        ++row;
      }
      EXPECT_EQ(row, rows.rows());
      EXPECT_LE(worst, 2e-5) << set << number;
    }
  }
}

TEST_P(DecoderBy, GradientsAreTheOfficialOnes) {
  const auto arrays = stored_arrays("P3_backward/gradients.npz");
  const DecoderRows rows = decoder_rows(delphi_lesson(stored_batch(arrays, "batch/")));
  for (const std::string set : {"init", "trained"}) {
    const Trainer trainer = trainer_of(set, GetParam(), 2);
    (void)trainer->gradients(rows);
    const DecoderWeights& weights = trainer->weights();
    for (std::size_t i = 0; i < weights.count(); ++i) {
      const auto& [name, own_rows, own_columns] = weights.about(i);
      const float* own = trainer->gradient().data() + weights.offset(i);
      const std::vector<double> got(own, own + own_rows * own_columns);
      EXPECT_LE(distance(got, arrays.at(set + "/f64/grad/" + name).values), 1e-4)
          << set << " " << name;
    }
  }
}

TEST_P(DecoderBy, AHundredStepsAreTheOfficialOnes) {
  const auto arrays = stored_arrays("P4_trajectory/trajectory.npz");
  struct Case {
    const char *name, *set;
  };
  for (const auto& [name, set] :
       {Case{"demo", "init"}, Case{"short", "init"}, Case{"short_from_trained", "trained"}}) {
    const Trainer trainer = trainer_of(set, GetParam());
    const auto& told = arrays.at(std::string(name) + "/f64/trajectory").values;
    for (std::size_t step = 0; step < 100; ++step) {
      const double* row = &told[step * 6];
      const DelphiStep got =
          trainer->step(decoder_rows(delphi_lesson(stored_step(arrays, step))), row[0]);
      ASSERT_NEAR(got.cross_entropy, row[1], 2e-6 * row[1]) << name << " " << step;
      ASSERT_NEAR(got.waiting, row[2], 2e-6 * std::abs(row[2])) << name << " " << step;
      ASSERT_NEAR(got.gradient_norm, row[4], 1e-3 * row[4]) << name << " " << step;
    }
    for (const auto& [weight, values] : trainer->weights().named())
      EXPECT_LE(distance(values, arrays.at(std::string(name) + "/final_weights/" + weight).values),
                1e-3)
          << name << " " << weight;
  }
}

// By the same weights, seeds and batch, dropout makes the same choices: the loss along a direction
// rises as the gradient says.
TEST(Decoder, GradientsWithDropoutAreThoseOfTheLoss) {
  NEEDS_SHARED_DATA("delphi-parity");
  const auto arrays = stored_arrays("P3_backward/gradients.npz");
  const DecoderRows rows = decoder_rows(delphi_lesson(stored_batch(arrays, "batch/")));
  const DecoderPart all{rows, 0, rows.people()};
  const Dropout dropout{.2f, 11};
  auto named = stored_weights<float>("trained");
  const DecoderWeights weights(kSmallDelphi, named, DecoderWeights::Ways::both);
  DecoderPass pass(weights);
  Floats gradient(weights.size());
  pass.forward(all, dropout);
  (void)pass.loss(all, {});
  pass.backward(all, 1, gradient.data());
  for (std::size_t i = 0; i < weights.count(); ++i) {
    const auto& [name, own_rows, columns] = weights.about(i);
    const std::size_t count = own_rows * columns;
    double norm = 0;
    for (std::size_t k = 0; k < count; ++k)
      norm += std::pow(double{gradient[weights.offset(i) + k]}, 2);
    norm = std::sqrt(norm);
    const double by = 2e-3 * std::sqrt(static_cast<double>(count)) / 10;
    const auto told = [&](double sign) {
      auto moved = named;
      for (std::size_t k = 0; k < count; ++k)
        moved[name][k] += static_cast<float>(sign * by * gradient[weights.offset(i) + k] / norm);
      const DecoderWeights there(kSmallDelphi, moved, DecoderWeights::Ways::forward);
      DecoderPass again(there);
      again.forward(all, dropout);
      const DecoderLoss loss = again.loss(all, {});
      return loss.cross_entropy + loss.waiting;
    };
    EXPECT_NEAR((told(1) - told(-1)) / (2 * by) / norm, 1, 0.02) << name;
  }
}

TEST(Decoder, TrainsToTheSameBytesOnAnyNumberOfThreads) {
  NEEDS_SHARED_DATA("delphi-parity");
  const auto arrays = stored_arrays("P4_trajectory/trajectory.npz");
  const auto trained = [&](std::size_t threads) {
    DecoderTraining training;
    training.threads = threads, training.dropout = .1, training.people_at_once = 3;
    const Trainer trainer = decoder_trainer(
        training,
        DecoderWeights(kSmallDelphi, stored_weights<float>("init"), DecoderWeights::Ways::both));
    for (std::size_t step = 0; step < 3; ++step)
      (void)trainer->step(decoder_rows(delphi_lesson(stored_step(arrays, step))), 1e-3);
    return trainer->weights().named();
  };
  EXPECT_EQ(trained(1), trained(3));
}

TEST_P(DecoderBy, ALossThatIsNoNumberIsToldAndChangesNothing) {
  const Trainer trainer = trainer_of("init", GetParam());
  const auto before = trainer->weights().named();
  DecoderRows rows =
      decoder_rows(delphi_lesson(stored_step(stored_arrays("P4_trajectory/trajectory.npz"), 0)));
  for (float& age : rows.days) age = std::nanf("");
  EXPECT_THROW((void)trainer->step(rows, 1e-3), Error);
  EXPECT_EQ(trainer->weights().named(), before);
}

// As answers are judged, both agree; and what one keeps the other goes on with.
TEST(Decoder, LibtorchJudgesAndGoesOnAsTheKernelsDo) {
  NEEDS_SHARED_DATA("delphi-parity");
  const auto arrays = stored_arrays("P4_trajectory/trajectory.npz");
  for (const Device device : torch_devices()) {
    const Trainer ours = trainer_of("trained"),
                  torch = trainer_of("init", device == Device::cuda ? By::cuda : By::torch);
    DecoderRows rows = decoder_rows(delphi_lesson(stored_step(arrays, 0)));
    for (std::size_t i = 0; i < rows.targets.size(); i += 5)  // nothing happened until then
      rows.targets[i].next = DecoderRows::Target::kNothing;
    for (std::size_t step = 0; step < 2; ++step) (void)ours->step(rows, 1e-3);
    torch->restore(ours->state());
    EXPECT_EQ(torch->steps(), 2u);
    EXPECT_EQ(torch->weights().named(), ours->weights().named());
    for (const Trainer* one : {&ours, &torch}) (void)(*one)->step(rows, 1e-3);
    for (const std::int32_t first : {0, 13}) {
      DecoderRows judged = rows;
      for (auto& target : judged.targets)
        if (target.next < first) target.next = DecoderRows::Target::kNothing;
      const DelphiLoss wanted = ours->judge(judged, first), got = torch->judge(judged, first);
      EXPECT_EQ(got.targets, wanted.targets);
      EXPECT_NEAR(got.cross_entropy, wanted.cross_entropy, 2e-6 * wanted.cross_entropy);
      EXPECT_NEAR(got.waiting, wanted.waiting, 2e-6 * wanted.waiting);
    }
  }
}

// What multiplies in bfloat16 learns what float32 learns, nearly.
TEST(Decoder, HalvesLearnNearlyTheSame) {
  NEEDS_SHARED_DATA("delphi-parity");
  const auto arrays = stored_arrays("P4_trajectory/trajectory.npz");
  for (const Device device : torch_devices()) {
    const auto trained = [&](FloatFormat format) {
      DecoderTraining training;
      training.format = format;
      Trainer trainer = torch_decoder_trainer(
          training,
          DecoderWeights(kSmallDelphi, stored_weights<float>("init"), DecoderWeights::Ways::both),
          device);
      DelphiStep last;
      for (std::size_t step = 0; step < 60; ++step)
        last = trainer->step(decoder_rows(delphi_lesson(stored_step(arrays, step))), 2e-3);
      return last.cross_entropy + last.waiting;
    };
    const double wanted = trained(FloatFormat::float32);
    EXPECT_NEAR(trained(FloatFormat::bfloat16), wanted, 0.01 * wanted);
  }
}

// No device is taken in the place of one that is not there.
TEST(Decoder, ProcessorsDoNotStandInForCuda) {
  DecoderTraining training;
  training.format = FloatFormat::bfloat16;
  const auto weights = [] { return DecoderWeights(kSmallDelphi, DecoderWeights::Ways::both); };
  EXPECT_THROW((void)decoder_trainer(training, weights(), Device::processor), Error);
#ifdef CANGONG_HAS_TORCH
  if (has_cuda()) GTEST_SKIP() << "this machine has one";
  EXPECT_THROW((void)decoder_trainer(training, weights(), Device::cuda), Error);
#endif
}

}  // namespace
}  // namespace cangong
