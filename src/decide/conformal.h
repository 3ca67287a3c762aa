// Split conformal prediction: intervals and sets that hold the truth as often as stated, whatever
// the model, where patients to come are like those of the calibration (exchangeable). Vovk,
// Gammerman and Shafer 2005; Lei et al. 2018; Sadinle, Lei and Wasserman 2019.
#pragma once

#include <span>
#include <vector>

#include "evaluate/interval.h"

namespace cangong {

// Ranks (from 1) of the errors that are the ends of an interval; 0, or beyond `count`, where there
// are too few for the level.
struct ConformalRanks {
  std::size_t low = 0, high = 0;
};
ConformalRanks conformal_ranks(std::size_t count, double level);

// `errors`: truth less answer of patients that did not train the model. An end is infinite where
// there are too few of them for the level.
Interval conformal_interval(double value, std::vector<double> errors, double level);

// The smallest probability that a class of the set may have; `of_truth`: what the model gave the
// true class of patients that did not train it. 0 (all classes) where they are too few for the
// level.
double conformal_threshold(std::vector<double> of_truth, double level);

// Lower bounds of times: of a patient, the first day on which the predicted chance of the event
// reaches `cut`, or `end` where it comes later.
struct SurvivalBound {
  double cut = 0, end = 0;
};
// Calibrated under censoring that does not depend on the patient: the largest cut whose bounds were
// true for a share `level` of the patients, those with the event weighted by 1/G of their time
// (inverse probability of censoring; Gui, Hore, Ren and Barber 2024). `free`: of patients that did
// not train the model, the predicted chance of being free at their own time. `end` is the last time
// at which a twentieth of them would still be followed. A cut of 0 where they are too few.
SurvivalBound survival_bound(std::span<const double> free, std::span<const double> days,
                             std::span<const double> events, double level);

}  // namespace cangong
