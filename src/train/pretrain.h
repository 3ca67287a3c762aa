// Training of a model of timelines, so that it can be interrupted and gone on with to the same
// bytes.
#pragma once

#include <functional>

#include "model/timeline_model.h"
#include "train/pretrain_recipe.h"

namespace cangong {

// A judgement on the tuning patients.
struct PretrainPoint {
  std::size_t step = 0;
  double training = 0;  // both losses in training mode, mean since the point before
  double cross_entropy = 0, waiting = 0;
};

struct PretrainInput {
  const TokenShards& shards;
  const TokenVocabulary& vocabulary;
  const PretrainRecipe& recipe;
  // The checkpoint's file, and what recipe and data it belongs to. It goes on where it was begun:
  // on a device, or by the same kernels.
  fs::path checkpoint;
  std::string belongs_to;
  std::size_t threads = 1;
  Device device = Device::processor;
  std::function<void(const PretrainPoint&)> judged = [](const PretrainPoint&) {};
};

struct Pretrained {
  DecoderWeights weights;  // those that the tuning patients liked best
  std::vector<PretrainPoint> curve;
  std::size_t resumed_from = 0;  // step
};

// Throws Fault::denied where Ctrl-C was pressed, the checkpoint written; Fault::model where the
// loss is not a number any more, naming the step, the last good checkpoint kept; Fault::input where
// nobody is left to train or to choose; Fault::storage where the checkpoint is damaged or belongs
// to something else.
Pretrained pretrain(const PretrainInput& input);

// Of everybody of a split, or of the first `most` if that is not 0.
DelphiLoss judge_split(const DecoderTrainer& trainer, const TokenBatches& batches,
                       const TokenShards& shards, TokenSplit split, std::size_t most);

}  // namespace cangong
