// Gradient-boosted trees (Chen and Guestrin 2016) by XGBoost: yes/no, classes, values, survival.
#pragma once

#include "model/model.h"

namespace cangong {

struct TreeOptions {
  static constexpr bool is_config = true;
  std::string kind = "trees";
  double learning_rate = 0.05, min_child_weight = 2, row_share = 0.8, column_share = 0.8;
  double l1 = 0, l2 = 1;
  std::size_t depth = 4, rounds = 1000, patience = 30;
  template <class V>
  void visit(V& v) {
    v("kind", kind, "trees");
    v("learning_rate", learning_rate, "how much each tree adds");
    v("depth", depth, "of a tree");
    v("rounds", rounds, "trees at most");
    v("patience", patience, "rounds without a gain on the tuning patients before it stops");
    v("min_child_weight", min_child_weight, "least weight of a leaf");
    v("row_share", row_share, "share of rows drawn for a tree");
    v("column_share", column_share, "share of columns drawn for a tree");
    v("l1", l1, "penalty on leaf values");
    v("l2", l2, "penalty on squared leaf values");
  }
};

std::unique_ptr<Model> fit_trees(const Node& options, const Dataset& train, const Dataset& tuning,
                                 const FitContext& context);
std::unique_ptr<Model> load_trees(const std::string& saved);

}  // namespace cangong
