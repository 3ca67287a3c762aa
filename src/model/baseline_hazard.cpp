#include "model/baseline_hazard.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "evaluate/competing.h"

namespace cangong {

using Json = nlohmann::ordered_json;

BaselineHazard::BaselineHazard(std::span<const double> margins, std::span<const double> observed,
                               std::span<const double> events, std::span<const double> left) {
  std::vector<double> days(observed.begin(), observed.end()), uncensored;
  if (!left.empty()) uncensored = uncensored_before(observed, events, left);
  double kept =
      0;  // of those who left by another cause before the time: exp(margin) / G(their time)
  for (std::size_t i = 0; i < left.size(); ++i)
    if (left[i] >= 0) days[i] = left[i], kept += std::exp(margins[i]) / uncensored[i];
  std::vector<std::size_t> order(days.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return days[a] > days[b]; });
  double at_risk = 0;
  for (std::size_t i = 0; i < order.size();) {
    const std::size_t first = order[i];
    double deaths = 0;
    for (; i < order.size() && days[order[i]] == days[first]; ++i) {
      const std::size_t row = order[i];
      at_risk += std::exp(margins[row]);
      deaths += events[row] > 0.5 ? 1 : 0;
      if (!left.empty() && left[row] >= 0) kept -= std::exp(margins[row]) / uncensored[row];
    }
    const double later = left.empty() ? 0 : uncensored[first] * std::max(kept, 0.0);
    if (deaths > 0) times_.push_back(days[first]), hazard_.push_back(deaths / (at_risk + later));
  }
  std::reverse(times_.begin(), times_.end());
  std::reverse(hazard_.begin(), hazard_.end());
  std::partial_sum(hazard_.begin(), hazard_.end(), hazard_.begin());
}

double BaselineHazard::cumulative(double days) const {
  const auto after = std::upper_bound(times_.begin(), times_.end(), days) - times_.begin();
  return after ? hazard_[static_cast<std::size_t>(after - 1)] : 0;
}

double BaselineHazard::survival(double days, double margin) const {
  return std::exp(-cumulative(days) * std::exp(margin));
}

std::string BaselineHazard::save() const {
  return Json{{"times", times_}, {"hazard", hazard_}}.dump();
}

BaselineHazard BaselineHazard::load(const std::string& saved) {
  const Json json = Json::parse(saved);
  BaselineHazard baseline;
  baseline.times_ = json.at("times").get<std::vector<double>>();
  baseline.hazard_ = json.at("hazard").get<std::vector<double>>();
  return baseline;
}

}  // namespace cangong
