// Boosting of shapes: one after the other takes a small step against what is left unexplained.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "evaluate/truth.h"
#include "model/likelihood.h"
#include "model/shape.h"

namespace cangong {

struct BoostOptions {
  double learning_rate = 0.05;
  std::size_t rounds = 1000, patience = 20, min_leaf = 5;
};

// Answers of some rows, with their margins so far. Throws Fault::config for classes.
class Boosted {
 public:
  explicit Boosted(const Targets& y);
  // What every row would be given by itself; 0 for survival.
  double constant() const;
  double loss() const { return likelihood_->loss(margins); }
  // Of each row the first derivative of the log-likelihood and minus the second, as a row alone.
  void slopes(std::vector<double>& gradient, std::vector<double>& curvature) const;

  std::vector<double> margins;

 private:
  Answer answer_;
  std::vector<double> y_, events_;
  std::unique_ptr<Likelihood> likelihood_;
};

// Rows of one side, and in which cell of each shape they lie.
struct BoostSide {
  Boosted& rows;
  const std::vector<std::vector<std::uint16_t>>& cells;  // by shape, then row
};

// Adds to the shapes' values, round after round over all of them, and keeps the best state by the
// loss of `judge`; both sides' margins are then those of that state. `each_round` may throw.
void boost(std::vector<Shape>& shapes, BoostSide learn, BoostSide judge,
           const BoostOptions& options, const std::function<void()>& each_round);

// How much better four values, one for each quarter of a table, explain the slopes than two do that
// know one of the columns only (Lou et al. 2013, section 4).
double quarter_gain(const Shape& table, std::span<const std::uint16_t> cells,
                    std::span<const double> gradient, std::span<const double> curvature);

}  // namespace cangong
