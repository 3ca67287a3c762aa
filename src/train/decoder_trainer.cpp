#include "train/decoder_trainer.h"

#include "base/error.h"
#include "model/torch_library.h"
#include "train/decoder_learner.h"
#include "train/processor_trainer.h"

namespace cangong {
namespace {

// Weights live on the device, and are read when somebody asks for them.
class TorchTrainer final : public DecoderTrainer {
 public:
  using Kind = DecoderLearner::Kind;

  TorchTrainer(const DecoderTraining& training, DecoderWeights weights, Device device)
      : threads_(training.threads), weights_(std::move(weights)), gradient_(weights_.size()) {
    static const auto make =
        reinterpret_cast<MakeDecoderLearner>(torch_symbol(kMakeDecoderLearner));
    make({weights_.shape(), training, device, weights_.size()}, learner_);
    learner_->write(Kind::weights, weights_.data());
  }

  DelphiStep step(const DecoderRows& rows, double learning_rate) override {
    const DelphiStep told = learner_->step(rows, learning_rate, steps_);
    ++steps_, is_read_ = false;
    return told;
  }
  DelphiStep gradients(const DecoderRows& rows) override {
    const DelphiStep told = learner_->gradients(rows);
    learner_->read(Kind::gradient, gradient_.data());
    return told;
  }
  const Floats& gradient() const override { return gradient_; }
  DelphiLoss judge(const DecoderRows& rows, std::int32_t first_id) const override {
    return learner_->judge(rows, first_id);
  }
  const DecoderWeights& weights() const override {
    if (!is_read_) learner_->read(Kind::weights, weights_.data()), weights_.pack(threads_);
    is_read_ = true;
    return weights_;
  }
  std::size_t steps() const override { return steps_; }

  State state() const override {
    State state{Floats(weights_.size()), Floats(weights_.size()), Floats(weights_.size()), steps_};
    learner_->read(Kind::weights, state.weights.data());
    learner_->read(Kind::mean, state.mean.data());
    learner_->read(Kind::square, state.square.data());
    return state;
  }
  void restore(const State& state) override {
    if (state.weights.size() != weights_.size() || state.mean.size() != weights_.size() ||
        state.square.size() != weights_.size())
      fail(Fault::model, "the state of training is that of another network");
    learner_->write(Kind::weights, state.weights.data());
    learner_->write(Kind::mean, state.mean.data());
    learner_->write(Kind::square, state.square.data());
    steps_ = state.steps, is_read_ = false;
  }

 private:
  std::size_t threads_, steps_ = 0;
  mutable DecoderWeights weights_;
  mutable bool is_read_ = true;
  Floats gradient_;
  std::unique_ptr<DecoderLearner> learner_;
};

}  // namespace

std::unique_ptr<DecoderTrainer> torch_decoder_trainer(const DecoderTraining& training,
                                                      DecoderWeights weights, Device device) {
  if (weights.shape().additive) fail(Fault::config, kAdditiveByKernels);
  return std::make_unique<TorchTrainer>(training, std::move(weights), device);
}

std::unique_ptr<DecoderTrainer> decoder_trainer(const DecoderTraining& training,
                                                DecoderWeights weights, Device device) {
  if (device != Device::processor)
    return torch_decoder_trainer(training, std::move(weights), device);
  if (training.format != FloatFormat::float32)
    fail(Fault::config, "processors train in float32; bfloat16 needs --device cuda");
  return std::make_unique<ProcessorTrainer>(training, std::move(weights));
}

}  // namespace cangong
