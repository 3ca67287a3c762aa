#include "model/boost_shapes.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"

namespace cangong {
namespace {

// Sums over the rows of a cell, a bin or a side.
struct Sums {
  double gradient = 0, curvature = 0, rows = 0;
  Sums& operator+=(const Sums& o) {
    gradient += o.gradient, curvature += o.curvature, rows += o.rows;
    return *this;
  }
  Sums operator-(const Sums& o) const {
    return {gradient - o.gradient, curvature - o.curvature, rows - o.rows};
  }
  double step() const { return gradient / (curvature + 1e-3); }
  double gain() const { return gradient * gradient / (curvature + 1e-3); }
};

using Histogram = std::vector<Sums>;

Histogram histogram(std::size_t cells, std::span<const std::uint16_t> cell_of,
                    std::span<const double> gradient, std::span<const double> curvature) {
  Histogram sums(cells);
  for (std::size_t i = 0; i < cell_of.size(); ++i) {
    Sums& s = sums[cell_of[i]];
    s.gradient += gradient[i];
    s.curvature += curvature[i];
    s.rows += 1;
  }
  return sums;
}

struct Split {
  std::size_t at = 0;  // the first bin of the right side; 0: none
  double gain = 0;
};

// Of bins [from, to).
Split best_split(const Histogram& sums, std::size_t from, std::size_t to, std::size_t min_leaf) {
  Sums all, left;
  for (std::size_t b = from; b < to; ++b) all += sums[b];
  Split best;
  for (std::size_t b = from; b + 1 < to; ++b) {
    left += sums[b];
    const Sums right = all - left;
    const auto least = static_cast<double>(min_leaf);
    if (left.rows < least || right.rows < least) continue;
    const double gain = left.gain() + right.gain() - all.gain();
    if (gain > best.gain) best = {b + 1, gain};
  }
  return best;
}

// A step with three values at most, and one for missing values: what each bin is moved by.
std::vector<double> curve_step(const Histogram& sums, std::size_t min_leaf) {
  const std::size_t bins = sums.size();
  std::vector<std::size_t> ends{1, bins};
  for (int split = 0; split < 2; ++split) {
    Split best;
    for (std::size_t k = 0; k + 1 < ends.size(); ++k)
      if (const Split one = best_split(sums, ends[k], ends[k + 1], min_leaf); one.gain > best.gain)
        best = one;
    if (best.at == 0) break;
    ends.insert(std::upper_bound(ends.begin(), ends.end(), best.at), best.at);
  }
  std::vector<double> step(bins);
  if (sums[0].rows >= static_cast<double>(min_leaf)) step[0] = sums[0].step();
  for (std::size_t k = 0; k + 1 < ends.size(); ++k) {
    Sums leaf;
    for (std::size_t b = ends[k]; b < ends[k + 1]; ++b) leaf += sums[b];
    std::fill(step.begin() + static_cast<std::ptrdiff_t>(ends[k]),
              step.begin() + static_cast<std::ptrdiff_t>(ends[k + 1]), leaf.step());
  }
  return step;
}

// Of a table: sums over the cells before (r, c) in both directions.
struct Corners {
  std::size_t rows, columns;
  Histogram before;  // (rows + 1) x (columns + 1)

  Corners(const Histogram& sums, std::size_t rows, std::size_t columns)
      : rows(rows), columns(columns), before((rows + 1) * (columns + 1)) {
    for (std::size_t r = 0; r < rows; ++r) {
      Sums line;
      for (std::size_t c = 0; c < columns; ++c) {
        line += sums[r * columns + c];
        Sums& to = before[(r + 1) * (columns + 1) + c + 1];
        to = before[r * (columns + 1) + c + 1];
        to += line;
      }
    }
  }
  const Sums& at(std::size_t r, std::size_t c) const { return before[r * (columns + 1) + c]; }
  // Low-low, low-high, high-low, high-high.
  std::array<Sums, 4> quarters(std::size_t r, std::size_t c) const {
    const Sums low = at(r, columns), left = at(rows, c), corner = at(r, c);
    const Sums all = at(rows, columns);
    return {corner, low - corner, left - corner, all - low - left - (Sums{} - corner)};
  }
};

struct Cross {
  std::size_t row = 0, column = 0;  // 0: none
  double gain = 0;
};

Cross best_cross(const Corners& corners, std::size_t min_leaf) {
  const Sums all = corners.at(corners.rows, corners.columns);
  Cross best;
  for (std::size_t r = 1; r < corners.rows; ++r)
    for (std::size_t c = 1; c < corners.columns; ++c) {
      double gain = -all.gain(), least = all.rows;
      for (const Sums& quarter : corners.quarters(r, c)) {
        gain += quarter.gain();
        least = std::min(least, quarter.rows);
      }
      if (least >= static_cast<double>(min_leaf) && gain > best.gain) best = {r, c, gain};
    }
  return best;
}

std::vector<double> table_step(const Shape& shape, const Histogram& sums, std::size_t min_leaf) {
  const std::size_t rows = shape.bins(0), columns = shape.bins(1);
  const Corners corners(sums, rows, columns);
  const Cross cross = best_cross(corners, min_leaf);
  std::vector<double> step(sums.size());
  if (cross.row == 0) return step;
  const auto quarters = corners.quarters(cross.row, cross.column);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c)
      step[r * columns + c] = quarters[(r >= cross.row) * 2 + (c >= cross.column)].step();
  return step;
}

void move(std::vector<double>& margins, std::span<const std::uint16_t> cells,
          const std::vector<double>& step) {
  for (std::size_t i = 0; i < margins.size(); ++i) margins[i] += step[cells[i]];
}

}  // namespace

Boosted::Boosted(const Targets& y) : answer_(y.answer), y_(y.values), events_(y.events) {
  if (y.answer == Answer::category)
    fail(Fault::config, "model ebm answers yes or no, values and survival, not classes; use trees");
  if (answer_ == Answer::real) likelihood_ = gaussian_likelihood(y.values);
  if (answer_ == Answer::boolean) likelihood_ = logistic_likelihood(y.values, {});
  if (answer_ == Answer::survival)
    likelihood_ = cox_likelihood(y.values, y.events, Ties::breslow, y.left);
  margins.assign(y.values.size(), constant());
}

double Boosted::constant() const {
  if (answer_ == Answer::survival || y_.empty()) return 0;
  double mean = 0;
  for (const double v : y_) mean += v / static_cast<double>(y_.size());
  if (answer_ == Answer::real) return mean;
  const double half = 0.5 / static_cast<double>(y_.size());  // a draw may hold no event
  mean = std::clamp(mean, half, 1 - half);
  return std::log(mean / (1 - mean));
}

void Boosted::slopes(std::vector<double>& gradient, std::vector<double>& curvature) const {
  const std::size_t n = margins.size();
  gradient.resize(n);
  curvature.resize(n);
  likelihood_->residuals(margins, gradient);
  for (std::size_t i = 0; i < n; ++i) {
    gradient[i] *= static_cast<double>(n);
    const double expected = (answer_ == Answer::survival ? events_[i] : y_[i]) - gradient[i];
    curvature[i] = answer_ == Answer::real      ? 1
                   : answer_ == Answer::boolean ? expected * (1 - expected)
                                                : std::max(expected, 0.0);  // cumulative hazard
  }
}

void boost(std::vector<Shape>& shapes, BoostSide learn, BoostSide judge,
           const BoostOptions& options, const std::function<void()>& each_round) {
  double best = judge.rows.loss();
  std::vector<Shape> best_shapes = shapes;
  auto best_learn = learn.rows.margins, best_judge = judge.rows.margins;
  std::vector<double> gradient, curvature;
  std::size_t idle = 0;
  for (std::size_t round = 0; round < options.rounds && idle < options.patience; ++round) {
    each_round();
    for (std::size_t s = 0; s < shapes.size(); ++s) {
      Shape& shape = shapes[s];
      learn.rows.slopes(gradient, curvature);
      const Histogram sums = histogram(shape.cells(), learn.cells[s], gradient, curvature);
      std::vector<double> step = shape.columns.size() == 1
                                     ? curve_step(sums, options.min_leaf)
                                     : table_step(shape, sums, options.min_leaf);
      for (double& v : step) v = options.learning_rate * std::clamp(v, -4.0, 4.0);
      for (std::size_t c = 0; c < step.size(); ++c) shape.values[c] += step[c];
      move(learn.rows.margins, learn.cells[s], step);
      move(judge.rows.margins, judge.cells[s], step);
    }
    const double loss = judge.rows.loss();
    ++idle;
    if (loss >= best - 1e-7 * std::abs(best)) continue;
    best = loss, idle = 0;
    best_shapes = shapes;
    best_learn = learn.rows.margins, best_judge = judge.rows.margins;
  }
  shapes = std::move(best_shapes);
  learn.rows.margins = std::move(best_learn);
  judge.rows.margins = std::move(best_judge);
}

double quarter_gain(const Shape& table, std::span<const std::uint16_t> cells,
                    std::span<const double> gradient, std::span<const double> curvature) {
  const Corners corners(histogram(table.cells(), cells, gradient, curvature), table.bins(0),
                        table.bins(1));
  const Cross cross = best_cross(corners, 5);
  if (cross.row == 0) return 0;
  const Sums all = corners.at(corners.rows, corners.columns);
  const Sums low = corners.at(cross.row, corners.columns);
  const Sums left = corners.at(corners.rows, cross.column);
  const double by_row = low.gain() + (all - low).gain() - all.gain();
  const double by_column = left.gain() + (all - left).gain() - all.gain();
  return cross.gain - by_row - by_column;
}

}  // namespace cangong
