// The forward pass of a feed-forward network in plain C++.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "base/matrix.h"
#include "base/onnx_graph.h"

namespace cangong {

enum class Activation { relu, tanh, sigmoid, gelu };
// Throws Fault::config, listing the known names.
Activation activation_named(std::string_view name);
std::string_view name_of(Activation activation);

// What a weight is kept in; computing is in float32.
enum class Precision { float32, bf16, int8 };

// weights: out x in, row-major. Batch normalisation is folded in.
struct Layer {
  std::size_t in = 0, out = 0;
  std::vector<float> weights, bias;
  Precision precision = Precision::float32;
  std::vector<float> scales = {};  // int8: by output
};

class Network {
 public:
  Network() = default;
  Network(Activation activation, std::vector<Layer> layers);

  Activation activation() const { return activation_; }
  const std::vector<Layer>& layers() const { return layers_; }
  std::size_t outputs() const { return layers_.back().out; }

  // rows x outputs. A row's bytes do not depend on the rows beside it.
  RealMatrix forward(const RealMatrix& x) const;

  // The same as nodes of a graph; 32-bit.
  OnnxGraph::Tensor add_to(OnnxGraph& graph, const OnnxGraph::Tensor& x) const;

  // The outputs of `from` while groups of its inputs become those of `to`, one group after the
  // other: (order.size() + 1) x outputs. Only the changed inputs go through the first layer again.
  // groups[g]: numbers of the inputs that change together.
  RealMatrix walk(std::span<const double> from, std::span<const double> to,
                  std::span<const std::size_t> order,
                  const std::vector<std::vector<std::size_t>>& groups) const;

  // The gradient of one output by the inputs, averaged over 64 points of the straight line between
  // the two rows (midpoint rule).
  std::vector<double> mean_gradient(std::span<const double> from, std::span<const double> to,
                                    std::size_t output) const;

 private:
  // The layers behind the first one; `now`: rows x the first layer's outputs, before activation.
  RealMatrix finish(Matrix now) const;

  Activation activation_ = Activation::relu;
  std::vector<Layer> layers_;
  std::vector<Matrix> packed_;  // by layer, transposed: in x out, padded to whole vectors
};

}  // namespace cangong
