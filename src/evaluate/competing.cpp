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

Targets subdistribution(std::span<const double> days, std::span<const int> causes,
                        std::uint64_t seed) {
  Targets y;
  y.answer = Answer::survival;
  y.values.assign(days.begin(), days.end());
  std::vector<double> ended;
  for (const int cause : causes) {
    y.events.push_back(cause == 1 ? 1 : 0);
    ended.push_back(cause != 0 ? 1 : 0);
  }
  if (std::find(causes.begin(), causes.end(), 2) == causes.end()) return y;
  const KaplanMeier censoring = censoring_of(days, ended);
  const double last = *std::max_element(days.begin(), days.end());
  y.left.assign(days.size(), -1);
  Random random(seed);
  for (std::size_t i = 0; i < days.size(); ++i) {
    const double u =
        random.uniform();  // drawn for all: a row's time does not depend on others' causes
    if (causes[i] != 2) continue;
    y.left[i] = days[i];
    y.values[i] = drawn_censoring(censoring, days[i], u, last);
  }
  return y;
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
