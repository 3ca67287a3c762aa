// Times to an event: Kaplan-Meier, concordance and Brier scores under censoring.
#pragma once

#include <span>
#include <vector>

#include "base/identifier.h"
#include "evaluate/interval.h"

namespace cangong {

// A step function of time that starts at 1: survival, or the chance of being uncensored.
class KaplanMeier {
 public:
  // `events`: 1 where the event (else censoring) ended the time. With Kind::censoring the two
  // change places and, at equal times, events come first.
  enum class Kind { event, censoring };
  KaplanMeier(std::span<const double> days, std::span<const double> events,
              std::span<const double> weights, Kind kind = Kind::event);

  double at(double days) const;      // S(t)
  double before(double days) const;  // S(t-)
  // S(t) with the log-log interval of Kalbfleisch and Prentice on Greenwood's variance.
  Interval with_band(double days, double level = 0.95) const;
  // The same for a given variance of log S(t).
  Interval with_variance(double days, double variance, double level = 0.95) const;
  const std::vector<double>& times() const { return times_; }
  // First time at which survival is 1/2 or less; NaN if never.
  double median() const;

 private:
  std::vector<double> times_, survival_, greenwood_;  // at the times with an event
};

// S(t) at `times` with 95 % intervals where several rows may belong to one patient: Greenwood's
// variance if none does, else that of the grouped infinitesimal jackknife (Therneau and Grambsch
// 2000, 7.2.2) on the same log-log scale.
std::vector<Interval> survival_bands(std::span<const double> days, std::span<const double> events,
                                     std::span<const PatientId> patients,
                                     std::span<const double> times);

// Concordance: the share of usable pairs whose order is right; `risk`: higher = sooner.
class Concordance {
 public:
  Concordance(std::span<const double> risk, std::span<const double> days,
              std::span<const double> events);
  // Harrell et al. 1982; equal risks count one half, pairs of equal times count if one is censored.
  double harrell(std::span<const double> weights) const;
  // Uno et al. 2011: pairs weighted by 1/G(t)^2 and cut at `until`.
  double uno(std::span<const double> weights, const KaplanMeier& censoring, double until) const;

 private:
  double sum_pairs(std::span<const double> weights, std::span<const double> pair_weights) const;
  std::vector<std::uint32_t> order_;  // by ascending time, events before censored
  std::vector<std::uint32_t> rank_;   // of the risk, from 1; equal risks share one
  std::vector<double> days_, events_;
  std::uint32_t ranks_ = 0;
};

// Brier score at time t with inverse-probability-of-censoring weights (Graf et al. 1999).
// `survival`: predicted chance of being event-free at t.
double brier_at(double t, std::span<const double> survival, std::span<const double> days,
                std::span<const double> events, const KaplanMeier& censoring,
                std::span<const double> weights);

// Cumulative/dynamic AUC at time t (Uno et al. 2007): how well `risk` tells those with the event by
// t from those still free of it, cases weighted by 1/G of their time; equal risks count one half.
// NaN without cases or controls.
double auc_at(double t, std::span<const double> risk, std::span<const double> days,
              std::span<const double> events, const KaplanMeier& censoring,
              std::span<const double> weights);

// Mean over a time grid by the trapezoidal rule; `scores[i]` belongs to `times[i]`.
double integrate(std::span<const double> times, std::span<const double> scores);

}  // namespace cangong
