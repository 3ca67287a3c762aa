// Explainable boosting: a sum of curves of one column each, and of a few tables of two (generalised
// additive models with interactions: Lou, Caruana, Gehrke and Hooker 2013; Nori et al. 2019).
#pragma once

#include "model/model.h"
#include "model/shape.h"

namespace cangong {

struct AdditiveOptions {
  static constexpr bool is_config = true;
  std::string kind = "ebm";
  double learning_rate = 0.05;
  std::size_t rounds = 1000, patience = 20, bags = 4, pairs = 10, min_leaf = 5;
  template <class V>
  void visit(V& v) {
    v("kind", kind, "ebm");
    v("pairs", pairs, "of columns that may act together, at most");
    v("learning_rate", learning_rate, "how far one step goes");
    v("rounds", rounds, "over all columns, at most");
    v("patience", patience, "rounds without a gain on the tuning patients before it stops");
    v("bags", bags, "models on 85 % of the rows each, whose mean is taken");
    v("min_leaf", min_leaf, "rows on each side of a step, at least");
  }
};

// Margin = base + the shapes' values. What each column adds is exact: its own curve, and half of
// each table that it shares; curves and tables have mean 0 on the training rows, tables also along
// each of their columns (purified: Lengerich et al. 2020). Yes/no answers, values, and survival
// (Cox); classes are refused with Fault::config.
std::unique_ptr<Model> fit_additive(const Node& options, const Dataset& train,
                                    const Dataset& tuning, const FitContext& context);
std::unique_ptr<Model> fit_additive(const AdditiveOptions& options, const Dataset& train,
                                    const Dataset& tuning, const FitContext& context);
std::unique_ptr<Model> load_additive(const std::string& saved);

// The shapes of an additive model, curves first; throws std::bad_cast for other models.
std::span<const Shape> shapes_of(const Model& model);

}  // namespace cangong
