#include "train/processor_trainer.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/error.h"
#include "base/parallel.h"

namespace cangong {
namespace {

std::vector<DecoderPart> parts_of(const DecoderRows& rows, std::size_t people) {
  std::vector<DecoderPart> parts;
  for (std::size_t first = 0; first < rows.people(); first += people)
    parts.push_back({rows, first, std::min(first + people, rows.people())});
  return parts;
}

std::uint32_t seed_of(std::uint64_t seed, std::size_t step, std::size_t part) {
  std::uint64_t z = seed + step * 0x9e3779b97f4a7c15 + part * 0xd1b54a32d192ed03;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return static_cast<std::uint32_t>(z >> 32);
}

}  // namespace

ProcessorTrainer::ProcessorTrainer(const DecoderTraining& training, DecoderWeights weights)
    : training_(training),
      weights_(std::move(weights)),
      mean_(weights_.size()),
      square_(weights_.size()),
      lanes_(training.lanes) {
  ensure(training.lanes > 0 && training.people_at_once > 0, "there is a lane, and somebody in it");
  for (Lane& lane : lanes_) lane.gradient.resize(weights_.size());
  for (std::size_t i = 0; i < std::clamp<std::size_t>(training.threads, 1, training.lanes); ++i)
    passes_.push_back(std::make_unique<DecoderPass>(weights_));
}

template <class Work>
void ProcessorTrainer::each_lane(std::size_t lanes, const Work& work) const {
  std::atomic<std::size_t> next{0};
  parallel_for(passes_.size(), passes_.size(), [&](std::size_t thread) {
    for (std::size_t lane = next++; lane < lanes; lane = next++) work(lane, *passes_[thread]);
  });
}

void ProcessorTrainer::sum_lanes() {
  constexpr std::size_t kBlock = 16384;
  const std::size_t size = weights_.size();
  parallel_for((size + kBlock - 1) / kBlock, training_.threads, [&](std::size_t block) {
    const std::size_t from = block * kBlock, count = std::min(kBlock, size - from);
    for (std::size_t lane = 1; lane < lanes_.size(); ++lane)
      kernels().add(lanes_[0].gradient.data() + from, lanes_[lane].gradient.data() + from, count);
  });
}

DelphiStep ProcessorTrainer::descend(const DecoderRows& rows, double dropout) {
  const std::vector<DecoderPart> parts = parts_of(rows, training_.people_at_once);
  const std::size_t events = rows.events();
  if (events == 0) fail(Fault::input, "no event of the batch is followed by another one");
  const float scale = 1 / static_cast<float>(events);
  each_lane(lanes_.size(), [&](std::size_t number, DecoderPass& pass) {
    Lane& lane = lanes_[number];
    lane.gradient.clear(), lane.loss = {};
    for (std::size_t part = number; part < parts.size(); part += lanes_.size()) {
      pass.forward(parts[part],
                   {static_cast<float>(dropout), seed_of(training_.seed, steps_, part)});
      const DecoderLoss own = pass.loss(parts[part], {0, training_.least_wait});
      lane.loss.cross_entropy += own.cross_entropy, lane.loss.waiting += own.waiting;
      pass.backward(parts[part], scale, lane.gradient.data());
    }
  });
  DelphiStep told;
  for (const Lane& lane : lanes_)
    told.cross_entropy += lane.loss.cross_entropy, told.waiting += lane.loss.waiting;
  const auto count = static_cast<double>(events);
  told.cross_entropy /= count, told.waiting /= count;
  if (!std::isfinite(told.cross_entropy + told.waiting))
    fail(Fault::model, "the loss is not a number any more; lower the learning rate");
  sum_lanes();
  told.gradient_norm = std::sqrt(kernels().sum_of_squares(gradient().data(), gradient().size()));
  if (!std::isfinite(told.gradient_norm))
    fail(Fault::model, "the gradient is not a number any more; lower the learning rate");
  return told;
}

DelphiStep ProcessorTrainer::gradients(const DecoderRows& rows) {
  return descend(rows, 0);
}

DelphiStep ProcessorTrainer::step(const DecoderRows& rows, double learning_rate) {
  const DelphiStep told = descend(rows, training_.dropout);
  AdamStep adam{
      learning_rate, training_.beta1, training_.beta2, training_.epsilon, 0, steps_ + 1, 1};
  // As PyTorch cuts gradients.
  adam.gradient_scale =
      static_cast<float>(std::min(1.0, training_.clip / (told.gradient_norm + 1e-6)));
  parallel_for(weights_.count(), training_.threads, [&](std::size_t i) {
    const auto& [name, rows_of, columns] = weights_.about(i);
    AdamStep own = adam;
    own.decay = rows_of == 1 || i == weights_.embedding() ? 0 : training_.weight_decay;
    const std::size_t at = weights_.offset(i);
    kernels().adam(own, gradient().data() + at, weights_.data() + at, mean_.data() + at,
                   square_.data() + at, rows_of * columns);
  });
  ++steps_;
  weights_.pack(training_.threads);
  return told;
}

DelphiLoss ProcessorTrainer::judge(const DecoderRows& rows, std::int32_t first_id) const {
  const std::vector<DecoderPart> parts = parts_of(rows, training_.people_at_once);
  std::vector<DecoderLoss> losses(parts.size());
  const std::size_t lanes = std::min(lanes_.size(), parts.size());
  each_lane(lanes, [&](std::size_t lane, DecoderPass& pass) {
    for (std::size_t part = lane; part < parts.size(); part += lanes) {
      pass.forward(parts[part]);
      losses[part] = pass.loss(parts[part], {first_id, training_.least_wait});
    }
  });
  DelphiLoss all;
  for (const DecoderLoss& loss : losses)
    all.cross_entropy += loss.cross_entropy, all.waiting += loss.waiting,
        all.targets += loss.targets;
  const auto count = static_cast<double>(all.targets);
  all.cross_entropy /= count, all.waiting /= count;
  return all;
}

DecoderTrainer::State ProcessorTrainer::state() const {
  State state{Floats(weights_.size()), Floats(mean_.size()), Floats(square_.size()), steps_};
  std::copy_n(weights_.data(), weights_.size(), state.weights.data());
  std::copy_n(mean_.data(), mean_.size(), state.mean.data());
  std::copy_n(square_.data(), square_.size(), state.square.data());
  return state;
}

void ProcessorTrainer::restore(const State& state) {
  if (state.weights.size() != weights_.size() || state.mean.size() != mean_.size() ||
      state.square.size() != square_.size())
    fail(Fault::model, "the state of training is that of another network");
  std::copy_n(state.weights.data(), weights_.size(), weights_.data());
  std::copy_n(state.mean.data(), mean_.size(), mean_.data());
  std::copy_n(state.square.data(), square_.size(), square_.data());
  steps_ = state.steps;
  weights_.pack(training_.threads);
}

}  // namespace cangong
