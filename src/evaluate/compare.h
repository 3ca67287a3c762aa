// Two models on the same patients: is one better?
#pragma once

#include <string>
#include <vector>

#include "evaluate/assess.h"

namespace cangong {

struct Comparison {
  std::string metric, against;
  Interval difference;  // ours less theirs, with its 95 % interval
  double p = 1;         // of no difference
};

struct Rival {
  std::string name;
  const Scored* scored = nullptr;
};

// Paired: both models are judged on the same resamples of patients. p is two-sided, twice the
// smaller share of resamples on one side of zero (Efron and Tibshirani 1993, chapter 16).
std::vector<Comparison> compare(const Examined& ours, const std::vector<Rival>& rivals,
                                const AssessOptions& options);

}  // namespace cangong
