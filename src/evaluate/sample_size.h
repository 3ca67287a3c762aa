// How many patients a model of so many features needs.
#pragma once

#include <cstddef>

namespace cangong {

// The least number of patients for a yes-or-no outcome of the given prevalence (Riley et al. 2020):
// the largest of those for a shrinkage of .9 at most, for an optimism of .05 in Nagelkerke's R2,
// and for the overall risk to within .05. `r2`: the Cox-Snell R2 that is hoped for.
std::size_t least_patients(std::size_t features, double prevalence, double r2);
// 15 % of the largest R2 that the prevalence allows: what Riley et al. take where nothing is known.
double cautious_r2(double prevalence);

}  // namespace cangong
