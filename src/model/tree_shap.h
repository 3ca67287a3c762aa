// Exact Shapley values along the paths of trees (TreeSHAP: Lundberg, Erion and Lee 2018; values
// beside a path count by the rows that went there in training), one row at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace cangong {

// A tree's node; left < 0: a leaf. Children stand behind their parents.
struct ShapNode {
  std::int32_t column = 0, left = -1, right = -1;
  float value = 0;  // of a leaf; else below it: left
  bool missing_left = true;
  double cover = 0;  // the weight of the training rows that came by
};

// A part of a leaf's value is the integral over s in [0, 1] of a product along its path, whose
// factors are z (1 - s) + s where the row follows the path and z (1 - s) where it does not (z: the
// share of rows that do; Owen's multilinear extension). Gauss and Legendre's nodes make that sum
// exact, and all leaves below an edge share it (Yu et al. 2022, "Linear TreeSHAP").
class TreeShap {
 public:
  // `roots`: where each tree of `nodes` begins; children are counted from there. None where the
  // trees are more than 32 deep, or so large that their factors would fill the memory.
  static std::optional<TreeShap> of(std::span<const ShapNode> nodes,
                                    std::span<const std::size_t> roots);

  // Adds tree k's parts to parts[column], its mean over the training rows to parts.back().
  // `row` may miss values (NaN).
  void add(std::size_t tree, std::span<const float> row, std::span<double> parts) const;

 private:
  // Of an edge to a node, by what is known of its feature: 0: the row left the path by it before;
  // 1: it leaves it here; 2: it follows.
  static constexpr std::size_t kStates = 3;
  struct Edge {
    std::uint32_t parent, before;  // the node above; the last one above with the same feature
    std::int32_t column;
    bool is_left;
  };
  struct Grown {
    std::size_t first, size;
    double mean;
  };
  TreeShap(std::span<const ShapNode> nodes, std::size_t points);
  void grow(std::span<const ShapNode> tree);
  void set_factors(std::size_t edge, double share_before, double share);
  template <std::size_t kPoints>
  void add_tree(const Grown& tree, std::span<const float> row, std::span<double> parts) const;

  std::size_t points_;
  std::vector<double> at_, weight_;  // nodes and weights in [0, 1]
  std::vector<Grown> trees_;
  std::vector<ShapNode> nodes_;
  std::vector<Edge> edges_;              // to the node of the same number
  std::vector<double> factors_, parts_;  // edge x state x point
};

}  // namespace cangong
