#include "model/shrink.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/error.h"
#include "base/random.h"

namespace cangong {
namespace {

std::vector<Layer> two_layers() {
  Random random(3);
  std::vector<Layer> layers{{20, 16, {}, {}}, {16, 1, {}, {}}};
  for (Layer& layer : layers) {
    for (std::size_t i = 0; i < layer.in * layer.out; ++i)
      layer.weights.push_back(static_cast<float>(random.normal()));
    layer.bias.assign(layer.out, 0.25f);
  }
  return layers;
}

TEST(Shrink, Bf16IsTheUpperHalfRoundedToTheNearestEven) {
  std::vector<Layer> one{{4, 1, {1.0f, 1.00390625f, 1.01171875f, -3.14159f}, {0}}};
  shrink(one, {Precision::bf16, 0});
  // Halfway between two is the even one: 1 + 1/256 is 1, 1 + 3/256 is 1 + 4/256.
  EXPECT_EQ(one[0].weights[0], 1.0f);
  EXPECT_EQ(one[0].weights[1], 1.0f);
  EXPECT_EQ(one[0].weights[2], 1.015625f);
  EXPECT_EQ(one[0].weights[3], -3.140625f);
  for (const float w : one[0].weights) EXPECT_EQ(std::bit_cast<std::uint32_t>(w) & 0xffff, 0u);
}

TEST(Shrink, Int8IsWithinHalfAStepOfEachOutputsOwnScale) {
  const std::vector<Layer> before = two_layers();
  std::vector<Layer> after = before;
  shrink(after, {Precision::int8, 0});
  for (std::size_t l = 0; l < after.size(); ++l)
    for (std::size_t i = 0; i < after[l].weights.size(); ++i) {
      const float scale = after[l].scales[i / after[l].in];
      EXPECT_LE(std::abs(after[l].weights[i] - before[l].weights[i]), 0.5001f * scale);
    }
  std::vector<Layer> nothing{{3, 1, {0, 0, 0}, {1}}};
  shrink(nothing, {Precision::int8, 0});
  EXPECT_EQ(nothing[0].weights, std::vector<float>(3));
}

TEST(Shrink, TheSmallestWeightsOfMatricesBecomeZeroAndVectorsStay) {
  const std::vector<Layer> before = two_layers();
  std::vector<Layer> after = before;
  shrink(after, {Precision::float32, 0.25});
  EXPECT_EQ(std::count(after[0].weights.begin(), after[0].weights.end(), 0.0f), 80);
  EXPECT_EQ(after[1].weights, before[1].weights);
  float largest_gone = 0, smallest_left = 100;
  for (std::size_t i = 0; i < before[0].weights.size(); ++i) {
    const float w = std::abs(before[0].weights[i]);
    after[0].weights[i] == 0 ? largest_gone = std::max(largest_gone, w)
                             : smallest_left = std::min(smallest_left, w);
  }
  EXPECT_LE(largest_gone, smallest_left);
}

TEST(Shrink, WhatIsSavedIsReadAgainToTheBitAndIsSmaller) {
  std::size_t size = std::string::npos;
  for (const Precision precision : {Precision::float32, Precision::bf16, Precision::int8}) {
    std::vector<Layer> layers = two_layers();
    shrink(layers, {precision, 0.1});
    const std::string saved = save_layers(layers);
    const std::vector<Layer> again = load_layers(saved);
    for (std::size_t l = 0; l < layers.size(); ++l) {
      EXPECT_EQ(again[l].weights, layers[l].weights);
      EXPECT_EQ(again[l].bias, layers[l].bias);
    }
    EXPECT_EQ(save_layers(again), saved);
    EXPECT_LT(saved.size(), size);
    size = saved.size();
  }
}

TEST(Shrink, WhatIsDamagedOrUnknownIsRefused) {
  std::vector<Layer> layers = two_layers();
  shrink(layers, {Precision::int8, 0});
  std::string saved = save_layers(layers);
  saved.replace(saved.find("\"weights\":\"") + 11, 4, "");
  EXPECT_THROW((void)load_layers(saved), Error);
  EXPECT_THROW((void)precision_named("int4"), Error);
}

}  // namespace
}  // namespace cangong
