#include "model/delphi_future.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace cangong {

template <class Real>
std::vector<double> delphi_rates(const DelphiNetwork<Real>& network, const DelphiCourse& course) {
  ensure(!course.ids.empty() && course.ids.size() == course.days.size(), "a course has events");
  DelphiBatch batch;
  batch.people = 1, batch.length = course.ids.size();
  batch.tokens = course.ids, batch.ages = course.days;
  const auto output = network.forward(batch, DelphiTies::seen);
  const std::size_t vocabulary = output.logits.size() / batch.length;
  const Real* last = &output.logits[output.logits.size() - vocabulary];
  std::vector<double> rates(vocabulary);
  for (std::size_t id = 0; id < vocabulary; ++id) rates[id] = std::exp(double{last[id]});
  const auto no_event = static_cast<std::size_t>(delphi::kNoEvent);
  const double of_nothing = rates[no_event];
  std::fill_n(rates.begin(), delphi::kLastLifestyle + 1, 0);
  for (const std::int32_t id : course.ids) rates[static_cast<std::size_t>(id)] = 0;
  rates[no_event] = of_nothing;
  return rates;
}

template std::vector<double> delphi_rates<float>(const DelphiNetwork<float>&, const DelphiCourse&);
template std::vector<double> delphi_rates<double>(const DelphiNetwork<double>&,
                                                  const DelphiCourse&);

DelphiNext delphi_next_by_clocks(std::span<const double> rates, std::span<const float> uniforms) {
  constexpr double kLongest = 365 * 80;
  DelphiNext next{0, kLongest + 1};
  for (std::size_t id = 0; id < rates.size(); ++id) {
    if (!(rates[id] > 0)) continue;
    const double rings = std::min(-std::log(double{uniforms[id]}) / rates[id], kLongest);
    if (rings < next.wait) next = {static_cast<std::int32_t>(id), rings};
  }
  return next;
}

DelphiNext delphi_next(std::span<const double> rates, Random& random) {
  const double total = std::accumulate(rates.begin(), rates.end(), 0.0);
  DelphiNext next{0, -std::log1p(-random.uniform()) / total};
  double left = random.uniform() * total;
  for (std::size_t id = 0; id < rates.size(); ++id) {
    if (!(rates[id] > 0)) continue;
    next.id = static_cast<std::int32_t>(id);  // rounding may leave a rest behind the last one
    if ((left -= rates[id]) < 0) break;
  }
  return next;
}

}  // namespace cangong
