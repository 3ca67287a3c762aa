// Split conformal prediction: intervals and sets that hold the truth as often as stated, whatever
// the model, where patients to come are like those of the calibration (exchangeable). Vovk,
// Gammerman and Shafer 2005; Lei et al. 2018; Sadinle, Lei and Wasserman 2019.
#pragma once

#include <vector>

#include "evaluate/interval.h"

namespace cangong {

// `errors`: truth less answer of patients that did not train the model. An end is infinite where
// there are too few of them for the level.
Interval conformal_interval(double value, std::vector<double> errors, double level);

// The smallest probability that a class of the set may have; `of_truth`: what the model gave the
// true class of patients that did not train it. 0 (all classes) where they are too few for the
// level.
double conformal_threshold(std::vector<double> of_truth, double level);

}  // namespace cangong
