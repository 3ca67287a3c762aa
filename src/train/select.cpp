#include "train/select.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "evaluate/survival.h"

namespace cangong {
namespace {

// The share of pairs whose order the scores get right, as a distance from 1/2. For classes, the
// order of the class numbers would mean nothing: each class against the rest.
class Association {
 public:
  explicit Association(const Targets& y) : y_(y), ones_(y.values.size(), 1.0) {}

  double of(const std::vector<double>& scores) const {
    if (y_.answer != Answer::category) return of(scores, y_.values);
    double most = 0;
    std::vector<double> is_class(scores.size());
    for (std::size_t k = 0; k < y_.classes.size(); ++k) {
      for (std::size_t i = 0; i < scores.size(); ++i)
        is_class[i] = y_.values[i] == static_cast<double>(k);
      most = std::max(most, of(scores, is_class));
    }
    return most;
  }

 private:
  // An answer that is seen is a time with an event.
  double of(const std::vector<double>& scores, const std::vector<double>& times) const {
    const auto& events = y_.answer == Answer::survival ? y_.events : ones_;
    const double area = Concordance(scores, times, events).harrell(ones_);
    return std::isfinite(area) ? std::abs(area - 0.5) : 0;
  }

  const Targets& y_;
  std::vector<double> ones_;
};

}  // namespace

std::vector<std::size_t> select_columns(const Dataset& train, const SelectOptions& options) {
  std::vector<std::size_t> columns(train.x.columns);
  std::iota(columns.begin(), columns.end(), std::size_t{0});
  if (options.keep == 0 || options.keep >= columns.size()) return columns;
  const Association association(train.y);
  std::vector<double> strength, values(train.rows()), there(train.rows());
  for (const std::size_t j : columns) {
    double sum = 0, count = 0;
    for (std::size_t i = 0; i < train.rows(); ++i) {
      const float v = train.x.at(i, j);
      there[i] = !std::isnan(v);
      values[i] = v;
      if (there[i] > 0) sum += v, ++count;
    }
    for (std::size_t i = 0; i < train.rows(); ++i)
      if (there[i] == 0) values[i] = count > 0 ? sum / count : 0;
    strength.push_back(std::max(association.of(values), count < static_cast<double>(train.rows())
                                                            ? association.of(there)
                                                            : 0.0));
  }
  std::stable_sort(columns.begin(), columns.end(),
                   [&](std::size_t a, std::size_t b) { return strength[a] > strength[b]; });
  columns.resize(options.keep);
  std::sort(columns.begin(), columns.end());
  return columns;
}

}  // namespace cangong
