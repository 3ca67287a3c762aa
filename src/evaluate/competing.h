// Competing risks: other causes that end the time before the event can come.
#pragma once

#include <span>
#include <vector>

#include "evaluate/truth.h"

namespace cangong {

// Cumulative incidence of the event at `time` where other causes compete (Aalen and Johansen 1978).
// causes: 0 censored, 1 the event, 2 another cause.
double cumulative_incidence(std::span<const double> days, std::span<const int> causes, double time);

// Targets where causes compete: `left` says who left by another cause, and when; until draw_left()
// `values` says the same. causes: 0 censored, 1 the event, 2 another cause.
Targets competing_targets(std::span<const double> days, std::span<const int> causes);

// Puts `values` on the scale of the subdistribution (Fine and Gray 1999): who left by another cause
// can no longer have the event and stays at risk until they would have been censored. That time is
// drawn from the distribution of censoring beyond their own (Ruan and Gray 2008), so that whatever
// handles censoring (Kaplan-Meier, Cox, trees, networks, every metric) gives cumulative incidences.
// The draw is made from the rows of `y` alone, anew on each call: who is judged has no say in the
// times of those who train. Other targets stay as they are.
void draw_left(Targets& y, std::uint64_t seed);

// For each row the chance of being uncensored just before its time, other causes being no
// censoring; the weights of Fine and Gray are ratios of these.
std::vector<double> uncensored_before(std::span<const double> days, std::span<const double> events,
                                      std::span<const double> left);

}  // namespace cangong
