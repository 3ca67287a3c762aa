// The additive part against the plain network, its own derivatives, and what was kept.
#include "model/decoder_additive.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "model/decoder_pass.h"
#include "model/decoder_step.h"
#include "model/leave_one_out.h"

namespace cangong {
namespace {

constexpr DelphiShape kShape{2, 2, 12, 30, true};

DelphiNetwork<float>::Weights random_weights() {
  Random random(5);
  DelphiNetwork<float>::Weights weights;
  for (const auto& [name, rows, columns] : kShape.weights())
    for (std::size_t i = 0; i < rows * columns; ++i)
      weights[name].push_back(rows == 1 ? 1 : static_cast<float>(0.2 * random.normal()));
  return weights;
}

// Histories of three people in which events come again, at times at the same moment.
DelphiBatch batch_of_three() {
  Random random(9);
  DelphiBatch batch;
  batch.people = 3, batch.length = 14;
  for (std::size_t person = 0; person < batch.people; ++person) {
    float age = 1000;
    std::vector<float> ages;
    std::vector<std::int32_t> ids;
    for (std::size_t i = 0; i <= batch.length; ++i) {
      const bool is_padding = i < 2 * person;
      if (i % 3 != 0) age += 100 * static_cast<float>(1 + random.below(9));
      ages.push_back(is_padding ? -10000 : age);
      ids.push_back(is_padding ? delphi::kPadding
                               : 13 + static_cast<std::int32_t>(random.below(9)));
    }
    batch.tokens.insert(batch.tokens.end(), ids.begin(), ids.end() - 1);
    batch.next.insert(batch.next.end(), ids.begin() + 1, ids.end());
    batch.ages.insert(batch.ages.end(), ages.begin(), ages.end() - 1);
    batch.next_ages.insert(batch.next_ages.end(), ages.begin() + 1, ages.end());
  }
  return batch;
}

DelphiNetwork<double>::Weights widened(const DelphiNetwork<float>::Weights& weights) {
  DelphiNetwork<double>::Weights wide;
  for (const auto& [name, values] : weights) wide[name].assign(values.begin(), values.end());
  return wide;
}

TEST(DecoderAdditive, LogitsAreThoseOfThePlainNetwork) {
  const DelphiBatch batch = batch_of_three();
  const auto wanted = DelphiNetwork<double>(kShape, widened(random_weights()))
                          .forward(batch, DelphiTies::hidden)
                          .logits;
  const DecoderWeights weights(kShape, random_weights(), DecoderWeights::Ways::forward);
  const DecoderRows rows = decoder_rows(delphi_lesson(batch));
  const DecoderPart all{rows, 0, rows.people()};
  DecoderPass pass(weights);
  pass.forward(all);
  const Floats& logits = pass.logits(all);
  std::size_t row = 0;
  for (std::size_t place = 0; place < batch.tokens.size(); ++place) {
    if (batch.tokens[place] == delphi::kPadding) continue;
    for (std::size_t id = 0; id < kShape.vocabulary; ++id)
      ASSERT_NEAR(logits[row * row_stride(kShape.vocabulary) + id],
                  wanted[place * kShape.vocabulary + id], 1e-5)
          << place << " " << id;
    ++row;
  }
  EXPECT_EQ(row, rows.rows());
}

// Some of it is time in which nothing happened.
TEST(DecoderAdditive, GradientsAreThoseOfTheLoss) {
  DecoderRows rows = decoder_rows(delphi_lesson(batch_of_three()));
  for (std::size_t i = 0; i < rows.targets.size(); i += 3)
    rows.targets[i].next = DecoderRows::Target::kNothing;
  ASSERT_LT(rows.events(), rows.targets.size());
  const DecoderPart all{rows, 0, rows.people()};
  DecoderWeights weights(kShape, random_weights(), DecoderWeights::Ways::both);
  Floats gradient(weights.size());
  const auto loss_of = [&](DecoderWeights& at) {
    at.pack();
    DecoderPass pass(at);
    pass.forward(all);
    const DecoderLoss loss = pass.loss(all, {});
    return loss.cross_entropy + loss.waiting;
  };
  DecoderPass pass(weights);
  pass.forward(all);
  EXPECT_EQ(pass.loss(all, {}).targets, rows.events());
  pass.backward(all, 1, gradient.data());
  const std::size_t from = weights.offset(weights.additive());
  double along = 0, largest = 0;
  for (const std::int32_t id : {14, 17, 20}) {
    for (std::size_t k = 0; k < kShape.width; ++k) {
      const std::size_t place = from + static_cast<std::size_t>(id) * kShape.width + k;
      constexpr float kBy = 2e-2f;
      const float before = weights.data()[place];
      weights.data()[place] = before + kBy;
      const double more = loss_of(weights);
      weights.data()[place] = before - kBy;
      const double less = loss_of(weights);
      weights.data()[place] = before;
      along = std::max(along, std::abs((more - less) / (2 * kBy) - gradient[place]));
      largest = std::max(largest, std::abs(double{gradient[place]}));
    }
  }
  EXPECT_GT(largest, 0.1);
  EXPECT_LT(along, 0.01 * largest);
}

// A row at a time, behind a shared beginning, gives what all rows at once give.
TEST(DecoderAdditive, StepsRememberWhatWasHad) {
  const DecoderWeights weights(kShape, random_weights(), DecoderWeights::Ways::forward);
  const std::vector<std::int32_t> ids{13, 14, 13, 15, 14, 16, 15, 13};
  std::vector<float> days;
  for (std::size_t i = 0; i < ids.size(); ++i) days.push_back(static_cast<float>(400 * i));
  const DecoderRows rows = decoder_rows(ids, days);
  DecoderPass whole(weights);
  whole.forward({rows, 0, 1});
  const Floats& wanted = whole.logits({rows, 0, 1});
  constexpr std::size_t kShared = 4;
  const DecoderRows begun =
      decoder_rows({ids.begin(), ids.begin() + kShared}, {days.begin(), days.begin() + kShared});
  DecoderPass pass(weights);
  pass.forward({begun, 0, 1});
  DecoderCache shared(kShape.layers, kShape.width), own(kShape.layers, kShape.width);
  pass.keep({begun, 0, 1}, shared);
  DecoderStep step(weights);
  for (int again = 0; again < 2; ++again, own.clear())
    for (std::size_t i = kShared; i < ids.size(); ++i) {
      const DecoderStep::Row row{ids[i], days[i], &shared, &own};
      const float* logits = step.advance({&row, 1});
      for (std::size_t id = 0; id < kShape.vocabulary; ++id)
        ASSERT_NEAR(logits[id], wanted[i * step.logit_stride() + id], 1e-5) << i << " " << id;
    }
}

TEST(DecoderAdditive, WithoutAnEventIsTheHistoryWithoutIt) {
  const DecoderWeights weights(kShape, random_weights(), DecoderWeights::Ways::forward);
  const std::vector<std::int32_t> ids{13, 14, 13, 15, 14, 16};
  const std::vector<float> days{0, 100, 200, 300, 400, 500};
  const std::vector<std::size_t> places{0, 1, 2, 3, 4};
  leave_one_out(weights, {ids, days}, places, 2, [&](std::size_t place, const float* logits) {
    auto fewer = ids;
    auto when = days;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(place));
    when.erase(when.begin() + static_cast<std::ptrdiff_t>(place));
    const DecoderRows rows = decoder_rows(fewer, when);
    DecoderPass pass(weights);
    pass.forward({rows, 0, 1});
    std::vector<float> wanted(kShape.vocabulary);
    pass.last_logits(wanted.data());
    for (std::size_t id = 0; id < kShape.vocabulary; ++id)
      EXPECT_NEAR(logits[id], wanted[id], 1e-5) << place << " " << id;
  });
}

}  // namespace
}  // namespace cangong
