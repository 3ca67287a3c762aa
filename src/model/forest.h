// Random forests (Breiman 2001) of values, yes/no answers and survival (Ishwaran et al. 2008).
#pragma once

#include "model/model.h"

namespace cangong {

struct ForestOptions {
  static constexpr bool is_config = true;
  std::string kind = "forest";
  std::size_t trees = 300, min_leaf = 15, depth = 0, columns = 0, intervals = 50;
  template <class V>
  void visit(V& v) {
    v("kind", kind, "forest");
    v("trees", trees, "how many; each learns from a bootstrap sample");
    v("min_leaf", min_leaf, "drawn rows in a leaf, at least");
    v("depth", depth, "of a tree at most; 0: as deep as min_leaf allows");
    v("columns", columns, "drawn for each split; 0: the square root of all");
    v("intervals", intervals, "survival: how many steps a told curve has");
  }
};

// Survival trees split by log-rank scores (Hothorn and Lausen 2003), which makes a split as cheap
// as that of a regression tree; a leaf holds its Nelson-Aalen hazard, and the forest's is their
// mean. Other trees split by variance. Classes are refused with Fault::config.
std::unique_ptr<Model> fit_forest(const Node& options, const Dataset& train, const Dataset& tuning,
                                  const FitContext& context);
std::unique_ptr<Model> fit_forest(const ForestOptions& options, const Dataset& train,
                                  const FitContext& context);
std::unique_ptr<Model> load_forest(const std::string& saved);

}  // namespace cangong
