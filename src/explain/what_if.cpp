#include "explain/what_if.h"

#include <algorithm>
#include <cmath>

#include "evaluate/interval.h"

namespace cangong {
namespace {

constexpr std::size_t kMostPoints = 21;

std::vector<float> sorted_values(const Matrix& background, std::size_t column) {
  std::vector<float> values;
  for (std::size_t b = 0; b < background.rows; ++b)
    if (!std::isnan(background.at(b, column))) values.push_back(background.at(b, column));
  std::sort(values.begin(), values.end());
  return values;
}

// Distinct values at even ranks between the 5th and the 95th percentile.
std::vector<float> supported(const Matrix& background, std::size_t column) {
  const auto values = sorted_values(background, column);
  if (values.empty()) return {};
  const double low = 0.05 * static_cast<double>(values.size() - 1), high = 19 * low;
  std::vector<float> points;
  for (std::size_t k = 0; k < kMostPoints; ++k) {
    const double rank = low + (high - low) * static_cast<double>(k) / (kMostPoints - 1);
    points.push_back(values[static_cast<std::size_t>(std::lround(rank))]);
  }
  points.erase(std::unique(points.begin(), points.end()), points.end());
  return points;
}

double spread(const Matrix& background, std::size_t column) {
  const auto values = sorted_values(background, column);
  double sum = 0, squares = 0;
  for (const float v : values) sum += v, squares += static_cast<double>(v) * v;
  const auto n = static_cast<double>(std::max<std::size_t>(values.size(), 1));
  const double variance = squares / n - sum / n * (sum / n);
  return variance > 0 ? std::sqrt(variance) : 1;
}

// One possible step: a column to a value.
struct Step {
  Change change;
  double distance = 0;
};

std::vector<Step> steps_of(std::span<const float> row, const Matrix& background,
                           std::span<const std::size_t> columns) {
  std::vector<Step> steps;
  for (const std::size_t column : columns) {
    if (std::isnan(row[column])) continue;
    const double scale = spread(background, column);
    for (const float value : supported(background, column))
      if (value != row[column])
        steps.push_back({{column, row[column], value}, std::abs(value - row[column]) / scale});
  }
  return steps;
}

// The answers after each set of steps.
std::vector<double> after(const Answers& answers, std::span<const float> row,
                          const std::vector<std::vector<Step>>& sets) {
  Matrix x(sets.size(), row.size());
  for (std::size_t i = 0; i < sets.size(); ++i) {
    std::copy(row.begin(), row.end(), x.row(i).begin());
    for (const Step& step : sets[i]) x.at(i, step.change.column) = step.change.to;
  }
  return answers(x);
}

// The nearest set that reaches the target.
std::optional<SmallestChange> nearest(const std::vector<std::vector<Step>>& sets,
                                      const std::vector<double>& reached, double target,
                                      double now) {
  std::optional<SmallestChange> best;
  double least = 0;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    if (now > target ? reached[i] > target : reached[i] < target) continue;
    double distance = 0;
    for (const Step& step : sets[i]) distance += step.distance;
    if (best && distance >= least) continue;
    least = distance;
    best.emplace().answer = reached[i];
    for (const Step& step : sets[i]) best->changes.push_back(step.change);
  }
  return best;
}

}  // namespace

std::vector<WhatIfPoint> what_if(const Answers& answers, std::span<const float> row,
                                 const Matrix& background, std::size_t column) {
  const auto values = supported(background, column);
  std::vector<std::vector<Step>> sets;
  for (const float value : values) sets.push_back({{{column, row[column], value}, 0}});
  const auto told = after(answers, row, sets);
  std::vector<WhatIfPoint> points;
  for (std::size_t i = 0; i < values.size(); ++i) points.push_back({values[i], told[i]});
  return points;
}

std::vector<DependencePoint> dependence(const Answers& answers, const Matrix& background,
                                        std::size_t column) {
  std::vector<DependencePoint> points;
  for (const float value : supported(background, column)) {
    Matrix x = background;
    for (std::size_t b = 0; b < x.rows; ++b) x.at(b, column) = value;
    std::vector<double> told = answers(x);
    DependencePoint point{value, 0, 0, 0};
    for (const double answer : told) point.mean += answer / static_cast<double>(told.size());
    point.low = quantile(told, 0.1);
    point.high = quantile(told, 0.9);
    points.push_back(point);
  }
  return points;
}

std::optional<SmallestChange> smallest_change(const Answers& answers, std::span<const float> row,
                                              const Matrix& background,
                                              std::span<const std::size_t> columns, double target) {
  const double now = after(answers, row, {{}}).front();
  if (now == target) return SmallestChange{{}, now};
  std::vector<std::vector<Step>> single;
  for (const Step& step : steps_of(row, background, columns)) single.push_back({step});
  if (single.empty()) return std::nullopt;
  const auto reached = after(answers, row, single);
  if (auto found = nearest(single, reached, target, now)) return found;
  // Pairs of the steps that help most: at most 60 of them.
  std::vector<std::size_t> order(single.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return now > target ? reached[a] < reached[b] : reached[a] > reached[b];
  });
  order.resize(std::min<std::size_t>(order.size(), 60));
  std::vector<std::vector<Step>> pairs;
  for (std::size_t a = 0; a < order.size(); ++a)
    for (std::size_t b = a + 1; b < order.size(); ++b) {
      const Step &one = single[order[a]][0], &two = single[order[b]][0];
      if (one.change.column != two.change.column) pairs.push_back({one, two});
    }
  return pairs.empty() ? std::nullopt : nearest(pairs, after(answers, row, pairs), target, now);
}

}  // namespace cangong
