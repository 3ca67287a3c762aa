// Training of a decoder on processors, by kernels of our own.
#pragma once

#include <memory>

#include "train/decoder_trainer.h"

namespace cangong {

class ProcessorTrainer final : public DecoderTrainer {
 public:
  ProcessorTrainer(const DecoderTraining& training, DecoderWeights weights);

  ProcessorTrainer(const ProcessorTrainer&) = delete;  // working memory points at the weights
  ProcessorTrainer& operator=(const ProcessorTrainer&) = delete;

  DelphiStep step(const DecoderRows& rows, double learning_rate) override;
  DelphiStep gradients(const DecoderRows& rows) override;
  const Floats& gradient() const override { return lanes_.front().gradient; }
  DelphiLoss judge(const DecoderRows& rows, std::int32_t first_id) const override;
  const DecoderWeights& weights() const override { return weights_; }
  std::size_t steps() const override { return steps_; }
  State state() const override;
  void restore(const State& state) override;

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
