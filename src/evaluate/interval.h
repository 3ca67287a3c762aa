// A number with its confidence interval, by resampling patients.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "base/identifier.h"

namespace cangong {

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// 95 % unless said otherwise. NaN where it is not defined (one class only, no events, ...).
struct Interval {
  double value = 0, low = 0, high = 0;
};

struct NamedInterval {
  std::string name;
  Interval interval;
};

struct BootstrapOptions {
  std::size_t replicates = 1000;
  std::uint64_t seed = 1;
  double level = 0.95;
  std::size_t threads = 1;
};

// Weights by example, one whole number of copies of each patient. `statistics` computes all
// numbers at once from such weights; it must be pure. Percentile intervals (Efron and Tibshirani
// 1993, chapter 13); replicates in which a number is not defined do not count for it.
using Statistics = std::function<void(std::span<const double> weights, std::span<double> out)>;
std::vector<Interval> bootstrap(std::span<const PatientId> patients, std::size_t numbers,
                                const Statistics& statistics, const BootstrapOptions& options);

// What each number is on the examples themselves, and on the replicates in which it is defined.
struct Draws {
  double point = 0;
  std::vector<double> values;
};
std::vector<Draws> bootstrap_draws(std::span<const PatientId> patients, std::size_t numbers,
                                   const Statistics& statistics, const BootstrapOptions& options);
Interval interval_of(Draws draws, double level);

// A share seen in n independent patients (Wilson 1927), 95 %.
Interval wilson(double share, double n);

// Value at quantile q in [0, 1] with linear interpolation (type 7); sorts its input.
double quantile(std::vector<double>& values, double q);

// Observed to expected events, with Byar's approximation of the exact Poisson limits (Breslow and
// Day 1987, 2.3). NaN where nothing was expected.
Interval observed_to_expected(double observed, double expected);

}  // namespace cangong
