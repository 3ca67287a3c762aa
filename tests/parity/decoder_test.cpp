// The fast decoder against the official code's numbers (commit 770b87a) and the plain pass.
#include "train/decoder_trainer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "delphi_stored.h"

namespace cangong {
namespace {

DecoderTrainer trainer_of(const std::string& set, std::size_t threads = 1) {
  DecoderTraining training;
  training.threads = threads;
  return {training,
          DecoderWeights(kSmallDelphi, stored_weights<float>(set), DecoderWeights::Ways::both)};
}

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

TEST(Decoder, GradientsAreTheOfficialOnes) {
  NEEDS_SHARED_DATA("delphi-parity");
  const auto arrays = stored_arrays("P3_backward/gradients.npz");
  const DecoderRows rows = decoder_rows(delphi_lesson(stored_batch(arrays, "batch/")));
  for (const std::string set : {"init", "trained"}) {
    DecoderTrainer trainer = trainer_of(set, 2);
    (void)trainer.gradients(rows);
    const DecoderWeights& weights = trainer.weights();
    for (std::size_t i = 0; i < weights.count(); ++i) {
      const auto& [name, own_rows, own_columns] = weights.about(i);
      const float* own = trainer.gradient().data() + weights.offset(i);
      const std::vector<double> got(own, own + own_rows * own_columns);
      EXPECT_LE(distance(got, arrays.at(set + "/f64/grad/" + name).values), 1e-4)
          << set << " " << name;
    }
  }
}

TEST(Decoder, AHundredStepsAreTheOfficialOnes) {
  NEEDS_SHARED_DATA("delphi-parity");
  const auto arrays = stored_arrays("P4_trajectory/trajectory.npz");
  struct Case {
    const char *name, *set;
  };
  for (const auto& [name, set] :
       {Case{"demo", "init"}, Case{"short", "init"}, Case{"short_from_trained", "trained"}}) {
    DecoderTrainer trainer = trainer_of(set);
    const auto& told = arrays.at(std::string(name) + "/f64/trajectory").values;
    for (std::size_t step = 0; step < 100; ++step) {
      const double* row = &told[step * 6];
      const DelphiStep got =
          trainer.step(decoder_rows(delphi_lesson(stored_step(arrays, step))), row[0]);
      ASSERT_NEAR(got.cross_entropy, row[1], 2e-6 * row[1]) << name << " " << step;
      ASSERT_NEAR(got.waiting, row[2], 2e-6 * std::abs(row[2])) << name << " " << step;
      ASSERT_NEAR(got.gradient_norm, row[4], 1e-3 * row[4]) << name << " " << step;
    }
    for (const auto& [weight, values] : trainer.weights().named())
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
    DecoderTrainer trainer(training, DecoderWeights(kSmallDelphi, stored_weights<float>("init"),
                                                    DecoderWeights::Ways::both));
    for (std::size_t step = 0; step < 3; ++step)
      (void)trainer.step(decoder_rows(delphi_lesson(stored_step(arrays, step))), 1e-3);
    return trainer.weights().named();
  };
  EXPECT_EQ(trained(1), trained(3));
}

TEST(Decoder, ALossThatIsNoNumberIsToldAndChangesNothing) {
  NEEDS_SHARED_DATA("delphi-parity");
  DecoderTrainer trainer = trainer_of("init");
  const auto before = trainer.weights().named();
  DecoderRows rows =
      decoder_rows(delphi_lesson(stored_step(stored_arrays("P4_trajectory/trajectory.npz"), 0)));
  for (float& age : rows.days) age = std::nanf("");
  EXPECT_THROW((void)trainer.step(rows, 1e-3), Error);
  EXPECT_EQ(trainer.weights().named(), before);
}

}  // namespace
}  // namespace cangong
