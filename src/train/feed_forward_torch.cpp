// Feed-forward networks, and the choice among the kinds.
#include <torch/torch.h>

#include <cmath>

#include "train/torch_net.h"

namespace cangong {
namespace {

namespace nn = torch::nn;

std::vector<float> floats(const torch::Tensor& tensor) {
  const auto t = tensor.detach().to(torch::kFloat32).contiguous();
  return {t.data_ptr<float>(), t.data_ptr<float>() + t.numel()};
}

void add_activation(nn::Sequential& net, Activation activation) {
  switch (activation) {
    case Activation::relu:
      net->push_back(nn::ReLU());
      break;
    case Activation::tanh:
      net->push_back(nn::Tanh());
      break;
    case Activation::sigmoid:
      net->push_back(nn::Sigmoid());
      break;
    case Activation::gelu:
      net->push_back(nn::GELU());
      break;
  }
}

// y = gamma (z - mean) / sqrt(var + eps) + beta becomes part of the layer before it.
void fold(Layer& layer, const nn::BatchNorm1dImpl& norm) {
  const auto gamma = floats(norm.weight), beta = floats(norm.bias);
  const auto mean = floats(norm.running_mean), var = floats(norm.running_var);
  for (std::size_t o = 0; o < layer.out; ++o) {
    const float scale = gamma[o] / std::sqrt(var[o] + static_cast<float>(norm.options.eps()));
    for (std::size_t k = 0; k < layer.in; ++k) layer.weights[o * layer.in + k] *= scale;
    layer.bias[o] = (layer.bias[o] - mean[o]) * scale + beta[o];
  }
}

class FeedForward : public TorchNet {
 public:
  FeedForward(const NetworkShape& shape, double dropout, std::size_t outputs) {
    auto width = static_cast<std::int64_t>(shape.facts);
    for (const std::size_t units : shape.hidden) {
      const auto next = static_cast<std::int64_t>(units);
      net_->push_back(nn::Linear(width, next));
      if (shape.batch_norm) net_->push_back(nn::BatchNorm1d(next));
      add_activation(net_, shape.activation);
      if (dropout > 0) net_->push_back(nn::Dropout(dropout));
      width = next;
    }
    net_->push_back(nn::Linear(width, static_cast<std::int64_t>(outputs)));
  }
  at::Tensor forward(const at::Tensor& x) override { return net_->forward(x); }
  nn::Module& module() override { return *net_; }
  std::vector<Layer> plain() override {
    std::vector<Layer> layers;
    for (const auto& module : *net_) {
      if (const auto* linear = module.ptr()->as<nn::LinearImpl>())
        layers.push_back(layer_of(linear->weight, linear->bias));
      else if (const auto* norm = module.ptr()->as<nn::BatchNorm1dImpl>())
        fold(layers.back(), *norm);
    }
    return layers;
  }

 private:
  nn::Sequential net_;
};

}  // namespace

Layer layer_of(const at::Tensor& weights, const at::Tensor& bias) {
  Layer layer;
  layer.out = static_cast<std::size_t>(weights.size(0));
  layer.in = weights.dim() > 1 ? static_cast<std::size_t>(weights.size(1)) : 1;
  layer.weights = floats(weights);
  layer.bias = floats(bias);
  return layer;
}

std::unique_ptr<TorchNet> torch_net(const NetworkShape& shape, double dropout,
                                    std::size_t outputs) {
  if (shape.body != Body::feed_forward) return sequence_net(shape, dropout, outputs);
  return std::make_unique<FeedForward>(shape, dropout, outputs);
}

}  // namespace cangong
