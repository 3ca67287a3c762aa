// Moments of invented records, in days since 1970.
#pragma once

#include <cmath>

#include "base/time.h"

namespace cangong {

inline Time day(double n) {
  return Time(Duration(std::llround(n * 86400e6)));
}

}  // namespace cangong
