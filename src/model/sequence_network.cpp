#include "model/sequence_network.h"

#include <algorithm>
#include <cmath>

namespace cangong {
namespace {

float sigmoid(float x) {
  return 1 / (1 + std::exp(-x));
}

// Mean 0 and variance 1 over the units, then gain and bias (Ba, Kiros and Hinton 2016).
void normalise(const Layer& layer, std::span<const float> x, std::span<float> y) {
  const auto n = static_cast<float>(x.size());
  float mean = 0, variance = 0;
  for (const float v : x) mean += v / n;
  for (const float v : x) variance += (v - mean) * (v - mean) / n;
  const float scale = 1 / std::sqrt(variance + 1e-5f);
  for (std::size_t k = 0; k < x.size(); ++k)
    y[k] = (x[k] - mean) * scale * layer.weights[k] + layer.bias[k];
}

void softmax(std::span<float> x) {
  const float top = *std::max_element(x.begin(), x.end());
  float sum = 0;
  for (float& v : x) sum += v = std::exp(v - top);
  for (float& v : x) v /= sum;
}

}  // namespace

SequenceNetwork::Linear::Linear(const Layer& layer)
    : in(layer.in), out(layer.out), by_input(layer.weights.size()), bias(layer.bias) {
  for (std::size_t o = 0; o < out; ++o)
    for (std::size_t k = 0; k < in; ++k) by_input[k * out + o] = layer.weights[o * in + k];
}

void SequenceNetwork::Linear::apply(std::span<const float> x, std::span<float> y) const {
  std::copy(bias.begin(), bias.end(), y.begin());
  for (std::size_t k = 0; k < in; ++k) {
    const float v = x[k];
    if (v == 0) continue;
    const float* weights = &by_input[k * out];
    for (std::size_t o = 0; o < out; ++o) y[o] += v * weights[o];
  }
}

SequenceNetwork::SequenceNetwork(NetworkShape shape, const std::vector<Layer>& layers)
    : shape_(std::move(shape)) {
  std::size_t at = 0;
  const auto next = [&]() -> const Layer& { return layers.at(at++); };
  if (shape_.body == Body::transformer) {
    embed_ = Linear(next());
    place_ = next();
    for (std::size_t k = 0; k < shape_.layers; ++k) {
      Block block;
      block.before = next();
      block.project = Linear(next());
      block.join = Linear(next());
      block.between = next();
      block.widen = Linear(next());
      block.narrow = Linear(next());
      blocks_.push_back(std::move(block));
    }
    last_ = next();
  } else {
    for (std::size_t k = 0; k < shape_.layers; ++k) {
      Recurrent layer;
      layer.input = Linear(next());
      layer.state = Linear(next());
      recurrent_.push_back(std::move(layer));
    }
  }
  layers.at(at);
  head_ =
      Network(shape_.activation, {layers.begin() + static_cast<std::ptrdiff_t>(at), layers.end()});
}

RealMatrix SequenceNetwork::forward(const Matrix& x) const {
  RealMatrix fused(x.rows, shape_.units + shape_.facts);
  for (std::size_t i = 0; i < x.rows; ++i) {
    const auto row = x.row(i);
    const auto facts = row.first(shape_.facts);
    const auto steps = row.subspan(shape_.facts, shape_.steps * shape_.channels);
    const auto read_out = read(steps, static_cast<std::size_t>(row.back()));
    const auto to = fused.row(i);
    std::copy(read_out.begin(), read_out.end(), to.begin());
    std::copy(facts.begin(), facts.end(), to.begin() + static_cast<std::ptrdiff_t>(shape_.units));
  }
  return head_.forward(fused);
}

std::vector<float> SequenceNetwork::read(std::span<const float> steps, std::size_t count) const {
  if (count == 0) return std::vector<float>(shape_.units);
  Matrix h(count, shape_.channels);
  std::copy_n(steps.begin(), h.values.size(), h.values.begin());
  for (const Recurrent& layer : recurrent_)
    h = shape_.body == Body::gru ? gru(layer, h) : lstm(layer, h);
  if (shape_.body == Body::transformer) {
    Matrix z(count, shape_.units);
    const auto width = static_cast<std::ptrdiff_t>(shape_.channels);
    std::vector<float> pair(2 * shape_.channels);  // the step, and the one before it
    for (std::size_t i = 0; i < count; ++i) {
      std::copy(pair.begin(), pair.begin() + width, pair.begin() + width);
      std::copy(h.row(i).begin(), h.row(i).end(), pair.begin());
      embed_.apply(pair, z.row(i));
      for (std::size_t u = 0; u < shape_.units; ++u)
        z.at(i, u) += place_.weights[(count - 1 - i) * shape_.units + u];
    }
    for (const Block& block : blocks_) attend(block, z);
    return mean_of(z);
  }
  const auto out = h.row(count - 1);
  return {out.begin(), out.end()};
}

std::vector<float> SequenceNetwork::mean_of(const Matrix& h) const {
  std::vector<float> mean(shape_.units), z(shape_.units);
  for (std::size_t i = 0; i < h.rows; ++i) {
    normalise(last_, h.row(i), z);
    for (std::size_t u = 0; u < mean.size(); ++u) mean[u] += z[u] / static_cast<float>(h.rows);
  }
  return mean;
}

Matrix SequenceNetwork::gru(const Recurrent& layer, const Matrix& steps) const {
  const std::size_t units = shape_.units;
  Matrix out(steps.rows, units);
  std::vector<float> state(units), in(3 * units), own(3 * units);
  for (std::size_t i = 0; i < steps.rows; ++i) {
    layer.input.apply(steps.row(i), in);
    layer.state.apply(state, own);
    for (std::size_t u = 0; u < units; ++u) {
      const float reset = sigmoid(in[u] + own[u]);
      const float keep = sigmoid(in[units + u] + own[units + u]);
      const float fresh = std::tanh(in[2 * units + u] + reset * own[2 * units + u]);
      state[u] = (1 - keep) * fresh + keep * state[u];
    }
    std::copy(state.begin(), state.end(), out.row(i).begin());
  }
  return out;
}

Matrix SequenceNetwork::lstm(const Recurrent& layer, const Matrix& steps) const {
  const std::size_t units = shape_.units;
  Matrix out(steps.rows, units);
  std::vector<float> state(units), cell(units), in(4 * units), own(4 * units);
  for (std::size_t i = 0; i < steps.rows; ++i) {
    layer.input.apply(steps.row(i), in);
    layer.state.apply(state, own);
    for (std::size_t u = 0; u < units; ++u) {
      const float take = sigmoid(in[u] + own[u]);
      const float keep = sigmoid(in[units + u] + own[units + u]);
      const float fresh = std::tanh(in[2 * units + u] + own[2 * units + u]);
      const float show = sigmoid(in[3 * units + u] + own[3 * units + u]);
      cell[u] = keep * cell[u] + take * fresh;
      state[u] = show * std::tanh(cell[u]);
    }
    std::copy(state.begin(), state.end(), out.row(i).begin());
  }
  return out;
}

void SequenceNetwork::attend(const Block& block, Matrix& h) const {
  const std::size_t n = h.rows, units = shape_.units, width = units / shape_.heads;
  Matrix projected(n, 3 * units), seen(n, units);
  std::vector<float> z(units), wide(2 * units), weights(n);
  for (std::size_t i = 0; i < n; ++i) {
    normalise(block.before, h.row(i), z);
    block.project.apply(z, projected.row(i));
  }
  const float scale = 1 / std::sqrt(static_cast<float>(width));
  for (std::size_t first = 0; first < units; first += width)
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        float sum = 0;
        for (std::size_t u = first; u < first + width; ++u)
          sum += projected.at(i, u) * projected.at(j, units + u);
        weights[j] = sum * scale;
      }
      softmax(weights);
      for (std::size_t j = 0; j < n; ++j)
        for (std::size_t u = first; u < first + width; ++u)
          seen.at(i, u) += weights[j] * projected.at(j, 2 * units + u);
    }
  for (std::size_t i = 0; i < n; ++i) {
    const auto row = h.row(i);
    block.join.apply(seen.row(i), z);
    for (std::size_t u = 0; u < units; ++u) row[u] += z[u];
    normalise(block.between, row, z);
    block.widen.apply(z, wide);
    for (float& v : wide) v = std::max(v, 0.0f);
    block.narrow.apply(wide, z);
    for (std::size_t u = 0; u < units; ++u) row[u] += z[u];
  }
}

}  // namespace cangong
