#include "evaluate/survival.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "evaluate/binary.h"

namespace cangong {
namespace {

std::vector<std::uint32_t> time_order(std::span<const double> days,
                                      std::span<const double> events) {
  std::vector<std::uint32_t> order(days.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return days[a] != days[b] ? days[a] < days[b] : events[a] > events[b];
  });
  return order;
}

// Sums of weights over ranks (Fenwick 1994).
class Fenwick {
 public:
  explicit Fenwick(std::size_t size) : sums_(size + 1, 0.0) {}
  void add(std::size_t rank, double weight) {
    for (; rank < sums_.size(); rank += rank & -rank) sums_[rank] += weight;
  }
  double up_to(std::size_t rank) const {
    double sum = 0;
    for (; rank > 0; rank -= rank & -rank) sum += sums_[rank];
    return sum;
  }

 private:
  std::vector<double> sums_;
};

}  // namespace

KaplanMeier::KaplanMeier(std::span<const double> days, std::span<const double> events,
                         std::span<const double> weights, Kind kind) {
  const auto order = time_order(days, events);
  double at_risk = std::accumulate(weights.begin(), weights.end(), 0.0);
  double survival = 1, greenwood = 0;
  for (std::size_t i = 0; i < order.size();) {
    const double time = days[order[i]];
    double event = 0, censored = 0;
    for (; i < order.size() && days[order[i]] == time; ++i)
      (events[order[i]] > 0.5 ? event : censored) += weights[order[i]];
    // Events come before censoring at the same time, so they have left when censoring is counted.
    const double hit = kind == Kind::event ? event : censored;
    const double exposed = kind == Kind::event ? at_risk : at_risk - event;
    if (hit > 0) {
      survival *= 1 - hit / exposed;
      greenwood += exposed > hit ? hit / (exposed * (exposed - hit)) : 0;
      times_.push_back(time);
      survival_.push_back(survival);
      greenwood_.push_back(greenwood);
    }
    at_risk -= event + censored;
  }
}

double KaplanMeier::at(double days) const {
  const auto after = std::upper_bound(times_.begin(), times_.end(), days) - times_.begin();
  return after ? survival_[static_cast<std::size_t>(after - 1)] : 1.0;
}

double KaplanMeier::before(double days) const {
  const auto after = std::lower_bound(times_.begin(), times_.end(), days) - times_.begin();
  return after ? survival_[static_cast<std::size_t>(after - 1)] : 1.0;
}

Interval KaplanMeier::with_band(double days, double level) const {
  const auto after = std::upper_bound(times_.begin(), times_.end(), days) - times_.begin();
  if (after == 0) return {1, 1, 1};
  const auto i = static_cast<std::size_t>(after - 1);
  return with_variance(days, greenwood_[i], level);
}

Interval KaplanMeier::with_variance(double days, double variance, double level) const {
  const double s = at(days);
  if (s <= 0 || s >= 1) return {s, s, s};
  const double spread =
      normal_quantile(0.5 + level / 2) * std::sqrt(variance) / std::abs(std::log(s));
  return {s, std::pow(s, std::exp(spread)), std::pow(s, std::exp(-spread))};
}

double KaplanMeier::median() const {
  for (std::size_t i = 0; i < times_.size(); ++i)
    if (survival_[i] <= 0.5) return times_[i];
  return kNaN;
}

namespace {

// What each row adds to log S(t): its own event over those at risk, less its share of everyone's.
class Influence {
 public:
  Influence(std::span<const double> days, std::span<const double> events)
      : days_(days), own_(days.size()) {
    std::vector<std::size_t> order(days.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return days[a] < days[b]; });
    double sum = 0;
    for (std::size_t i = 0; i < order.size();) {
      const auto at_risk = static_cast<double>(order.size() - i);
      const double time = days[order[i]];
      double deaths = 0;
      std::size_t j = i;
      for (; j < order.size() && days[order[j]] == time; ++j) deaths += events[order[j]];
      for (; i < j; ++i) own_[order[i]] = events[order[i]] / at_risk;
      if (deaths == 0) continue;
      times_.push_back(time);
      shared_.push_back(sum += deaths / (at_risk * at_risk));
    }
  }
  double of(std::size_t row, double time) const {
    const double until = std::min(time, days_[row]);
    const auto after = std::upper_bound(times_.begin(), times_.end(), until) - times_.begin();
    const double shared = after == 0 ? 0 : shared_[static_cast<std::size_t>(after - 1)];
    return (days_[row] <= time ? own_[row] : 0) - shared;
  }

 private:
  std::span<const double> days_;
  std::vector<double> own_, times_, shared_;
};

}  // namespace

std::vector<Interval> survival_bands(std::span<const double> days, std::span<const double> events,
                                     std::span<const PatientId> patients,
                                     std::span<const double> times) {
  const KaplanMeier km(days, events, std::vector<double>(days.size(), 1.0));
  std::map<PatientId, std::size_t> groups;
  for (const PatientId patient : patients) groups.emplace(patient, groups.size());
  std::vector<Interval> bands;
  if (groups.size() == patients.size()) {
    for (const double time : times) bands.push_back(km.with_band(time));
    return bands;
  }
  std::vector<std::size_t> group;
  for (const PatientId patient : patients) group.push_back(groups.at(patient));
  const Influence influence(days, events);
  for (const double time : times) {
    std::vector<double> sums(groups.size());
    for (std::size_t i = 0; i < group.size(); ++i) sums[group[i]] += influence.of(i, time);
    double variance = 0;
    for (const double sum : sums) variance += sum * sum;
    bands.push_back(km.with_variance(time, variance));
  }
  return bands;
}

Concordance::Concordance(std::span<const double> risk, std::span<const double> days,
                         std::span<const double> events)
    : order_(time_order(days, events)),
      rank_(risk.size()),
      days_(days.begin(), days.end()),
      events_(events.begin(), events.end()) {
  std::vector<double> distinct(risk.begin(), risk.end());
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  ranks_ = static_cast<std::uint32_t>(distinct.size());
  for (std::size_t i = 0; i < risk.size(); ++i)
    rank_[i] = static_cast<std::uint32_t>(
        std::lower_bound(distinct.begin(), distinct.end(), risk[i]) - distinct.begin() + 1);
}

// From the latest time back: those in the tree outlive the current event.
double Concordance::sum_pairs(std::span<const double> weights,
                              std::span<const double> pair_weights) const {
  Fenwick later(ranks_);
  double inside = 0, concordant = 0, usable = 0;
  for (std::size_t end = order_.size(); end > 0;) {
    std::size_t begin = end;
    while (begin > 0 && days_[order_[begin - 1]] == days_[order_[end - 1]]) --begin;
    // Within a tie, censored patients (they stand last) outlive the events.
    std::size_t first_censored = end;
    while (first_censored > begin && events_[order_[first_censored - 1]] < 0.5) --first_censored;
    for (std::size_t k = first_censored; k < end; ++k) {
      later.add(rank_[order_[k]], weights[order_[k]]);
      inside += weights[order_[k]];
    }
    for (std::size_t k = begin; k < first_censored; ++k) {
      const std::uint32_t i = order_[k];
      const double w = weights[i] * pair_weights[i];
      if (w == 0) continue;
      const double below = later.up_to(rank_[i] - 1), equal = later.up_to(rank_[i]) - below;
      concordant += w * (below + 0.5 * equal);
      usable += w * inside;
    }
    for (std::size_t k = begin; k < first_censored; ++k) {
      later.add(rank_[order_[k]], weights[order_[k]]);
      inside += weights[order_[k]];
    }
    end = begin;
  }
  return usable > 0 ? concordant / usable : kNaN;
}

double Concordance::harrell(std::span<const double> weights) const {
  const std::vector<double> ones(weights.size(), 1.0);
  return sum_pairs(weights, ones);
}

double Concordance::uno(std::span<const double> weights, const KaplanMeier& censoring,
                        double until) const {
  std::vector<double> pair_weights(weights.size(), 0.0);
  for (std::size_t i = 0; i < pair_weights.size(); ++i) {
    if (events_[i] < 0.5 || days_[i] >= until) continue;
    const double g = censoring.at(days_[i]);
    if (g > 0) pair_weights[i] = 1 / (g * g);
  }
  return sum_pairs(weights, pair_weights);
}

double brier_at(double t, std::span<const double> survival, std::span<const double> days,
                std::span<const double> events, const KaplanMeier& censoring,
                std::span<const double> weights) {
  const double g_t = censoring.at(t);
  double sum = 0, total = 0;
  for (std::size_t i = 0; i < survival.size(); ++i) {
    total += weights[i];
    if (days[i] <= t && events[i] > 0.5) {
      const double g = censoring.at(days[i]);
      if (g > 0) sum += weights[i] * survival[i] * survival[i] / g;
    } else if (days[i] > t && g_t > 0) {
      sum += weights[i] * (1 - survival[i]) * (1 - survival[i]) / g_t;
    }
  }
  return sum / total;
}

double auc_at(double t, std::span<const double> risk, std::span<const double> days,
              std::span<const double> events, const KaplanMeier& censoring,
              std::span<const double> weights) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < risk.size(); ++i)
    if (weights[i] > 0 && (days[i] > t || events[i] > 0.5)) order.push_back(i);
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return risk[a] < risk[b]; });
  double below = 0, all_cases = 0, right = 0;  // weights of controls so far, of cases, of pairs
  for (std::size_t i = 0; i < order.size();) {
    double controls = 0, cases = 0;
    std::size_t j = i;
    for (; j < order.size() && risk[order[j]] == risk[order[i]]; ++j) {
      const std::size_t row = order[j];
      if (days[row] > t)
        controls += weights[row];
      else if (const double g = censoring.at(days[row]); g > 0)
        cases += weights[row] / g;
    }
    right += cases * (below + controls / 2);
    below += controls;
    all_cases += cases;
    i = j;
  }
  return right / (all_cases * below);
}

double integrate(std::span<const double> times, std::span<const double> scores) {
  if (times.size() < 2) return scores.empty() ? kNaN : scores[0];
  double area = 0;
  for (std::size_t i = 1; i < times.size(); ++i)
    area += (times[i] - times[i - 1]) * (scores[i] + scores[i - 1]) / 2;
  return area / (times.back() - times.front());
}

}  // namespace cangong
