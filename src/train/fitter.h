// Fits the recipe's model and its baselines on one split of the examples.
#pragma once

#include <memory>
#include <vector>

#include "train/train.h"

namespace cangong {

class Fitter {
 public:
  Fitter(const TrainInput& input, const TrainContext& context, const Examples& examples)
      : input_(input), context_(context), examples_(examples) {}

  // Throws Fault::input where the training patients give no features.
  std::unique_ptr<JoinedEncoder> fit_encoder(const std::vector<std::size_t>& train) const;
  // The recipe's model first, then the baselines.
  std::vector<Fitted> fit(const Encoder& encoder, const Dataset& train,
                          const Dataset& tuning) const;
  // A model with the settings and columns of `own`, on other training rows.
  Fitted refit(const Fitted& own, Dataset part, const Dataset& tuning) const;
  // Of the recipe's model just fitted, those of the further tasks, in the order of Dataset::also.
  std::vector<Fitted> take_also(Fitted& own, const Dataset& train, const Dataset& tuning) const;

 private:
  struct Data {
    const Dataset& train;
    const Dataset& tuning;
  };
  // The recipe's model, with the settings that a search found where the recipe wants one.
  Fitted fit_own(const Node& options, const Data& data) const;
  SearchResult search_settings(const Node& options, const Data& data) const;
  Fitted fit_one(const Node& options, std::vector<std::size_t> columns, const Data& data,
                 const FitContext& context) const;
  // Saying what goes on and leaving checkpoints.
  FitContext context_of(const Node& options, const Data& data) const;
  std::vector<std::size_t> columns_of(const Dataset& train) const;
  std::optional<Fitted> fit_baseline(const std::string& name, const Encoder& encoder,
                                     const Data& data) const;
  Digest digest_of_fit(const Data& data, const Node& options) const;
  Recalibration::Kind recalibration_of(const Dataset& tuning) const;

  const TrainInput& input_;
  const TrainContext& context_;
  const Examples& examples_;
};

}  // namespace cangong
