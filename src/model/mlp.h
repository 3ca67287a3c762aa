// Multi-layer perceptrons.
#pragma once

#include <string>
#include <vector>

#include "model/neural.h"

namespace cangong {

struct MlpOptions : TrainingOptions {
  static constexpr bool is_config = true;
  std::string kind = "mlp", activation = "relu";
  std::vector<std::size_t> hidden{64, 64};
  bool batch_norm = false;
  template <class V>
  void visit(V& v) {
    v("kind", kind, "mlp");
    v("hidden", hidden, "units of each hidden layer");
    v("activation", activation, "relu, tanh, sigmoid or gelu");
    v("batch_norm", batch_norm, "batch normalisation behind each hidden layer");
    visit_training(v);
  }
};
// Throws Fault::config, beginning with "model KIND".
void check_hidden(const std::vector<std::size_t>& hidden, const std::string& kind);

std::unique_ptr<Model> fit_mlp(const Node& options, const Dataset& train, const Dataset& tuning,
                               const FitContext& context);
std::unique_ptr<Model> load_mlp(const std::string& saved);

}  // namespace cangong
