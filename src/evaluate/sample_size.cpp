#include "evaluate/sample_size.h"

#include <algorithm>
#include <cmath>

namespace cangong {
namespace {

double largest_r2(double prevalence) {
  const double null = prevalence * std::log(prevalence) +
                      (1 - prevalence) * std::log(1 - prevalence);  // log-likelihood of a patient
  return 1 - std::exp(2 * null);
}

double patients_for(double features, double shrinkage, double r2) {
  return features / ((shrinkage - 1) * std::log(1 - r2 / shrinkage));
}

}  // namespace

std::size_t least_patients(std::size_t features, double prevalence, double r2) {
  const auto k = static_cast<double>(features);
  const double optimism = r2 / (r2 + 0.05 * largest_r2(prevalence));
  const double overall = std::pow(1.96 / 0.05, 2) * prevalence * (1 - prevalence);
  const double most = std::max({patients_for(k, 0.9, r2), patients_for(k, optimism, r2), overall});
  return static_cast<std::size_t>(std::ceil(most));
}

double cautious_r2(double prevalence) {
  return 0.15 * largest_r2(prevalence);
}

}  // namespace cangong
