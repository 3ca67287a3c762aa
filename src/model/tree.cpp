#include "model/tree.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>

namespace cangong {
namespace {

struct TreeSplit {
  std::size_t column = 0, bin = 0;  // bins 1..bin go left
  bool missing_left = true;
  double gain = 0;
};

// Rows [from, to) wait to become node `node`.
struct Pending {
  std::size_t node, from, to, depth;
};

class Grower {
 public:
  Grower(const Binned& table, std::vector<std::uint32_t> rows,
         std::span<const std::uint8_t> weights, const GrowTarget& target,
         const GrowOptions& options, Random& random)
      : table_(table),
        rows_(std::move(rows)),
        weights_(weights),
        target_(target),
        options_(options),
        random_(random),
        scores_(rows_.size()),
        order_(table.columns()) {
    std::iota(order_.begin(), order_.end(), 0u);
  }

  Tree grow() {
    tree_.nodes.emplace_back();
    std::vector<Pending> pending{{0, 0, rows_.size(), 0}};
    while (!pending.empty()) {
      const Pending now = pending.back();
      pending.pop_back();
      const auto split = best_tree_split(now);
      if (!split) {
        tree_.nodes[now.node].next = leaves_++;
        target_.leaf(std::span(rows_).subspan(now.from, now.to - now.from));
        continue;
      }
      const std::size_t middle = part(now, *split);
      const std::size_t left = tree_.nodes.size();
      tree_.nodes[now.node] = {static_cast<std::int32_t>(split->column),
                               table_.cuts(split->column)[split->bin - 1],
                               static_cast<std::int32_t>(left), split->missing_left};
      tree_.nodes.resize(left + 2);
      pending.push_back({left + 1, middle, now.to, now.depth + 1});
      pending.push_back({left, now.from, middle, now.depth + 1});
    }
    return std::move(tree_);
  }

 private:
  struct Bin {
    double score = 0, weight = 0;
  };

  std::optional<TreeSplit> best_tree_split(const Pending& node) {
    const auto rows = std::span(rows_).subspan(node.from, node.to - node.from);
    double weight = 0;
    for (const std::uint32_t row : rows) weight += weights_[row];
    const bool deep = options_.depth > 0 && node.depth >= options_.depth;
    if (deep || weight < 2 * static_cast<double>(options_.min_leaf)) return std::nullopt;
    const auto scores = std::span(scores_).first(rows.size());
    target_.score(rows, scores);
    if (std::all_of(scores.begin(), scores.end(), [](double s) { return std::abs(s) < 1e-12; }))
      return std::nullopt;
    TreeSplit best;
    // Columns without any possible split do not count as drawn.
    std::size_t useful = 0;
    for (std::size_t k = 0; k < order_.size() && useful < options_.columns; ++k) {
      std::swap(order_[k],
                order_[k + random_.below(static_cast<std::uint32_t>(order_.size() - k))]);
      useful += try_column(order_[k], rows, weight, best);
    }
    return best.gain > 0 ? std::optional(best) : std::nullopt;
  }

  // Whether the column could split the rows at all.
  bool try_column(std::size_t column, std::span<const std::uint32_t> rows, double weight,
                  TreeSplit& best) {
    const auto bins = table_.column(column);
    const std::size_t last = table_.cuts(column).size() + 1;
    std::fill(bins_.begin(), bins_.begin() + static_cast<std::ptrdiff_t>(last) + 1, Bin{});
    for (std::size_t i = 0; i < rows.size(); ++i) {
      Bin& bin = bins_[bins[rows[i]]];
      bin.score += scores_[i];
      bin.weight += weights_[rows[i]];
    }
    const auto least = static_cast<double>(options_.min_leaf);
    bool possible = false;
    for (const bool missing_left : {true, false}) {
      if (!missing_left && bins_[0].weight == 0) break;
      Bin left = missing_left ? bins_[0] : Bin{};
      for (std::size_t b = 1; b < last; ++b) {
        left.score += bins_[b].score;
        left.weight += bins_[b].weight;
        if (left.weight < least || weight - left.weight < least) continue;
        possible = true;
        const double gain = left.score * left.score / (left.weight * (weight - left.weight));
        // Nothing missing here: what is missing later goes with most rows.
        const bool to_left = bins_[0].weight > 0 ? missing_left : 2 * left.weight >= weight;
        if (gain > best.gain) best = {column, b, to_left, gain};
      }
    }
    return possible;
  }

  // Rows of the left side first, each side in its order; returns where the right one begins.
  std::size_t part(const Pending& node, const TreeSplit& split) {
    const auto bins = table_.column(split.column);
    const auto is_left = [&](std::uint32_t row) {
      return bins[row] == 0 ? split.missing_left : bins[row] <= split.bin;
    };
    const auto begin = rows_.begin() + static_cast<std::ptrdiff_t>(node.from);
    const auto end = rows_.begin() + static_cast<std::ptrdiff_t>(node.to);
    right_.clear();
    auto to = begin;
    for (auto from = begin; from != end; ++from)
      if (is_left(*from))
        *to++ = *from;
      else
        right_.push_back(*from);
    std::copy(right_.begin(), right_.end(), to);
    return static_cast<std::size_t>(to - rows_.begin());
  }

  const Binned& table_;
  std::vector<std::uint32_t> rows_;
  std::span<const std::uint8_t> weights_;
  const GrowTarget& target_;
  const GrowOptions& options_;
  Random& random_;
  std::vector<double> scores_;
  std::vector<std::uint32_t> order_, right_;
  std::array<Bin, Binned::kMost + 2> bins_{};
  Tree tree_;
  std::int32_t leaves_ = 0;
};

}  // namespace

std::size_t Tree::leaf_of(std::span<const float> row) const {
  std::size_t at = 0;
  while (nodes[at].column != TreeNode::kLeaf) {
    const TreeNode& node = nodes[at];
    const float v = row[static_cast<std::size_t>(node.column)];
    const bool left = std::isnan(v) ? node.missing_left : v <= node.cut;
    at = static_cast<std::size_t>(node.next) + (left ? 0 : 1);
  }
  return static_cast<std::size_t>(nodes[at].next);
}

Tree grow(const Binned& table, std::vector<std::uint32_t> rows,
          std::span<const std::uint8_t> weights, const GrowTarget& target,
          const GrowOptions& options, Random& random) {
  return Grower(table, std::move(rows), weights, target, options, random).grow();
}

}  // namespace cangong
