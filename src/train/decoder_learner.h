// What libtorch does of a decoder's training: gradients and AdamW on a device. The shared object
// cangong_torch exports it; train/decoder_trainer.h is what others use.
#pragma once

#include <memory>

#include "kernel/device.h"
#include "train/decoder_trainer.h"

namespace cangong {

class DecoderLearner {
 public:
  virtual ~DecoderLearner() = default;

  // As DecoderTrainer's. `number`: of the step, from 0.
  virtual DelphiStep step(const DecoderRows& rows, double learning_rate, std::size_t number) = 0;
  virtual DelphiStep gradients(const DecoderRows& rows) = 0;
  virtual DelphiLoss judge(const DecoderRows& rows, std::int32_t first_id) const = 0;

  // All of one kind, laid out as DecoderWeights does.
  enum class Kind { weights, mean, square, gradient };
  virtual void read(Kind kind, float* to) const = 0;
  virtual void write(Kind kind, const float* from) = 0;
};

struct DecoderLearning {
  DelphiShape shape;
  DecoderTraining training;
  Device device;
  std::size_t size;  // DecoderWeights::size()
};

using MakeDecoderLearner = void (*)(const DecoderLearning&, std::unique_ptr<DecoderLearner>&);
inline constexpr const char* kMakeDecoderLearner = "cangong_decoder_learner";

}  // namespace cangong
