// Training of a decoder on processors, without a library: the same steps as libtorch's
// (model/delphi_training.h), several times faster. The same bytes whatever the number of threads.
#pragma once

#include <memory>

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
};

class DecoderTrainer {
 public:
  DecoderTrainer(const DecoderTraining& training, DecoderWeights weights);

  DecoderTrainer(const DecoderTrainer&) = delete;  // its working memory points at its weights
  DecoderTrainer& operator=(const DecoderTrainer&) = delete;

  // Losses before the update. Throws Fault::model, leaving all as it was, where the loss is not a
  // number.
  DelphiStep step(const DecoderRows& rows, double learning_rate);
  // Of the means of both losses, without an update and without dropout.
  DelphiStep gradients(const DecoderRows& rows);
  const Floats& gradient() const { return lanes_.front().gradient; }
  // Means, as answers are judged: ids before first_id are not possible.
  DelphiLoss judge(const DecoderRows& rows, std::int32_t first_id) const;

  const DecoderWeights& weights() const { return weights_; }
  std::size_t steps() const { return steps_; }

  // What a resumed training needs.
  struct State {
    Floats weights, mean, square;
    std::size_t steps = 0;
  };
  State state() const;
  // Throws Fault::model where they are not those of this network.
  void restore(const State& state);

 private:
  struct Lane {
    Floats gradient;
    DecoderLoss loss;
  };
  // Calls work(number of a lane, working memory), each lane once; threads keep their memory.
  template <class Work>
  void each_lane(std::size_t lanes, const Work& work) const;
  DelphiStep descend(const DecoderRows& rows, double dropout);
  void sum_lanes();

  DecoderTraining training_;
  DecoderWeights weights_;
  Floats mean_, square_;
  std::vector<Lane> lanes_;
  mutable std::vector<std::unique_ptr<DecoderPass>> passes_;  // one a thread
  std::size_t steps_ = 0;
};

}  // namespace cangong
