// How far off answers like this one were, for patients that did not train the model.
#pragma once

#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "decide/range_order.h"
#include "evaluate/interval.h"
#include "evaluate/truth.h"

namespace cangong {

// Answers and truths of patients that the model was not fitted on (cross-validated), or of those
// that only chose how far it goes (tuning).
struct Reliability {
  std::vector<double> value, truth, event;
  double rows_per_patient = 1;  // several rows of a patient count as one
};

// 95 % conformal intervals of values by the errors of the patients whose answers are nearest (a
// tenth, 40 at least). Built once, each takes a few dozen steps, however many patients there are.
class ValueIntervals {
 public:
  explicit ValueIntervals(const Reliability& reliability);
  // NaN ends where the patients are too few for the level.
  Interval around(double value) const;

 private:
  std::vector<double> values_;  // ascending
  RangeOrder errors_;           // in the order of the values
};

// How often it happened to those `rows`, 95 % (Wilson; Kaplan-Meier at the horizon).
// For probabilities and risks.
Interval observed_frequency(std::span<const std::size_t> rows, Answer answer,
                            const Reliability& reliability, double horizon_days);

// 95 %: for a probability or a risk, the observed frequency among the patients with the nearest
// answers (Wilson; Kaplan-Meier at the horizon), widened to hold the answer itself; for a value,
// the conformal interval of their errors (39 patients at least).
Interval interval_around(double value, Answer answer, const Reliability& reliability,
                         double horizon_days);

// The same for many answers: interval_around is its reference. Patients with equal answers count in
// their order. Safe for concurrent use; what was computed once is kept.
class AnswerIntervals {
 public:
  AnswerIntervals(Reliability reliability, Answer answer, double horizon_days);
  Interval around(double value) const;

 private:
  Interval observed(std::size_t from, std::size_t count) const;

  Reliability reliability_;
  Answer answer_;
  double horizon_days_;
  std::vector<double> values_;      // ascending
  std::vector<std::size_t> order_;  // of the patients, by value
  std::optional<ValueIntervals> of_values_;
  mutable std::mutex mutex_;
  mutable std::unordered_map<std::size_t, Interval> known_;  // by the window's begin
};

}  // namespace cangong
