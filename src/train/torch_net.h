// A network while libtorch trains it.
#pragma once

#include <memory>
#include <vector>

#include "model/neural.h"

namespace at {
class Tensor;
}
namespace torch::nn {
class Module;
class LinearImpl;
}  // namespace torch::nn

namespace cangong {

class TorchNet {
 public:
  virtual ~TorchNet() = default;
  // rows x columns -> rows x outputs.
  virtual at::Tensor forward(const at::Tensor& x) = 0;
  virtual torch::nn::Module& module() = 0;
  // In the order in which the plain network reads them.
  virtual std::vector<Layer> plain() = 0;
};

std::unique_ptr<TorchNet> torch_net(const NetworkShape& shape, double dropout, std::size_t outputs);
std::unique_ptr<TorchNet> sequence_net(const NetworkShape& shape, double dropout,
                                       std::size_t outputs);

// weights: rows of the matrix are outputs; a vector is one column.
Layer layer_of(const at::Tensor& weights, const at::Tensor& bias);

}  // namespace cangong
