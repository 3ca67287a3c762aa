#include "decide/conformal.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "evaluate/survival.h"

namespace cangong {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The value of a rank from 1; an end of the line where the rank lies outside.
double of_rank(const std::vector<double>& sorted, double rank) {
  if (rank < 1) return -kInfinity;
  if (rank > static_cast<double>(sorted.size())) return kInfinity;
  return sorted[static_cast<std::size_t>(rank) - 1];
}

}  // namespace

ConformalRanks conformal_ranks(std::size_t count, double level) {
  const double n1 = static_cast<double>(count) + 1, tail = (1 - level) / 2;
  constexpr double kRounding = 1e-9;  // 41 x 0.975 is a whole number in decimals only
  return {static_cast<std::size_t>(std::floor(n1 * tail + kRounding)),
          static_cast<std::size_t>(std::ceil(n1 * (1 - tail) - kRounding))};
}

Interval conformal_interval(double value, std::vector<double> errors, double level) {
  std::sort(errors.begin(), errors.end());
  const auto [low, high] = conformal_ranks(errors.size(), level);
  return {value, value + of_rank(errors, static_cast<double>(low)),
          value + of_rank(errors, static_cast<double>(high))};
}

double conformal_threshold(std::vector<double> of_truth, double level) {
  std::sort(of_truth.begin(), of_truth.end());
  const double rank = std::floor((static_cast<double>(of_truth.size()) + 1) * (1 - level) + 1e-9);
  return std::max(of_rank(of_truth, rank), 0.0);
}

SurvivalBound survival_bound(std::span<const double> free, std::span<const double> days,
                             std::span<const double> events, double level) {
  const std::vector<double> ones(days.size(), 1.0);
  const KaplanMeier censoring(days, events, ones, KaplanMeier::Kind::censoring);
  SurvivalBound bound;
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < free.size(); ++i) {
    if (censoring.before(days[i]) < 0.05) continue;  // beyond the end nobody is missed
    bound.end = std::max(bound.end, days[i]);
    if (events[i] > 0.5) order.push_back(i);
  }
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return free[a] > free[b]; });
  const double allowed = (1 - level) * (static_cast<double>(free.size()) + 1);
  double missed = 1;  // the patient to come counts as missed
  for (const std::size_t i : order) {
    if (missed > allowed + 1e-9) return bound;
    bound.cut = 1 - free[i];
    missed += 1 / censoring.before(days[i]);
  }
  if (missed <= allowed + 1e-9) bound.cut = 1;
  return bound;
}

}  // namespace cangong
