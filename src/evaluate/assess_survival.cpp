#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <optional>

#include "evaluate/assess.h"
#include "evaluate/calibration.h"
#include "evaluate/d_calibration.h"

namespace cangong {
namespace {

// Some of the examined rows.
struct Part {
  std::vector<double> days, events;
  std::vector<PatientId> patients;

  void add(const Examined& examined, std::size_t row) {
    days.push_back(examined.truth.values[row]);
    events.push_back(examined.truth.events[row]);
    patients.push_back(examined.patients[row]);
  }
  std::vector<Interval> survival_at(const std::vector<double>& times) const {
    return survival_bands(days, events, patients, times);
  }
};

// At most 200 of the times at which the curve steps.
std::vector<double> steps_of(const Part& part) {
  const KaplanMeier km(part.days, part.events, std::vector<double>(part.days.size(), 1.0));
  const std::size_t step = std::max<std::size_t>(1, km.times().size() / 200);
  std::vector<double> times;
  for (std::size_t i = 0; i < km.times().size(); i += step) times.push_back(km.times()[i]);
  return times;
}

// Kaplan-Meier curves of thirds of the predicted risk, with bands.
std::vector<Curve> curves_by_risk(const Examined& examined) {
  std::vector<double> sorted(examined.scored.risk);
  const double low = quantile(sorted, 1.0 / 3), high = quantile(sorted, 2.0 / 3);
  Part thirds[3];
  for (std::size_t i = 0; i < examined.truth.values.size(); ++i) {
    const double risk = examined.scored.risk[i];
    thirds[risk <= low ? 0 : risk <= high ? 1 : 2].add(examined, i);
  }
  std::vector<Curve> curves;
  const char* names[] = {"km_low", "km_middle", "km_high"};
  for (int third = 0; third < 3; ++third) {
    Curve curve{names[third], {{0, 1, 1, 1}}, true};
    const auto times = steps_of(thirds[third]);
    const auto bands = thirds[third].survival_at(times);
    for (std::size_t i = 0; i < times.size(); ++i)
      curve.points.push_back({times[i], bands[i].value, bands[i].low, bands[i].high});
    const auto& days = thirds[third].days;
    if (!days.empty()) {  // the curve goes on to the last follow-up
      curve.points.push_back(curve.points.back());
      curve.points.back().x = *std::max_element(days.begin(), days.end());
    }
    curves.push_back(std::move(curve));
  }
  return curves;
}

// Observed risk at the horizon (1 - Kaplan-Meier) in fifths or tenths of the predicted risk.
Curve calibration_at(const Examined& examined, double horizon) {
  const auto& p = examined.scored.value;
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return p[a] < p[b]; });
  Curve curve{"calibration_bins", {}, true};
  const std::size_t bins = p.size() >= 200 ? 10 : 5;
  for (std::size_t b = 0; b < bins; ++b) {
    Part part;
    double sum = 0;
    for (std::size_t k = b * p.size() / bins; k < (b + 1) * p.size() / bins; ++k) {
      part.add(examined, order[k]);
      sum += p[order[k]];
    }
    if (part.days.empty()) continue;
    const Interval s = part.survival_at({horizon}).front();
    curve.points.push_back(
        {sum / static_cast<double>(part.days.size()), 1 - s.value, 1 - s.high, 1 - s.low});
  }
  return curve;
}

void add_d_calibration(const DCalibration& whole, std::size_t rows, Assessment& result) {
  const double none = std::nan("");
  result.metrics.push_back({"d_calibration_p", {whole.p(), none, none}});
  Curve curve{"d_calibration", {}, false};
  const auto shares = whole.shares(std::vector<double>(rows, 1.0));
  for (std::size_t b = 0; b < shares.size(); ++b)
    curve.points.push_back({(static_cast<double>(b) + 0.5) / DCalibration::kBins, shares[b]});
  result.curves.push_back(std::move(curve));
}

}  // namespace

Assessment assess_survival(const Examined& examined, const AssessOptions& options) {
  const auto& days = examined.truth.values;
  const auto& events = examined.truth.events;
  const auto& scored = examined.scored;
  const bool own = options.training_days.empty();
  const auto& g_days = own ? days : options.training_days;
  const auto& g_events = own ? events : options.training_events;
  const auto censoring = std::make_shared<KaplanMeier>(
      g_days, g_events, std::vector<double>(g_days.size(), 1.0), KaplanMeier::Kind::censoring);
  const auto order = std::make_shared<Concordance>(scored.risk, days, events);
  const double until = scored.times.empty() ? 1e300 : scored.times.back();
  const auto column = [&](std::size_t t) {
    std::vector<double> s(scored.survival.rows);
    for (std::size_t i = 0; i < s.size(); ++i) s[i] = scored.survival.at(i, t);
    return s;
  };
  std::vector<std::vector<double>> at_time;
  for (std::size_t t = 0; t < scored.times.size(); ++t) at_time.push_back(column(t));
  std::vector<double> at_horizon;
  for (const double risk : scored.value) at_horizon.push_back(1 - risk);
  MetricList list;
  list.add("c_index", [=](auto w) { return order->harrell(w); });
  list.add("c_index_uno", [=](auto w) { return order->uno(w, *censoring, until); });
  list.add("ibs", [&, censoring](auto w) {
    std::vector<double> scores;
    for (std::size_t t = 0; t < scored.times.size(); ++t)
      scores.push_back(brier_at(scored.times[t], at_time[t], days, events, *censoring, w));
    return integrate(scored.times, scores);
  });
  list.add("brier_at_horizon", [&, censoring](auto w) {
    return brier_at(options.horizon_days, at_horizon, days, events, *censoring, w);
  });
  list.add("auc_at_horizon", [&, censoring](auto w) {
    return auc_at(options.horizon_days, scored.risk, days, events, *censoring, w);
  });
  list.add("observed_to_expected", [&](auto w) {
    const KaplanMeier km(days, events, w);
    double sum = 0, all = 0;
    for (std::size_t i = 0; i < scored.value.size(); ++i)
      sum += w[i] * scored.value[i], all += w[i];
    return (1 - km.at(options.horizon_days)) / (sum / all);
  });
  std::optional<DCalibration> whole;
  if (!scored.free_at_end.empty()) {
    whole.emplace(scored.free_at_end, events);
    list.add("d_calibration", [&](auto w) { return whole->distance(w); });
  }
  Assessment result;
  result.metrics = list.run(examined.patients, options.bootstrap);
  result.curves = curves_by_risk(examined);
  if (whole) add_d_calibration(*whole, examined.patients.size(), result);
  result.curves.push_back(calibration_at(examined, options.horizon_days));
  return result;
}

}  // namespace cangong
