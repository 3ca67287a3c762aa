#include "model/interval_ends.h"

#include <algorithm>

#include "base/error.h"

namespace cangong {

std::vector<double> interval_ends(const Targets& y, std::size_t count) {
  std::vector<double> times;
  for (std::size_t i = 0; i < y.values.size(); ++i)
    if (y.events[i] > 0.5) times.push_back(y.values[i]);
  if (times.empty()) fail(Fault::input, "no event among the training patients");
  std::sort(times.begin(), times.end());
  count = std::min(count, times.size());
  std::vector<double> ends;
  for (std::size_t k = 1; k <= count; ++k) {
    const double end = times[std::min(k * times.size() / count, times.size()) - 1];
    if (ends.empty() || end > ends.back()) ends.push_back(end);
  }
  return ends;
}

}  // namespace cangong
