#include "model/dataset.h"

#include <algorithm>

namespace cangong {

Dataset Dataset::take(const std::vector<std::size_t>& chosen) const {
  Dataset part;
  part.x = Matrix(chosen.size(), x.columns);
  part.layout = layout;
  part.y.answer = y.answer;
  part.y.classes = y.classes;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const auto from = x.row(chosen[i]);
    std::copy(from.begin(), from.end(), part.x.row(i).begin());
    part.y.values.push_back(y.values[chosen[i]]);
    if (!y.events.empty()) part.y.events.push_back(y.events[chosen[i]]);
    if (!y.left.empty()) part.y.left.push_back(y.left[chosen[i]]);
    if (!patients.empty()) part.patients.push_back(patients[chosen[i]]);
  }
  return part;
}

}  // namespace cangong
