#include "decide/uncertainty.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "decide/conformal.h"
#include "evaluate/survival.h"

namespace cangong {
namespace {

std::size_t how_many(std::size_t patients) {
  return std::min(patients, std::max<std::size_t>(40, patients / 10));
}

// In ascending order of the answers.
std::vector<std::size_t> by_value(const Reliability& r) {
  std::vector<std::size_t> order(r.value.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return r.value[a] < r.value[b]; });
  return order;
}

std::vector<double> errors_by_value(const Reliability& r) {
  std::vector<double> errors;
  for (const std::size_t i : by_value(r)) errors.push_back(r.truth[i] - r.value[i]);
  return errors;
}

// The patients whose answers are nearest: a tenth, 40 at least.
std::vector<std::size_t> nearest(double value, const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t count = how_many(values.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](std::size_t a, std::size_t b) {
                      const double da = std::abs(values[a] - value);
                      const double db = std::abs(values[b] - value);
                      return da != db ? da < db : a < b;
                    });
  order.resize(count);
  return order;
}

}  // namespace

namespace {

// Where the `count` nearest of ascending values begin: they are neighbours.
std::size_t window(double value, const std::vector<double>& values, std::size_t count) {
  std::size_t from = 0, last = values.size() - count;
  while (from < last) {
    const std::size_t middle = (from + last) / 2;
    if (value - values[middle] > values[middle + count] - value)
      from = middle + 1;
    else
      last = middle;
  }
  return from;
}

}  // namespace

ValueIntervals::ValueIntervals(const Reliability& r) : errors_(errors_by_value(r)) {
  for (const std::size_t i : by_value(r)) values_.push_back(r.value[i]);
}

Interval ValueIntervals::around(double value) const {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::size_t count = how_many(values_.size()), from = window(value, values_, count);
  const auto [low, high] = conformal_ranks(count, 0.95);
  if (low < 1 || high > count) return {value, nan, nan};
  const double below = value + errors_.kth(from, from + count, low - 1);
  const double above = value + errors_.kth(from, from + count, high - 1);
  return {value, std::min(below, value), std::max(above, value)};
}

Interval observed_frequency(std::span<const std::size_t> rows, Answer answer, const Reliability& r,
                            double horizon_days) {
  const double n = static_cast<double>(rows.size()) / r.rows_per_patient;
  if (answer != Answer::survival) {
    double events = 0;
    for (const std::size_t i : rows) events += r.truth[i];
    return wilson(events / static_cast<double>(rows.size()), n);
  }
  std::vector<double> days, events;
  for (const std::size_t i : rows) days.push_back(r.truth[i]), events.push_back(r.event[i]);
  const KaplanMeier km(days, events, std::vector<double>(days.size(), 1.0));
  const Interval s = km.with_band(horizon_days);
  // Without events (or survivors) Greenwood's variance is 0: count those still followed instead.
  double followed = 0;
  for (const double d : days) followed += d >= horizon_days;
  const bool flat = s.value <= 0 || s.value >= 1;
  return flat ? wilson(1 - s.value, std::max(followed / r.rows_per_patient, 1.0))
              : Interval{1 - s.value, 1 - s.high, 1 - s.low};
}

Interval interval_around(double value, Answer answer, const Reliability& r, double horizon_days) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  if (r.value.size() < 10) return {value, nan, nan};
  if (answer == Answer::real) return ValueIntervals(r).around(value);
  const Interval observed = observed_frequency(nearest(value, r.value), answer, r, horizon_days);
  return {value, std::min(value, observed.low), std::max(value, observed.high)};
}

AnswerIntervals::AnswerIntervals(Reliability reliability, Answer answer, double horizon_days)
    : reliability_(std::move(reliability)), answer_(answer), horizon_days_(horizon_days) {
  if (reliability_.value.size() < 10) return;
  if (answer == Answer::real) {
    of_values_.emplace(reliability_);
    return;
  }
  order_ = by_value(reliability_);
  for (const std::size_t i : order_) values_.push_back(reliability_.value[i]);
}

Interval AnswerIntervals::observed(std::size_t from, std::size_t count) const {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = known_.find(from); found != known_.end()) return found->second;
  }
  const Interval interval = observed_frequency(std::span(order_).subspan(from, count), answer_,
                                               reliability_, horizon_days_);
  const std::lock_guard lock(mutex_);
  return known_.emplace(from, interval).first->second;
}

Interval AnswerIntervals::around(double value) const {
  if (of_values_) return of_values_->around(value);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  if (values_.empty()) return {value, nan, nan};
  const std::size_t count = how_many(values_.size());
  const Interval seen = observed(window(value, values_, count), count);
  return {value, std::min(value, seen.low), std::max(value, seen.high)};
}

}  // namespace cangong
