// Several models, one answer: the mean of what they say.
#pragma once

#include "model/model.h"

namespace cangong {

struct EnsembleOptions {
  static constexpr bool is_config = true;
  std::string kind = "ensemble";
  std::vector<Node> members;
  std::size_t intervals = 50;
  template <class V>
  void visit(V& v) {
    v("kind", kind, "ensemble");
    v("members", members, "a list of models, each as `model:` would have it");
    v("intervals", intervals, "survival: how many steps a told curve has");
  }
};

// Means of probabilities, of values, or of survival curves at the ends of intervals that hold about
// as many events each; told as log-odds, values, or log-odds of not passing an interval.
std::unique_ptr<Model> fit_ensemble(const Node& options, const Dataset& train,
                                    const Dataset& tuning, const FitContext& context);
std::unique_ptr<Model> load_ensemble(const std::string& saved);

}  // namespace cangong
