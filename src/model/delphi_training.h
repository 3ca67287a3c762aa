// Delphi's training, a step at a time. libtorch does the work, in the shared object that is loaded
// on first use.
#pragma once

#include <memory>

#include "model/delphi_network.h"

namespace cangong {

struct DelphiTraining {
  enum class Real { float32, float64 };

  DelphiShape shape;
  DelphiNetwork<double>::Weights weights;  // to begin with
  Real real = Real::float32;
  // AdamW (Loshchilov and Hutter 2019). The decay is for what multiplies, not for the embedding and
  // the scales of normalisation; gradients are cut to the norm `clip`.
  double beta1 = 0.9, beta2 = 0.99, epsilon = 1e-8, weight_decay = 0.2, clip = 1;
  int threads = 1;
};

// A batch with what its losses need.
struct DelphiLesson {
  DelphiBatch batch;
  std::vector<std::uint8_t> sees, is_target;
  std::vector<double> waits;  // days
};
DelphiLesson delphi_lesson(DelphiBatch batch);

// Losses before the update.
struct DelphiStep {
  double cross_entropy = 0, waiting = 0;
  double gradient_norm = 0;  // before it was cut
};

class DelphiTrainer {
 public:
  using Weights = DelphiNetwork<double>::Weights;

  virtual ~DelphiTrainer() = default;
  // Throws Fault::model, leaving the weights as they were, where the loss is not a number.
  virtual DelphiStep step(const DelphiLesson& lesson, double learning_rate) = 0;
  // Of the sum of both losses, without an update.
  virtual Weights gradients(const DelphiLesson& lesson) = 0;
  virtual Weights weights() const = 0;
};

// Rises from 0, then falls along a cosine, then stays.
struct DelphiSchedule {
  double highest = 2e-3, lowest = 2e-4;
  std::size_t warm_up = 500, falls_until = 5000;
  double at(std::size_t step) const;
};

// Throws Fault::missing where this build cannot train networks, Fault::model where the weights do
// not fit the shape.
std::unique_ptr<DelphiTrainer> delphi_trainer(const DelphiTraining& training);

// What the shared object exports.
using MakeDelphiTrainer = void (*)(const DelphiTraining&, std::unique_ptr<DelphiTrainer>&);
inline constexpr const char* kMakeDelphiTrainer = "cangong_delphi_trainer";

}  // namespace cangong
