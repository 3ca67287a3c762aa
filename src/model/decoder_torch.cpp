#include "model/decoder_torch.h"

#include <dlfcn.h>
#include <torch/torch.h>

#include <cmath>

#include "base/error.h"

namespace cangong {
namespace {

namespace F = torch::nn::functional;
using torch::Tensor;

// As DecoderWeights lays them out.
struct Numbers {
  std::size_t norm1, qkv, projection, norm2, up, down;
  explicit Numbers(std::size_t layer)
      : norm1(2 + 6 * layer),
        qkv(norm1 + 1),
        projection(norm1 + 2),
        norm2(norm1 + 3),
        up(norm1 + 4),
        down(norm1 + 5) {}
};

// libtorch's part for CUDA registers itself when it is loaded; nothing of it is needed to build. It
// is loaded together with this library, for libtorch asks only once whether it is there.
const std::string kRefused =
    ::dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) ? "" : ::dlerror();

std::int64_t long_of(std::size_t count) {
  return static_cast<std::int64_t>(count);
}

}  // namespace

c10::Device torch_device(Device device) {
  if (device == Device::processor) return {torch::kCPU};
  if (!kRefused.empty())
    fail(Fault::missing, "libtorch's part for CUDA cannot be loaded: " + kRefused +
                             "; CUDA=1 make build installs what it needs");
  if (!torch::cuda::is_available())
    fail(Fault::missing,
         "libtorch sees no CUDA device (nvidia-smi tells what there is); --device cpu needs none");
  return {torch::kCUDA, 0};
}

std::vector<Tensor> views_of(const DelphiShape& shape, const Tensor& all) {
  std::vector<Tensor> views;
  std::size_t next = 0;
  for (const auto& [name, rows, columns] : shape.weights()) {
    const Tensor own = all.narrow(0, long_of(next), long_of(rows * columns));
    views.push_back(rows == 1 ? own : own.view({long_of(rows), long_of(columns)}));
    next += row_stride(rows * columns);
  }
  return views;
}

TorchDecoder::TorchDecoder(const DelphiShape& shape, std::vector<Tensor> weights)
    : shape_(shape), weights_(std::move(weights)) {
  const auto width = long_of(shape.width);
  speeds_.push_back(torch::exp(torch::arange(0, width, 2, torch::kFloat64) *
                               (-std::log(10000.0) / static_cast<double>(width)))
                        .to(weights_.front().device(), torch::kFloat32));
}

TorchDecoder::~TorchDecoder() = default;

Tensor TorchDecoder::embed(const Tensor& ids, const Tensor& days) const {
  const Tensor turn = (days / 365.25f).unsqueeze(-1) * speeds_.front();
  const Tensor phases = torch::stack({torch::sin(turn), torch::cos(turn)}, -1).flatten(-2);
  return F::embedding(ids, weights_[0]).to(torch::kFloat32) +
         F::linear(phases, weights_[1].to(torch::kFloat32));  // days apart, which bfloat16 loses
}

Tensor TorchDecoder::normalised(const Tensor& x, std::size_t scale) const {
  const Tensor& by = weights_[scale];
  return torch::layer_norm(x.to(by.scalar_type()), {by.size(0)}, by, {}, 1e-5);
}

Tensor TorchDecoder::forward(const Tensor& ids, const Tensor& days, double dropout,
                             const Attend& attend) const {
  const auto dropped = [&](const Tensor& part) {
    return dropout > 0 ? torch::dropout(part, dropout, true) : part;
  };
  Tensor x = dropped(embed(ids, days));
  for (std::size_t layer = 0; layer < shape_.layers; ++layer) {
    const Numbers own(layer);
    const Tensor qkv = F::linear(normalised(x, own.norm1), weights_[own.qkv]);
    x = x + dropped(F::linear(attend(layer, qkv), weights_[own.projection]));
    const Tensor inner = torch::gelu(F::linear(normalised(x, own.norm2), weights_[own.up]), "tanh");
    x = x + dropped(F::linear(inner, weights_[own.down]));
  }
  return normalised(x, weights_.size() - 1);
}

Tensor TorchDecoder::logits(const Tensor& normal) const {
  return F::linear(normal, weights_[0]).to(torch::kFloat32);
}

// Heads are widened to whole eights: the kernels that need no scores in memory ask for it.
Tensor TorchDecoder::attend(const Tensor& qkv, const Tensor& sees, double dropout) const {
  constexpr std::int64_t kEight = 8;
  const std::int64_t people = qkv.size(0), rows = qkv.size(1), heads = long_of(shape_.heads);
  const std::int64_t width = long_of(shape_.width), part = width / heads;
  Tensor parts = qkv.view({people, rows, 3, heads, part});
  if (const std::int64_t more = (kEight - part % kEight) % kEight; more > 0)
    parts = torch::constant_pad_nd(parts, {0, more});
  const auto each = parts.permute({2, 0, 3, 1, 4}).unbind(0);
  std::optional<Tensor> mask;
  if (sees.defined()) mask = sees;
  const Tensor mixed =
      at::scaled_dot_product_attention(each[0], each[1], each[2], mask, dropout, !sees.defined(),
                                       1 / std::sqrt(static_cast<double>(part)));
  return mixed.transpose(1, 2).narrow(-1, 0, part).reshape({people, rows, width});
}

}  // namespace cangong
