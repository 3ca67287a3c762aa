#include "model/onnx_trees.h"

#include <utility>

namespace cangong {

void OnnxTrees::node(std::int64_t number, std::string mode, std::int64_t column, float cut,
                     std::int64_t left, std::int64_t right, std::int64_t missing_left) {
  trees_.push_back(tree_), nodes_.push_back(number), modes_.push_back(std::move(mode));
  columns_.push_back(column), cuts_.push_back(cut);
  left_.push_back(left), right_.push_back(right), missing_left_.push_back(missing_left);
}

void OnnxTrees::branch(std::int64_t number, std::int64_t column, float cut, std::int64_t left,
                       std::int64_t right, bool missing_left) {
  node(number, rule_ == Rule::below ? "BRANCH_LT" : "BRANCH_LEQ", column, cut, left, right,
       missing_left ? 1 : 0);
}

void OnnxTrees::leaf(std::int64_t number) {
  node(number, "LEAF", 0, 0, 0, 0, 0);
}

void OnnxTrees::add(std::int64_t number, std::int64_t output, float value) {
  leaf_trees_.push_back(tree_), leaf_nodes_.push_back(number);
  leaf_outputs_.push_back(output), leaf_values_.push_back(value);
}

OnnxGraph::Tensor OnnxTrees::add_to(OnnxGraph& graph, std::size_t outputs, float start) const {
  return graph.add_ml("TreeEnsembleRegressor", {graph.features()},
                      {{"n_targets", static_cast<std::int64_t>(outputs)},
                       {"aggregate_function", std::string("SUM")},
                       {"base_values", std::vector<float>(outputs, start)},
                       {"nodes_treeids", trees_},
                       {"nodes_nodeids", nodes_},
                       {"nodes_modes", modes_},
                       {"nodes_featureids", columns_},
                       {"nodes_values", cuts_},
                       {"nodes_truenodeids", left_},
                       {"nodes_falsenodeids", right_},
                       {"nodes_missing_value_tracks_true", missing_left_},
                       {"target_treeids", leaf_trees_},
                       {"target_nodeids", leaf_nodes_},
                       {"target_ids", leaf_outputs_},
                       {"target_weights", leaf_values_}});
}

}  // namespace cangong
