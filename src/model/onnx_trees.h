// Trees as the TreeEnsembleRegressor of ai.onnx.ml.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/onnx_graph.h"

namespace cangong {

// Nodes in any order; the first of a tree is its root, and numbers are by tree.
class OnnxTrees {
 public:
  // What takes a row to the left: a value below the cut, or one that is at most the cut.
  enum class Rule { below, at_most };
  explicit OnnxTrees(Rule rule) : rule_(rule) {}

  void begin_tree() { ++tree_; }
  void branch(std::int64_t node, std::int64_t column, float cut, std::int64_t left,
              std::int64_t right, bool missing_left);
  void leaf(std::int64_t node);
  // What that leaf adds to an output.
  void add(std::int64_t node, std::int64_t output, float value);

  // Sums by output, each beginning with `start`: rows x outputs, 32-bit.
  OnnxGraph::Tensor add_to(OnnxGraph& graph, std::size_t outputs, float start) const;

 private:
  void node(std::int64_t number, std::string mode, std::int64_t column, float cut,
            std::int64_t left, std::int64_t right, std::int64_t missing_left);

  Rule rule_;
  std::int64_t tree_ = -1;
  std::vector<std::int64_t> trees_, nodes_, columns_, left_, right_, missing_left_;
  std::vector<std::string> modes_;
  std::vector<float> cuts_;
  std::vector<std::int64_t> leaf_trees_, leaf_nodes_, leaf_outputs_;
  std::vector<float> leaf_values_;
};

}  // namespace cangong
