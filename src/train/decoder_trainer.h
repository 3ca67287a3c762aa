// Training of a decoder: on processors without a library, several times faster than libtorch and to
// the same bytes whatever the number of threads; on CUDA by libtorch.
#pragma once

#include <memory>

#include "kernel/device.h"
#include "model/decoder_pass.h"

namespace cangong {

struct DecoderTraining {
  double beta1 = 0.9, beta2 = 0.99, epsilon = 1e-8, weight_decay = 0.2, clip = 1;
  double dropout = 0, least_wait = kDelphiLeastWait;
  std::uint64_t seed = 1;
  std::size_t threads = 1;
  // Gradients are summed in as many parts as this, so more threads are of no use. Part of the
  // result.
  std::size_t lanes = 8;
  std::size_t people_at_once = 16;  // of a lane; memory for the way back grows with it
  // On a device: what multiplies may be bfloat16, while weights, sums and AdamW stay float32; and
  // so many rows, padding with them, go through at once, their gradients added up.
  FloatFormat format = FloatFormat::float32;
  std::size_t rows_at_once = 32768;
};

class DecoderTrainer {
 public:
  virtual ~DecoderTrainer() = default;

  // Losses before the update. Throws Fault::model, leaving all as it was, where the loss is not a
  // number.
  virtual DelphiStep step(const DecoderRows& rows, double learning_rate) = 0;
  // Of the means of both losses, without an update and without dropout.
  virtual DelphiStep gradients(const DecoderRows& rows) = 0;
  virtual const Floats& gradient() const = 0;  // laid out as the weights
  // Means, as answers are judged: ids before first_id are not possible.
  virtual DelphiLoss judge(const DecoderRows& rows, std::int32_t first_id) const = 0;
  virtual const DecoderWeights& weights() const = 0;
  virtual std::size_t steps() const = 0;

  // What a resumed training needs.
  struct State {
    Floats weights, mean, square;
    std::size_t steps = 0;
  };
  virtual State state() const = 0;
  // Throws Fault::model where they are not those of this network.
  virtual void restore(const State& state) = 0;
};

// Throws Fault::missing where there is no such device, Fault::config where it cannot train in this
// format.
std::unique_ptr<DecoderTrainer> decoder_trainer(const DecoderTraining& training,
                                                DecoderWeights weights,
                                                Device device = Device::processor);
// libtorch's, on processors too, where it is slower: to compare.
std::unique_ptr<DecoderTrainer> torch_decoder_trainer(const DecoderTraining& training,
                                                      DecoderWeights weights, Device device);

}  // namespace cangong
