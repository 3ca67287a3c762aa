#include "model/network.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "base/error.h"
#include "base/text.h"

namespace cangong {
namespace {

constexpr std::size_t kLanes = 16;  // outputs that are computed side by side

constexpr std::pair<std::string_view, Activation> kActivations[] = {
    {"relu", Activation::relu},
    {"tanh", Activation::tanh},
    {"sigmoid", Activation::sigmoid},
    {"gelu", Activation::gelu}};

template <class Function>
void each(std::span<float> values, const Function& function) {
  for (float& v : values) v = function(v);
}

void activate(Activation activation, std::span<float> values) {
  switch (activation) {
    case Activation::relu:
      return each(values, [](float x) { return x > 0 ? x : 0; });
    case Activation::tanh:
      return each(values, [](float x) { return std::tanh(x); });
    case Activation::sigmoid:
      return each(values, [](float x) { return 1 / (1 + std::exp(-x)); });
    case Activation::gelu:
      return each(values, [](float x) { return 0.5f * x * (1 + std::erf(x * 0.70710678f)); });
  }
}

Matrix packed(const Layer& layer) {
  Matrix out(layer.in, (layer.out + kLanes - 1) / kLanes * kLanes);
  for (std::size_t o = 0; o < layer.out; ++o)
    for (std::size_t k = 0; k < layer.in; ++k) out.at(k, o) = layer.weights[o * layer.in + k];
  return out;
}

using Vector [[gnu::vector_size(kLanes / 2 * sizeof(float))]] = float;

Vector load(const float* from) {
  Vector v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

// kRows rows by kLanes outputs, the sums in registers. Each sum runs over k in its order, whatever
// kRows is, so that a row's bytes do not depend on its neighbours.
template <std::size_t kRows>
void multiply_block(const float* x, std::size_t in, const float* weights, std::size_t width,
                    float (&sums)[kRows][kLanes]) {
  Vector low[kRows] = {}, high[kRows] = {};
  for (std::size_t k = 0; k < in; ++k) {
    const Vector left = load(weights + k * width);
    const Vector right = load(weights + k * width + kLanes / 2);
    for (std::size_t r = 0; r < kRows; ++r) {
      low[r] += x[r * in + k] * left;
      high[r] += x[r * in + k] * right;
    }
  }
  for (std::size_t r = 0; r < kRows; ++r) {
    std::memcpy(sums[r], &low[r], sizeof low[r]);
    std::memcpy(sums[r] + kLanes / 2, &high[r], sizeof high[r]);
  }
}

template <std::size_t kRows>
void multiply_rows(const Matrix& x, std::size_t row, const Matrix& weights, const Layer& layer,
                   Matrix& out) {
  for (std::size_t at = 0; at < layer.out; at += kLanes) {
    float sums[kRows][kLanes];
    multiply_block<kRows>(&x.values[row * x.columns], layer.in, &weights.values[at],
                          weights.columns, sums);
    const std::size_t lanes = std::min(kLanes, layer.out - at);
    for (std::size_t r = 0; r < kRows; ++r)
      for (std::size_t o = 0; o < lanes; ++o)
        out.at(row + r, at + o) = sums[r][o] + layer.bias[at + o];
  }
}

Matrix multiply(const Matrix& x, const Matrix& weights, const Layer& layer) {
  Matrix out(x.rows, layer.out);
  std::size_t row = 0;
  for (; row + 4 <= x.rows; row += 4) multiply_rows<4>(x, row, weights, layer, out);
  for (; row < x.rows; ++row) multiply_rows<1>(x, row, weights, layer, out);
  return out;
}

OnnxGraph::Tensor add_activation(OnnxGraph& graph, Activation activation,
                                 const OnnxGraph::Tensor& x) {
  switch (activation) {
    case Activation::relu:
      return graph.add("Relu", {x});
    case Activation::tanh:
      return graph.add("Tanh", {x});
    case Activation::sigmoid:
      return graph.add("Sigmoid", {x});
    case Activation::gelu:
      break;
  }
  const auto number = [&](float value) { return graph.constant(std::vector{value}, {}); };
  const auto erf = graph.add("Erf", {graph.add("Mul", {x, number(0.70710678f)})});
  const auto half = graph.add("Mul", {x, number(0.5f)});
  return graph.add("Mul", {half, graph.add("Add", {erf, number(1)})});
}

double slope(Activation activation, double x) {
  switch (activation) {
    case Activation::relu:
      return x > 0 ? 1 : 0;
    case Activation::tanh:
      return 1 - std::tanh(x) * std::tanh(x);
    case Activation::sigmoid: {
      const double p = 1 / (1 + std::exp(-x));
      return p * (1 - p);
    }
    case Activation::gelu:
      break;
  }
  constexpr double kRootHalf = 0.70710678118654752, kDensity = 0.39894228040143268;
  return 0.5 * (1 + std::erf(x * kRootHalf)) + x * kDensity * std::exp(-x * x / 2);
}

}  // namespace

Activation activation_named(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& [known, activation] : kActivations) {
    if (name == known) return activation;
    names.emplace_back(known);
  }
  fail(Fault::config, "unknown activation \"" + std::string(name) + "\"" + suggestion(name, names));
}

std::string_view name_of(Activation activation) {
  return kActivations[static_cast<std::size_t>(activation)].first;
}

Network::Network(Activation activation, std::vector<Layer> layers)
    : activation_(activation), layers_(std::move(layers)) {
  for (const Layer& layer : layers_) packed_.push_back(packed(layer));
}

RealMatrix Network::finish(Matrix now) const {
  for (std::size_t l = 1; l < layers_.size(); ++l) {
    activate(activation_, now.values);
    now = multiply(now, packed_[l], layers_[l]);
  }
  RealMatrix out(now.rows, now.columns);
  std::copy(now.values.begin(), now.values.end(), out.values.begin());
  return out;
}

RealMatrix Network::forward(const RealMatrix& x) const {
  Matrix first(x.rows, x.columns);
  std::copy(x.values.begin(), x.values.end(), first.values.begin());
  return finish(multiply(first, packed_.front(), layers_.front()));
}

OnnxGraph::Tensor Network::add_to(OnnxGraph& graph, const OnnxGraph::Tensor& x) const {
  OnnxGraph::Tensor now = graph.cast(x, OnnxGraph::Type::real32);
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    if (l > 0) now = add_activation(graph, activation_, now);
    const auto in = static_cast<std::int64_t>(layers_[l].in),
               out = static_cast<std::int64_t>(layers_[l].out);
    now = graph.add("Gemm",
                    {now, graph.constant(layers_[l].weights, {out, in}),
                     graph.constant(layers_[l].bias, {out})},
                    {{"transB", std::int64_t{1}}});
  }
  return now;
}

RealMatrix Network::walk(std::span<const double> from, std::span<const double> to,
                         std::span<const std::size_t> order,
                         const std::vector<std::vector<std::size_t>>& groups) const {
  const Matrix& weights = packed_.front();
  const Layer& layer = layers_.front();
  Matrix start(1, from.size());
  std::copy(from.begin(), from.end(), start.values.begin());
  Matrix steps(order.size() + 1, layer.out);
  const Matrix first = multiply(start, weights, layer);
  std::copy(first.values.begin(), first.values.end(), steps.values.begin());
  for (std::size_t k = 0; k < order.size(); ++k) {
    const auto before = steps.row(k), after = steps.row(k + 1);
    std::copy(before.begin(), before.end(), after.begin());
    for (const std::size_t input : groups[order[k]]) {
      const auto change = static_cast<float>(to[input] - from[input]);
      const float* w = &weights.values[input * weights.columns];
      for (std::size_t o = 0; o < layer.out && change != 0; ++o) after[o] += change * w[o];
    }
  }
  return finish(std::move(steps));
}

std::vector<double> Network::mean_gradient(std::span<const double> from, std::span<const double> to,
                                           std::size_t output) const {
  constexpr std::size_t kPoints = 64;
  Matrix points(kPoints, from.size());
  for (std::size_t i = 0; i < kPoints; ++i) {
    const double share = (static_cast<double>(i) + 0.5) / kPoints;
    for (std::size_t j = 0; j < from.size(); ++j)
      points.at(i, j) = static_cast<float>(from[j] + share * (to[j] - from[j]));
  }
  std::vector<Matrix> sums;  // of each hidden layer, before activation
  for (std::size_t l = 0; l + 1 < layers_.size(); ++l) {
    sums.push_back(multiply(points, packed_[l], layers_[l]));
    points = sums.back();
    activate(activation_, points.values);
  }
  std::vector<double> mean(from.size());
  for (std::size_t i = 0; i < kPoints; ++i) {
    std::vector<double> back(layers_.back().out);
    back[output] = 1;
    for (std::size_t l = layers_.size(); l-- > 0;) {
      const Layer& layer = layers_[l];
      std::vector<double> before(layer.in);
      for (std::size_t o = 0; o < layer.out; ++o)
        for (std::size_t k = 0; k < layer.in && back[o] != 0; ++k)
          before[k] += back[o] * layer.weights[o * layer.in + k];
      for (std::size_t k = 0; k < layer.in && l > 0; ++k)
        before[k] *= slope(activation_, sums[l - 1].at(i, k));
      back = std::move(before);
    }
    for (std::size_t j = 0; j < mean.size(); ++j) mean[j] += back[j] / kPoints;
  }
  return mean;
}

}  // namespace cangong
