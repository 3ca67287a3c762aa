#include "decide/uncertainty.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "decide/conformal.h"
#include "evaluate/survival.h"

namespace cangong {
namespace {

// The patients whose answers are nearest: a tenth, 40 at least.
std::vector<std::size_t> nearest(double value, const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t count = std::min(values.size(), std::max<std::size_t>(40, values.size() / 10));
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

Interval interval_around(double value, Answer answer, const Reliability& r, double horizon_days) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  if (r.value.size() < 10) return {value, nan, nan};
  const auto alike = nearest(value, r.value);
  const double n = static_cast<double>(alike.size()) / r.rows_per_patient;
  if (answer == Answer::real) {
    std::vector<double> errors;
    for (const std::size_t i : alike) errors.push_back(r.truth[i] - r.value[i]);
    const Interval i = conformal_interval(value, errors, 0.95);
    if (!std::isfinite(i.low) || !std::isfinite(i.high)) return {value, nan, nan};
    return {value, std::min(i.low, value), std::max(i.high, value)};
  }
  Interval observed;
  if (answer == Answer::survival) {
    std::vector<double> days, events;
    for (const std::size_t i : alike) days.push_back(r.truth[i]), events.push_back(r.event[i]);
    const KaplanMeier km(days, events, std::vector<double>(days.size(), 1.0));
    const Interval s = km.with_band(horizon_days);
    // Without events (or survivors) Greenwood's variance is 0: count those still followed instead.
    double followed = 0;
    for (const double d : days) followed += d >= horizon_days;
    const bool flat = s.value <= 0 || s.value >= 1;
    observed = flat ? wilson(1 - s.value, std::max(followed / r.rows_per_patient, 1.0))
                    : Interval{1 - s.value, 1 - s.high, 1 - s.low};
  } else {
    double events = 0;
    for (const std::size_t i : alike) events += r.truth[i];
    observed = wilson(events / static_cast<double>(alike.size()), n);
  }
  return {value, std::min(value, observed.low), std::max(value, observed.high)};
}

}  // namespace cangong
