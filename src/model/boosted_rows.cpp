#include "model/boosted_rows.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "model/onnx_trees.h"

namespace cangong {
namespace {

// The margin before the first tree; saved as an answer of the objective.
float start_of(const nlohmann::json& learner) {
  const float base =
      std::stof(learner.at("learner_model_param").at("base_score").get<std::string>());
  const std::string objective = learner.at("objective").at("name");
  if (objective == "binary:logistic") return -std::log(1.0f / base - 1.0f);
  if (objective == "survival:cox") return std::log(base);
  if (objective == "reg:squarederror" || objective == "multi:softprob") return base;
  fail(Fault::model, "boosted trees of an objective that is not known: " + objective);
}

}  // namespace

BoostedRows::BoostedRows(const std::string& saved, std::size_t outputs, std::size_t rounds) {
  const nlohmann::json learner = nlohmann::json::parse(saved).at("learner");
  start_ = start_of(learner);
  const nlohmann::json& trees = learner.at("gradient_booster").at("model").at("trees");
  if (trees.size() < outputs * rounds) fail(Fault::model, "boosted trees: fewer than its rounds");
  for (std::size_t k = 0; k < outputs * rounds; ++k) {
    const nlohmann::json& tree = trees[k];
    const nlohmann::json &left = tree.at("left_children"), &right = tree.at("right_children"),
                         &columns = tree.at("split_indices"), &values = tree.at("split_conditions"),
                         &missing = tree.at("default_left"), &cover = tree.at("sum_hessian");
    if (left.empty()) fail(Fault::model, "boosted trees: a tree is damaged");
    for (const nlohmann::json& type : tree.at("split_type"))
      if (type.get<int>() != 0) fail(Fault::model, "boosted trees split by categories");
    roots_.push_back(nodes_.size());
    for (std::size_t i = 0; i < left.size(); ++i)
      nodes_.push_back({columns.at(i).get<std::int32_t>(), left[i].get<std::int32_t>(),
                        right.at(i).get<std::int32_t>(), values.at(i).get<float>(),
                        missing.at(i).get<int>() != 0, cover.at(i).get<double>()});
    const auto size = static_cast<std::int32_t>(left.size());
    for (std::size_t i = roots_.back(); i < nodes_.size(); ++i) {
      const ShapNode& node = nodes_[i];
      const auto own = static_cast<std::int32_t>(i - roots_.back());
      if (node.left >= 0 && (node.left <= own || node.right <= own || node.left >= size ||
                             node.right >= size || node.column < 0))
        fail(Fault::model, "boosted trees: a tree is damaged");
      if (node.left >= 0) columns_ = std::max(columns_, static_cast<std::size_t>(node.column) + 1);
    }
  }
  shap_ = TreeShap::of(nodes_, roots_);
}

float BoostedRows::leaf_of(std::size_t root, std::span<const float> row) const {
  const ShapNode* node = &nodes_[root];
  while (node->left >= 0) {
    const float value = row[static_cast<std::size_t>(node->column)];
    const bool goes_left = std::isnan(value) ? node->missing_left : value < node->value;
    node = &nodes_[root + static_cast<std::size_t>(goes_left ? node->left : node->right)];
  }
  return node->value;
}

OnnxGraph::Tensor BoostedRows::add_to(OnnxGraph& graph, std::size_t outputs) const {
  OnnxTrees trees(OnnxTrees::Rule::below);
  for (std::size_t k = 0; k < roots_.size(); ++k) {
    trees.begin_tree();
    const std::size_t end = k + 1 < roots_.size() ? roots_[k + 1] : nodes_.size();
    for (std::size_t i = roots_[k]; i < end; ++i) {
      const ShapNode& node = nodes_[i];
      const auto number = static_cast<std::int64_t>(i - roots_[k]);
      if (node.left >= 0) {
        trees.branch(number, node.column, node.value, node.left, node.right, node.missing_left);
        continue;
      }
      trees.leaf(number);
      trees.add(number, static_cast<std::int64_t>(k % outputs), node.value);
    }
  }
  return trees.add_to(graph, outputs, start_);
}

void BoostedRows::margins(std::span<const float> row, std::span<double> out) const {
  for (std::size_t output = 0; output < out.size(); ++output) {
    float sum = start_;
    for (std::size_t k = output; k < roots_.size(); k += out.size()) sum += leaf_of(roots_[k], row);
    out[output] = sum;
  }
}

bool BoostedRows::contributions(std::span<const float> row, std::size_t output, std::size_t outputs,
                                std::span<double> parts) const {
  if (!shap_) return false;
  std::fill(parts.begin(), parts.end(), 0);
  for (std::size_t k = output; k < roots_.size(); k += outputs) shap_->add(k, row, parts);
  parts.back() += start_;
  return true;
}

}  // namespace cangong
