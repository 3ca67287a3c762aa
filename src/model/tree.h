// One tree of a forest: grown on binned columns, walked on raw values.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/random.h"
#include "model/binned.h"

namespace cangong {

struct TreeNode {
  static constexpr std::int32_t kLeaf = -1;
  std::int32_t column = kLeaf;
  float cut = 0;          // at most: left; above: right
  std::int32_t next = 0;  // the left child, the right one behind it; of a leaf: its number
  bool missing_left = true;
};

struct Tree {
  std::vector<TreeNode> nodes;  // the root first
  // The number of the leaf that the row falls into.
  std::size_t leaf_of(std::span<const float> row) const;
};

struct GrowOptions {
  std::size_t min_leaf = 1, depth = 0, columns = 1;
};

// What a tree is grown for. `rows` are drawn rows, in the order that they were given to grow();
// weights[row] says how often each was drawn.
struct GrowTarget {
  // One score per row, summing to zero over the rows (weighted); a split is the better, the farther
  // the sums of its sides lie from zero. All zero: nothing is left to split.
  std::function<void(std::span<const std::uint32_t> rows, std::span<double> scores)> score;
  // Called for each leaf in the order of their numbers.
  std::function<void(std::span<const std::uint32_t> rows)> leaf;
};

// `rows`: the drawn rows, in the order that the target wants; weights by row of the table.
Tree grow(const Binned& table, std::vector<std::uint32_t> rows,
          std::span<const std::uint8_t> weights, const GrowTarget& target,
          const GrowOptions& options, Random& random);

}  // namespace cangong
