// What comes next by Delphi's rates: each possible event has an exponential clock, and the first
// that rings is the next one.
#pragma once

#include <span>
#include <vector>

#include "base/random.h"
#include "model/delphi_network.h"

namespace cangong {

struct DelphiCourse {
  std::vector<std::int32_t> ids;
  std::vector<float> days;  // ages
};

struct DelphiNext {
  std::int32_t id = 0;
  double wait = 0;  // days
};

// Of each id, a day, behind the last event of the course. Nothing that happened happens again, but
// "no event"; sex and lifestyle do not happen.
template <class Real>
std::vector<double> delphi_rates(const DelphiNetwork<Real>& network, const DelphiCourse& course);

// One clock for each id, by the numbers in [0, 1) given; as the official code draws. Nothing rings
// later than in 80 years.
DelphiNext delphi_next_by_clocks(std::span<const double> rates, std::span<const float> uniforms);

// The same law by two numbers: when something happens at all, then which (Gillespie 1976).
DelphiNext delphi_next(std::span<const double> rates, Random& random);

}  // namespace cangong
