// Every patient judged by models that saw neither them nor, for tuning, the next fold.
#pragma once

#include <vector>

#include "train/fitter.h"

namespace cangong {

// 20 days between the 5th and the 90th percentile of the event times.
std::vector<double> time_grid(const Targets& y);

// Folds that are done are kept in the context's work folder: an interrupted validation goes on
// after the last of them.
OutOfFold cross_validate(const TrainInput& input, const Examples& examples,
                         const TrainContext& context);

}  // namespace cangong
