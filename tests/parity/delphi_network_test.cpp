// Against the forward pass and the losses of the official code (commit 770b87a).
#include "model/delphi_network.h"

#include <gtest/gtest.h>

#include <cmath>

#include "delphi_stored.h"

namespace cangong {
namespace {

using Arrays = StoredArrays;
constexpr DelphiShape kSmall = kSmallDelphi;

// Weights that need no file, as the stored results say.
template <class Real>
typename DelphiNetwork<Real>::Weights hashed(const DelphiShape& shape) {
  typename DelphiNetwork<Real>::Weights weights;
  std::uint32_t number = 0;
  for (const auto& [name, rows, columns] : shape.weights()) {
    std::vector<Real>& values = weights[name];
    for (std::uint32_t i = 0; i < rows * columns; ++i) {
      std::uint32_t h = i * 2654435761u + number * 40503u + 12345u;
      h ^= h >> 15;
      h *= 2246822519u;
      h ^= h >> 13;
      const double u = h / 4294967296.0 - 0.5;
      values.push_back(static_cast<Real>(
          static_cast<float>(rows == 1 ? 1 + 0.2 * u : u * (0.1 * std::sqrt(12.0)))));
    }
    ++number;
  }
  return weights;
}

void expect_near(double got, double wanted, double relative, const std::string& what) {
  EXPECT_NEAR(got, wanted, relative * std::abs(wanted)) << what;
}

// Losses within the relative tolerance.
template <class Real>
void expect_losses(const typename DelphiNetwork<Real>::Output& output, const DelphiBatch& batch,
                   const Arrays& arrays, const std::string& prefix, double relative) {
  for (const DelphiTargets targets : {DelphiTargets::training, DelphiTargets::judging}) {
    const std::string name =
        prefix + (targets == DelphiTargets::judging ? "loss_validation_mode" : "loss_train_mode");
    const DelphiLoss loss = delphi_loss<Real>(output, batch, targets);
    const auto& wanted = arrays.at(name).values;
    expect_near(loss.cross_entropy, wanted[0], relative, name);
    expect_near(loss.waiting, wanted[1], relative, name);
    expect_near(loss.cross_entropy + loss.waiting, wanted[2], relative, name);
  }
}

// float32: within 2e-5 of the official float32 logits; float64: of the float64 ones, 1e-11.
template <class Real>
void expect_official(const std::string& type, double logit_within, double loss_within) {
  const Arrays arrays = stored_arrays("P2_forward/forward.npz");
  const auto columns = arrays.at("logit_columns").as<std::size_t>();
  for (const std::string set : {"init", "trained"}) {
    const DelphiNetwork<Real> network(kSmall, stored_weights<Real>(set));
    for (const std::string number : {"batch0", "batch1", "batch2"}) {
      const DelphiBatch batch = stored_batch(arrays, number + "/", 4);
      const auto output = network.forward(batch, DelphiTies::hidden);
      EXPECT_EQ(output.sees, arrays.at(number + "/mask_with_targets").as<std::uint8_t>()) << number;
      EXPECT_EQ(delphi_mask(batch, DelphiTies::seen),
                arrays.at(number + "/mask_without_targets").as<std::uint8_t>());
      const std::string prefix = set + "/" + type + "/" + number + "/";
      const auto& wanted = arrays.at(prefix + "logits_columns").values;
      double worst = 0;
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        const std::size_t row = i / columns.size(), column = columns[i % columns.size()];
        worst =
            std::max(worst, std::abs(output.logits[row * kSmall.vocabulary + column] - wanted[i]));
      }
      EXPECT_LE(worst, logit_within) << prefix;
      expect_losses<Real>(output, batch, arrays, prefix, loss_within);
    }
  }
}

TEST(DelphiNetwork, HasAsManyWeightsAsPublished) {
  EXPECT_EQ(DelphiShape().parameters(), 2'243'400u);
  EXPECT_EQ(kSmall.parameters(), 45'000u);
}

TEST(DelphiNetwork, LogitsMasksAndLossesAreTheOfficialOnes) {
  NEEDS_SHARED_DATA("delphi-parity");
  expect_official<double>("f64", 1e-11, 1e-12);
  expect_official<float>("f32", 2e-5, 1e-6);
}

TEST(DelphiNetwork, AtFullSize) {
  NEEDS_SHARED_DATA("delphi-parity");
  const Arrays arrays = stored_arrays("P2_forward/demo_config.npz");
  const Arrays batches = stored_arrays("P1_batches/batches.npz");
  const auto columns = arrays.at("columns").as<std::size_t>();
  const DelphiShape shape;
  const DelphiNetwork<float> network(shape, hashed<float>(shape));
  for (const std::string name : {"train_00", "eval_00"}) {
    const DelphiBatch batch = stored_batch(batches, name + "/", 16);
    const auto output = network.forward(batch, DelphiTies::hidden);
    const std::string prefix = "hash/f32/" + name + "/";
    const auto& wanted = arrays.at(prefix + "last_logits").values;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const std::size_t row = (i / columns.size() + 1) * batch.length - 1;
      EXPECT_NEAR(output.logits[row * shape.vocabulary + columns[i % columns.size()]], wanted[i],
                  2e-5)
          << prefix;
    }
    expect_losses<float>(output, batch, arrays, prefix, 1e-6);
  }
}

TEST(DelphiNetwork, WeightsOfAnotherSizeAreRefused) {
  auto weights = hashed<float>(kSmall);
  weights["transformer.ln_f.weight"].pop_back();
  EXPECT_THROW((DelphiNetwork<float>(kSmall, weights)), Error);
  weights.erase("transformer.ln_f.weight");
  EXPECT_THROW((DelphiNetwork<float>(kSmall, weights)), Error);
}

}  // namespace
}  // namespace cangong
