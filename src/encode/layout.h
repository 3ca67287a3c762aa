// How the columns of a table stand together.
#pragma once

#include <cstddef>

namespace cangong {

// Columns [0, facts) stand for themselves. Behind them come `steps` steps of `channels` columns
// each, the latest step first; the first channel of a step says how many days ago it was, missing
// where there is no such step.
struct Layout {
  std::size_t facts = 0, steps = 0, channels = 0;
};

}  // namespace cangong
