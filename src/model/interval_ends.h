// The intervals of discrete-time survival.
#pragma once

#include <vector>

#include "evaluate/truth.h"

namespace cangong {

// At most `count` ends, ascending, of intervals that hold about the same number of events each; the
// last one is the last event. Throws Fault::input where there is no event.
std::vector<double> interval_ends(const Targets& y, std::size_t count);

}  // namespace cangong
