// The margins of boosted trees row by row, by their saved form: for one row XGBoost spends far more
// on its own preparations than on the trees.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/onnx_graph.h"
#include "model/tree_shap.h"

namespace cangong {

// The same to the bit as XGBoost's: sums are of floats, in the order of the trees.
class BoostedRows {
 public:
  // `saved`: XGBoost's JSON. Throws Fault::model where it holds splits of a kind not known here.
  BoostedRows(const std::string& saved, std::size_t outputs, std::size_t rounds);
  // How long a row is at least.
  std::size_t columns() const { return columns_; }
  // `row` may miss values (NaN); out.size() is the number of outputs.
  void margins(std::span<const float> row, std::span<double> out) const;
  // Each column's part of one output's margin, the mean last; adds up to the margin but for the
  // rounding of floats. False where the trees are too large for it.
  bool contributions(std::span<const float> row, std::size_t output, std::size_t outputs,
                     std::span<double> parts) const;
  // The same as nodes of a graph.
  OnnxGraph::Tensor add_to(OnnxGraph& graph, std::size_t outputs) const;

 private:
  float leaf_of(std::size_t root, std::span<const float> row) const;

  std::vector<ShapNode> nodes_;     // of all trees
  std::vector<std::size_t> roots_;  // tree k is of output k % outputs
  std::size_t columns_ = 0;
  float start_ = 0;
  std::optional<TreeShap> shap_;
};

}  // namespace cangong
