#include "model/tree_shap.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

namespace cangong {
namespace {

constexpr std::size_t kMostFactors = 1 << 20;  // 48 MB
// A branch that no row took in training still has a path; its share must not be zero, nor that of
// many such branches on one path.
constexpr double kLeastTaken = 1e-12, kLeastShare = 1e-200;

// Legendre's polynomial of degree n at x, and its slope.
std::pair<double, double> legendre(std::size_t n, double x) {
  double before = 1, value = x;
  for (std::size_t k = 2; k <= n; ++k) {
    const auto d = static_cast<double>(k);
    before = std::exchange(value, ((2 * d - 1) * x * value - (d - 1) * before) / d);
  }
  return {value, static_cast<double>(n) * (x * value - before) / (x * x - 1)};
}

// By Newton's steps from Tricomi's guess.
double legendre_root(std::size_t n, std::size_t k) {
  const auto count = static_cast<double>(n);
  double x = std::cos(std::numbers::pi * (static_cast<double>(k) + 0.75) / (count + 0.5));
  for (int step = 0; step < 50; ++step) {
    const auto [value, slope] = legendre(n, x);
    x -= value / slope;
    if (std::abs(value / slope) < 1e-16) break;
  }
  return x;
}

// n points are exact to degree 2n - 1; a path of d features has degree d - 1.
std::size_t points_for(std::size_t depth) {
  std::size_t points = 4;
  while (2 * points < depth) points *= 2;
  return points;
}

// The edges of the longest path.
std::size_t depth_of(std::span<const ShapNode> tree) {
  std::vector<std::size_t> depth(tree.size(), 0);
  for (std::size_t i = 0; i < tree.size(); ++i)
    if (tree[i].left >= 0)
      for (const auto child : {tree[i].left, tree[i].right})
        depth[static_cast<std::size_t>(child)] = depth[i] + 1;
  return *std::max_element(depth.begin(), depth.end());
}

}  // namespace

TreeShap::TreeShap(std::span<const ShapNode> nodes, std::size_t points) : points_(points) {
  nodes_.reserve(nodes.size());
  for (std::size_t q = 0; q < points_; ++q) {
    const double x = legendre_root(points_, q), slope = legendre(points_, x).second;
    at_.push_back((1 - x) / 2);
    weight_.push_back(1 / ((1 - x * x) * slope * slope));
  }
}

std::optional<TreeShap> TreeShap::of(std::span<const ShapNode> nodes,
                                     std::span<const std::size_t> roots) {
  const auto tree = [&](std::size_t k) {
    const std::size_t end = k + 1 < roots.size() ? roots[k + 1] : nodes.size();
    return nodes.subspan(roots[k], end - roots[k]);
  };
  std::size_t depth = 1;
  for (std::size_t k = 0; k < roots.size(); ++k) depth = std::max(depth, depth_of(tree(k)));
  const std::size_t points = points_for(depth);
  if (points > 16 || points * nodes.size() > kMostFactors) return std::nullopt;
  TreeShap all(nodes, points);
  for (std::size_t k = 0; k < roots.size(); ++k) all.grow(tree(k));
  return all;
}

void TreeShap::set_factors(std::size_t edge, double share_before, double share) {
  const auto factor = [&](double z, bool follows, std::size_t q) {
    return z * (1 - at_[q]) + (follows ? at_[q] : 0);
  };
  for (std::size_t state = 0; state < kStates; ++state) {
    const bool followed = state > 0, follows = state > 1;
    for (std::size_t q = 0; q < points_; ++q) {
      const double before = factor(share_before, followed, q), now = factor(share, follows, q);
      const std::size_t k = (edge * kStates + state) * points_ + q;
      factors_[k] = now / before;
      parts_[k] = weight_[q] * ((follows - share) / now - (followed - share_before) / before);
    }
  }
}

void TreeShap::grow(std::span<const ShapNode> tree) {
  const std::size_t first = nodes_.size();
  nodes_.insert(nodes_.end(), tree.begin(), tree.end());
  edges_.resize(nodes_.size());
  factors_.resize(nodes_.size() * kStates * points_);
  parts_.resize(factors_.size());
  std::vector<double> share(tree.size(), 1), reach(tree.size(), 0);
  reach[0] = 1;
  double mean = 0;
  for (std::size_t i = 0; i < tree.size(); ++i) {
    const ShapNode& node = tree[i];
    if (node.left < 0) {
      mean += reach[i] * node.value;
      continue;
    }
    // The root stands for a feature that no split has named yet.
    std::uint32_t before = static_cast<std::uint32_t>(i);
    while (before != 0 && edges_[first + before].column != node.column)
      before = edges_[first + before].parent;
    for (const bool is_left : {true, false}) {
      const auto child = static_cast<std::size_t>(is_left ? node.left : node.right);
      const double taken = node.cover > 0 ? tree[child].cover / node.cover : 0;
      reach[child] = reach[i] * std::min(taken, 1.0);
      share[child] = std::max(share[before] * std::clamp(taken, kLeastTaken, 1.0), kLeastShare);
      edges_[first + child] = {static_cast<std::uint32_t>(i), before, node.column, is_left};
      set_factors(first + child, share[before], share[child]);
    }
  }
  trees_.push_back({first, tree.size(), mean});
}

template <std::size_t kPoints>
void TreeShap::add_tree(const Grown& tree, std::span<const float> row,
                        std::span<double> parts) const {
  using Points = std::array<double, kPoints>;
  thread_local std::vector<Points> product;
  thread_local std::vector<std::uint8_t> state, goes_left;
  product.assign(tree.size, Points{});
  state.assign(tree.size, 2), goes_left.assign(tree.size, 0);
  product[0].fill(1);
  const ShapNode* nodes = &nodes_[tree.first];
  const Edge* edges = &edges_[tree.first];
  const auto at = [&](const std::vector<double>& table, std::size_t i) {
    return &table[((tree.first + i) * kStates + state[i]) * kPoints];
  };
  // Down: each path's product so far. Up, in its place: the sum over the leaves below.
  for (std::size_t i = 0; i < tree.size; ++i) {
    if (i > 0) {
      const Edge& edge = edges[i];
      const bool follows = goes_left[edge.parent] == edge.is_left;
      state[i] = state[edge.before] == 2 ? 1 + follows : 0;
      const double* factor = at(factors_, i);
      for (std::size_t q = 0; q < kPoints; ++q) product[i][q] = product[edge.parent][q] * factor[q];
    }
    const ShapNode& node = nodes[i];
    if (node.left < 0) continue;
    const float value = row[static_cast<std::size_t>(node.column)];
    goes_left[i] = std::isnan(value) ? node.missing_left : value < node.value;
  }
  for (std::size_t i = 0; i < tree.size; ++i) {
    const bool is_leaf = nodes[i].left < 0;
    for (double& p : product[i]) p = is_leaf ? p * nodes[i].value : 0;
  }
  for (std::size_t i = tree.size; i-- > 1;) {
    const double* part = at(parts_, i);
    Points& above = product[edges[i].parent];
    double sum = 0;
    for (std::size_t q = 0; q < kPoints; ++q) {
      sum += part[q] * product[i][q];
      above[q] += product[i][q];
    }
    parts[static_cast<std::size_t>(edges[i].column)] += sum;
  }
  parts.back() += tree.mean;
}

void TreeShap::add(std::size_t tree, std::span<const float> row, std::span<double> parts) const {
  const Grown& grown = trees_[tree];
  if (points_ == 4) return add_tree<4>(grown, row, parts);
  if (points_ == 8) return add_tree<8>(grown, row, parts);
  add_tree<16>(grown, row, parts);
}

}  // namespace cangong
