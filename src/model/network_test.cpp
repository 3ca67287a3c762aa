#include "model/network.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace cangong {
namespace {

float normal(Random& random) {
  return static_cast<float>(random.normal());
}

Layer random_layer(std::size_t in, std::size_t out, Random& random) {
  Layer layer{in, out, {}, {}};
  for (std::size_t k = 0; k < in * out; ++k) layer.weights.push_back(normal(random));
  for (std::size_t k = 0; k < out; ++k) layer.bias.push_back(normal(random));
  return layer;
}

Network random_network(Activation activation) {
  Random random(1);
  return {activation,
          {random_layer(7, 20, random), random_layer(20, 33, random), random_layer(33, 3, random)}};
}

RealMatrix random_inputs(std::size_t rows, std::size_t columns) {
  Random random(2);
  RealMatrix x(rows, columns);
  for (double& v : x.values) v = normal(random);
  return x;
}

double activated(Activation activation, double x) {
  switch (activation) {
    case Activation::relu:
      return std::max(x, 0.0);
    case Activation::tanh:
      return std::tanh(x);
    case Activation::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::gelu:
      break;
  }
  return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
}

// The definition, one sum after the other.
std::vector<double> plain_forward(const Network& network, std::span<const double> row) {
  std::vector<double> now(row.begin(), row.end());
  for (std::size_t l = 0; l < network.layers().size(); ++l) {
    const Layer& layer = network.layers()[l];
    std::vector<double> next(layer.bias.begin(), layer.bias.end());
    for (std::size_t o = 0; o < layer.out; ++o) {
      for (std::size_t k = 0; k < layer.in; ++k)
        next[o] += layer.weights[o * layer.in + k] * now[k];
      if (l + 1 < network.layers().size()) next[o] = activated(network.activation(), next[o]);
    }
    now = next;
  }
  return now;
}

class NetworkTest : public ::testing::TestWithParam<Activation> {};

TEST_P(NetworkTest, ForwardIsTheDefinition) {
  const Network network = random_network(GetParam());
  const RealMatrix x = random_inputs(9, 7);
  const RealMatrix out = network.forward(x);
  for (std::size_t i = 0; i < x.rows; ++i) {
    const auto expected = plain_forward(network, x.row(i));
    for (std::size_t o = 0; o < 3; ++o)
      EXPECT_NEAR(out.at(i, o), expected[o], 2e-5 * (1 + std::abs(expected[o])));
  }
}

TEST_P(NetworkTest, ARowHasTheSameBytesAlone) {
  const Network network = random_network(GetParam());
  const RealMatrix x = random_inputs(11, 7);
  const RealMatrix all = network.forward(x);
  for (std::size_t i = 0; i < x.rows; ++i) {
    RealMatrix one(1, 7);
    std::copy(x.row(i).begin(), x.row(i).end(), one.values.begin());
    const RealMatrix alone = network.forward(one);
    for (std::size_t o = 0; o < 3; ++o) EXPECT_EQ(alone.at(0, o), all.at(i, o));
  }
}

TEST_P(NetworkTest, AWalkGoesFromOneRowToTheOther) {
  const Network network = random_network(GetParam());
  const RealMatrix x = random_inputs(2, 7);
  const std::vector<std::vector<std::size_t>> groups{{0, 5}, {1}, {2, 3, 6}, {4}};
  const std::vector<std::size_t> order{2, 0, 3, 1};
  const RealMatrix walked = network.walk(x.row(0), x.row(1), order, groups);
  ASSERT_EQ(walked.rows, 5u);
  std::vector<double> now(x.row(0).begin(), x.row(0).end());
  for (std::size_t k = 0; k <= order.size(); ++k) {
    if (k > 0)
      for (const std::size_t input : groups[order[k - 1]]) now[input] = x.at(1, input);
    const auto expected = plain_forward(network, now);
    for (std::size_t o = 0; o < 3; ++o)
      EXPECT_NEAR(walked.at(k, o), expected[o], 2e-5 * (1 + std::abs(expected[o])));
  }
}

INSTANTIATE_TEST_SUITE_P(All, NetworkTest,
                         ::testing::Values(Activation::relu, Activation::tanh, Activation::sigmoid,
                                           Activation::gelu),
                         [](const auto& tested) { return std::string(name_of(tested.param)); });

}  // namespace
}  // namespace cangong
