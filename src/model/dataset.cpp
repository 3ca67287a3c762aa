#include "model/dataset.h"

#include <algorithm>
#include <cmath>

namespace cangong {

Dataset Dataset::take(const std::vector<std::size_t>& chosen) const {
  Dataset part;
  part.x = Matrix(chosen.size(), x.columns);
  part.layout = layout;
  part.y = y.take(chosen);
  for (const FurtherTargets& one : also) part.also.push_back({one.task, one.y.take(chosen)});
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const auto from = x.row(chosen[i]);
    std::copy(from.begin(), from.end(), part.x.row(i).begin());
    if (!patients.empty()) part.patients.push_back(patients[chosen[i]]);
  }
  return part;
}

Dataset Dataset::of_further(std::size_t task) const {
  std::vector<std::size_t> known;
  const Targets& further = also[task].y;
  for (std::size_t i = 0; i < further.values.size(); ++i)
    if (!std::isnan(further.values[i])) known.push_back(i);
  Dataset part = take(known);
  part.y = further.take(known);
  part.also.clear();
  return part;
}

}  // namespace cangong
