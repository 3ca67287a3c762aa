// The rows of a decoder through libtorch, on the device that holds its weights. For the shared
// object cangong_torch alone.
#pragma once

#include <functional>
#include <vector>

#include "kernel/device.h"
#include "model/decoder_weights.h"

namespace at {
class Tensor;
}
namespace c10 {
struct Device;
}

namespace cangong {

// Throws Fault::missing where there is no such device.
c10::Device torch_device(Device device);

// Views of one array of all weights, in the order of DelphiShape::weights(): [out, in], scales
// [width].
std::vector<at::Tensor> views_of(const DelphiShape& shape, const at::Tensor& all);

class TorchDecoder {
 public:
  TorchDecoder(const DelphiShape& shape, std::vector<at::Tensor> weights);
  ~TorchDecoder();

  // What a layer's attention makes of queries, keys and values: [..., 3 width] -> [..., width].
  using Attend = std::function<at::Tensor(std::size_t layer, const at::Tensor& qkv)>;
  // ids, days: of one shape -> [..., width], normalised behind the last layer. What adds up is
  // float32, what multiplies is of the weights' type.
  at::Tensor forward(const at::Tensor& ids, const at::Tensor& days, double dropout,
                     const Attend& attend) const;
  at::Tensor logits(const at::Tensor& normal) const;  // [..., vocabulary], float32

  // Attention among rows: qkv [people, rows, 3 width]; `sees`: [people, 1, rows, rows], what is
  // added to the scores; undefined where a row sees all before it and itself.
  at::Tensor attend(const at::Tensor& qkv, const at::Tensor& sees, double dropout) const;

  const DelphiShape& shape() const { return shape_; }

 private:
  at::Tensor embed(const at::Tensor& ids, const at::Tensor& days) const;
  at::Tensor normalised(const at::Tensor& x, std::size_t scale) const;

  DelphiShape shape_;
  std::vector<at::Tensor> weights_, speeds_;
};

// Ours where libtorch's own exceptions would leave the shared object.
template <class Work>
decltype(auto) told_of_torch(const char* doing, const Work& work) {
  try {
    return work();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    const std::string all = error.what();
    fail(Fault::model, std::string(doing) + ": " + all.substr(0, all.find('\n')));
  }
}

}  // namespace cangong
