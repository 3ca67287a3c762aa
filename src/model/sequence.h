// Learners that read visits in their order: GRU, LSTM, transformer encoder.
#pragma once

#include <string>
#include <vector>

#include "model/neural.h"

namespace cangong {

struct SequenceOptions : TrainingOptions {
  static constexpr bool is_config = true;
  std::string kind = "gru";
  std::vector<std::size_t> hidden{32};
  std::size_t units = 32, layers = 1, heads = 4;
  template <class V>
  void visit(V& v) {
    v("kind", kind, "gru, lstm or transformer");
    v("units", units, "of the part that reads visits");
    v("layers", layers, "of the part that reads visits");
    v("heads", heads, "of a transformer's attention; a divisor of units");
    v("hidden", hidden, "units of each layer behind it, where the other features join");
    visit_training(v);
  }
};

// The model's kind is that of the options. Throws Fault::config where the features have no visits.
std::unique_ptr<Model> fit_sequence(const Node& options, const Dataset& train,
                                    const Dataset& tuning, const FitContext& context);
std::unique_ptr<Model> load_sequence(const std::string& saved);

}  // namespace cangong
