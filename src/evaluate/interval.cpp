#include "evaluate/interval.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "base/parallel.h"
#include "base/progress.h"
#include "base/random.h"

namespace cangong {

Interval wilson(double share, double n) {
  const double z = 1.959964, centre = (share + z * z / (2 * n)) / (1 + z * z / n);
  const double half =
      z * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n);
  return {share, std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

double quantile(std::vector<double>& values, double q) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  const double at = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - static_cast<double>(below)) * (values[above] - values[below]);
}

namespace {

// Patients numbered from 0 in the order of first appearance.
std::vector<std::uint32_t> number_patients(std::span<const PatientId> patients,
                                           std::uint32_t& count) {
  std::unordered_map<PatientId, std::uint32_t> numbers;
  std::vector<std::uint32_t> of_example;
  of_example.reserve(patients.size());
  for (const PatientId patient : patients)
    of_example.push_back(
        numbers.emplace(patient, static_cast<std::uint32_t>(numbers.size())).first->second);
  count = static_cast<std::uint32_t>(numbers.size());
  return of_example;
}

// How often each of `count` patients is drawn in `count` draws; two draws from each random word.
void draw_copies(std::uint32_t count, Random random, std::vector<double>& copies) {
  copies.assign(count, 0.0);
  for (std::uint32_t i = 0; i < count; i += 2) {
    const std::uint64_t word = random.next();
    copies[((word >> 32) * count) >> 32] += 1.0;
    if (i + 1 < count) copies[((word & 0xffffffff) * count) >> 32] += 1.0;
  }
}

}  // namespace

std::vector<Draws> bootstrap_draws(std::span<const PatientId> patients, std::size_t numbers,
                                   const Statistics& statistics, const BootstrapOptions& options) {
  std::vector<double> point(numbers);
  const std::vector<double> ones(patients.size(), 1.0);
  statistics(ones, point);
  std::uint32_t count = 0;
  const auto of_example = number_patients(patients, count);
  const std::size_t rounds = count > 1 ? options.replicates : 0;  // one patient has no spread
  std::vector<double> drawn(rounds * numbers);
  const bool one_each = count == patients.size();  // an example's weight is its patient's
  parallel_for(rounds, options.threads, [&](std::size_t round) {
    stop_if_interrupted();
    thread_local std::vector<double> copies, weights;
    draw_copies(count, Random(options.seed * 0x100000001b3 + round), copies);
    if (!one_each) {
      weights.resize(patients.size());
      for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = copies[of_example[i]];
    }
    statistics(one_each ? copies : weights, {drawn.data() + round * numbers, numbers});
  });
  std::vector<Draws> draws(numbers);
  for (std::size_t k = 0; k < numbers; ++k) {
    draws[k].point = point[k];
    for (std::size_t round = 0; round < rounds; ++round)
      if (const double v = drawn[round * numbers + k]; std::isfinite(v))
        draws[k].values.push_back(v);
  }
  return draws;
}

Interval interval_of(Draws draws, double level) {
  const double none = std::numeric_limits<double>::quiet_NaN();
  if (!std::isfinite(draws.point)) return {draws.point, none, none};
  const double tail = (1 - level) / 2;
  const double low = quantile(draws.values, tail), high = quantile(draws.values, 1 - tail);
  return {draws.point, low, high};
}

std::vector<Interval> bootstrap(std::span<const PatientId> patients, std::size_t numbers,
                                const Statistics& statistics, const BootstrapOptions& options) {
  std::vector<Interval> intervals;
  for (Draws& draws : bootstrap_draws(patients, numbers, statistics, options))
    intervals.push_back(interval_of(std::move(draws), options.level));
  return intervals;
}

Interval observed_to_expected(double observed, double expected) {
  if (!(expected > 0)) return {kNaN, kNaN, kNaN};
  constexpr double kNormal = 1.959964;
  const auto limit = [&](double events, double sign) {
    if (events == 0) return 0.0;
    const double root = 1 - 1 / (9 * events) + sign * kNormal / (3 * std::sqrt(events));
    return events * root * root * root;
  };
  return {observed / expected, limit(observed, -1) / expected, limit(observed + 1, 1) / expected};
}

}  // namespace cangong
