#include "evaluate/competing.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "base/random.h"
#include "evaluate/survival.h"

namespace cangong {
namespace {

// Of being censored; causes of any kind are events, and come first at equal times.
KaplanMeier censoring_of(std::span<const double> days, std::span<const double> ended) {
  return {days, ended, std::vector<double>(days.size(), 1.0), KaplanMeier::Kind::censoring};
}

// The first time from `after` on at which a share of `u` of those uncensored until then is left.
double drawn_censoring(const KaplanMeier& censoring, double after, double u, double last) {
  const double target = u * censoring.before(after);
  const auto& times = censoring.times();
  auto low = std::lower_bound(times.begin(), times.end(), after);
  const auto found = std::partition_point(low, times.end(),
                                          [&](double time) { return censoring.at(time) > target; });
  return found == times.end() ? last : *found;
}

}  // namespace

double cumulative_incidence(std::span<const double> days, std::span<const int> causes,
                            double time) {
  std::vector<std::size_t> order(days.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return days[a] < days[b]; });
  double free = 1, incidence = 0;
  for (std::size_t i = 0; i < order.size() && days[order[i]] <= time;) {
    const auto at_risk = static_cast<double>(order.size() - i);
    const double now = days[order[i]];
    double events = 0, others = 0;
    for (; i < order.size() && days[order[i]] == now; ++i) {
      events += causes[order[i]] == 1;
      others += causes[order[i]] == 2;
    }
    incidence += free * events / at_risk;
    free *= 1 - (events + others) / at_risk;
  }
  return incidence;
}

Targets competing_targets(std::span<const double> days, std::span<const int> causes) {
  Targets y;
  y.answer = Answer::survival;
  y.values.assign(days.begin(), days.end());
  for (const int cause : causes) y.events.push_back(cause == 1 ? 1 : 0);
  if (std::find(causes.begin(), causes.end(), 2) == causes.end()) return y;
  for (std::size_t i = 0; i < causes.size(); ++i) y.left.push_back(causes[i] == 2 ? days[i] : -1);
  return y;
}

void draw_left(Targets& y, std::uint64_t seed) {
  if (y.left.empty()) return;
  std::vector<double> ended(y.events);
  for (std::size_t i = 0; i < y.left.size(); ++i)
    if (y.left[i] >= 0) y.values[i] = y.left[i], ended[i] = 1;
  const std::vector<double> days = y.values;
  const KaplanMeier censoring = censoring_of(days, ended);
  const double last = days.empty() ? 0 : *std::max_element(days.begin(), days.end());
  Random random(seed);
  for (std::size_t i = 0; i < days.size(); ++i) {
    const double u =
        random.uniform();  // one for each row, so that a row's does not depend on others
    if (y.left[i] >= 0) y.values[i] = drawn_censoring(censoring, days[i], u, last);
  }
}

std::vector<double> uncensored_before(std::span<const double> days, std::span<const double> events,
                                      std::span<const double> left) {
  std::vector<double> times(days.begin(), days.end()), ended(events.begin(), events.end());
  for (std::size_t i = 0; i < left.size(); ++i)
    if (left[i] >= 0) times[i] = left[i], ended[i] = 1;
  const KaplanMeier censoring = censoring_of(times, ended);
  for (double& time : times) time = censoring.before(time);
  return times;
}

}  // namespace cangong
