#include "evaluate/assess.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <set>

#include "base/text.h"
#include "evaluate/binary.h"
#include "evaluate/calibration.h"

namespace cangong {

std::vector<NamedInterval> MetricList::run(const std::vector<PatientId>& patients,
                                           const BootstrapOptions& options) const {
  const auto all = [&](std::span<const double> weights, std::span<double> out) {
    for (std::size_t k = 0; k < metrics_.size(); ++k) out[k] = metrics_[k](weights);
  };
  const auto intervals = bootstrap(patients, metrics_.size(), all, options);
  std::vector<NamedInterval> named;
  for (std::size_t k = 0; k < names_.size(); ++k) named.push_back({names_[k], intervals[k]});
  return named;
}

Assessment assess(const Examined& examined, const AssessOptions& options) {
  switch (examined.truth.answer) {
    case Answer::boolean:
      return assess_boolean(examined, options);
    case Answer::category:
      return assess_category(examined, options);
    case Answer::real:
      return assess_real(examined, options);
    case Answer::survival:
      break;
  }
  return assess_survival(examined, options);
}

namespace {

// Observed frequency in tenths of the predictions, with Wilson's interval; several rows of a
// patient count as one.
Curve calibration_bins(const std::vector<double>& p, const std::vector<double>& truth,
                       double rows_per_patient) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return p[a] < p[b]; });
  const std::size_t bins = std::min<std::size_t>(10, std::max<std::size_t>(1, p.size() / 20));
  Curve curve{"calibration_bins", {}, true};
  for (std::size_t b = 0; b < bins; ++b) {
    const std::size_t from = b * p.size() / bins, to = (b + 1) * p.size() / bins;
    if (from == to) continue;
    double sum_p = 0, sum_y = 0;
    for (std::size_t k = from; k < to; ++k) sum_p += p[order[k]], sum_y += truth[order[k]];
    const auto n = static_cast<double>(to - from);
    const double mean = sum_p / n, f = sum_y / n;
    const Interval band = wilson(f, n / rows_per_patient);
    curve.points.push_back({mean, f, band.low, band.high});
  }
  return curve;
}

std::vector<Curve> boolean_curves(const Examined& examined, const Ranking& ranking) {
  const auto& p = examined.scored.value;
  const auto& truth = examined.truth.values;
  const std::set<PatientId> patients(examined.patients.begin(), examined.patients.end());
  const double rows_per_patient =
      static_cast<double>(p.size()) / static_cast<double>(patients.size());
  const std::vector<double> ones(p.size(), 1.0);
  Curve roc{"roc", {{0, 0}}, false}, pr{"pr", {}, false}, smooth{"calibration", {}, false};
  const auto points = ranking.curve();
  const std::size_t step = std::max<std::size_t>(1, points.size() / 400);
  for (std::size_t i = 0; i < points.size(); i += step) {
    roc.points.push_back({points[i].false_positive_rate, points[i].true_positive_rate});
    pr.points.push_back({points[i].true_positive_rate, points[i].precision});
  }
  roc.points.push_back({1, 1});
  const CalibrationCurve line(p, truth, ones);
  std::vector<double> sorted(p);
  const double low = quantile(sorted, 0.01), high = quantile(sorted, 0.99);
  for (int i = 0; i <= 50; ++i) {
    const double x = low + (high - low) * i / 50;
    smooth.points.push_back({x, line.at(x)});
  }
  Curve decision{"net_benefit", {}, false}, everyone{"net_benefit_all", {}, false};
  const double share =
      std::accumulate(truth.begin(), truth.end(), 0.0) / static_cast<double>(truth.size());
  const double last = std::min(0.99, std::max(0.2, 3 * share));
  for (int i = 1; i <= 60; ++i) {
    const double t = last * i / 60;
    decision.points.push_back({t, net_benefit(confusion(p, truth, ones, t), t)});
    everyone.points.push_back({t, share - (1 - share) * t / (1 - t)});
  }
  return {smooth, calibration_bins(p, truth, rows_per_patient), roc, pr, decision, everyone};
}

}  // namespace

Assessment assess_boolean(const Examined& examined, const AssessOptions& options) {
  const auto& p = examined.scored.value;
  const auto& truth = examined.truth.values;
  const auto ranking = std::make_shared<Ranking>(examined.scored.risk, truth);
  MetricList list;
  list.add("auroc", [=](auto w) { return ranking->auroc(w); });
  list.add("auprc", [=](auto w) { return ranking->average_precision(w); });
  list.add("brier", [&](auto w) { return brier_score(p, truth, w); });
  list.add("log_loss", [&](auto w) { return log_loss(p, truth, w); });
  list.add("calibration_intercept",
           [&](auto w) { return calibration_line(p, truth, w).intercept_in_the_large; });
  list.add("calibration_slope", [&](auto w) { return calibration_line(p, truth, w).slope; });
  list.add("ici", [&](auto w) { return integrated_calibration_index(p, truth, w); });
  list.add("prevalence", [&](auto w) {
    const Confusion c = confusion(p, truth, w, 0);
    return c.tp / (c.tp + c.fp);
  });
  for (const double t : options.thresholds) {
    const std::string at = "@" + format_number(t);
    const auto at_threshold = [&, t](double (Confusion::*measure)() const) {
      return [&, t, measure](auto w) { return (confusion(p, truth, w, t).*measure)(); };
    };
    list.add("sensitivity" + at, at_threshold(&Confusion::sensitivity));
    list.add("specificity" + at, at_threshold(&Confusion::specificity));
    list.add("ppv" + at, at_threshold(&Confusion::ppv));
    list.add("npv" + at, at_threshold(&Confusion::npv));
    list.add("accuracy" + at, at_threshold(&Confusion::accuracy));
    list.add("f1" + at, at_threshold(&Confusion::f1));
    list.add("net_benefit" + at,
             [&, t](auto w) { return net_benefit(confusion(p, truth, w, t), t); });
  }
  Assessment result;
  result.metrics = list.run(examined.patients, options.bootstrap);
  const std::size_t distinct =
      std::set<PatientId>(examined.patients.begin(), examined.patients.end()).size();
  if (distinct == examined.patients.size())  // DeLong assumes independent examples
    result.metrics.insert(result.metrics.begin() + 1,
                          {"auroc_delong", auroc_delong(examined.scored.risk, truth)});
  result.curves = boolean_curves(examined, *ranking);
  return result;
}

Assessment assess_category(const Examined& examined, const AssessOptions& options) {
  const auto& truth = examined.truth;
  const RealMatrix& p = examined.scored.probabilities;
  std::vector<double> chosen(p.rows), of_truth(p.rows);
  for (std::size_t i = 0; i < p.rows; ++i) {
    const auto row = p.row(i);
    chosen[i] = static_cast<double>(std::max_element(row.begin(), row.end()) - row.begin());
    of_truth[i] = row[static_cast<std::size_t>(truth.values[i])];
  }
  MetricList list;
  list.add("accuracy", [&](auto w) {
    double hit = 0, all = 0;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      all += w[i];
      if (chosen[i] == truth.values[i]) hit += w[i];
    }
    return hit / all;
  });
  list.add("log_loss", [&](auto w) {
    double sum = 0, all = 0;
    for (std::size_t i = 0; i < of_truth.size(); ++i)
      all += w[i], sum -= w[i] * std::log(std::max(of_truth[i], 1e-15));
    return sum / all;
  });
  std::vector<std::shared_ptr<Ranking>> rankings;
  for (std::size_t c = 0; c < truth.classes.size(); ++c) {
    std::vector<double> score(p.rows), is_class(p.rows);
    for (std::size_t i = 0; i < p.rows; ++i)
      score[i] = p.at(i, c), is_class[i] = truth.values[i] == static_cast<double>(c);
    rankings.push_back(std::make_shared<Ranking>(score, is_class));
    list.add("auroc_" + truth.classes[c], [r = rankings.back()](auto w) { return r->auroc(w); });
  }
  list.add("auroc", [=](auto w) {
    double sum = 0;
    for (const auto& ranking : rankings) sum += ranking->auroc(w);
    return sum / static_cast<double>(rankings.size());
  });
  return {list.run(examined.patients, options.bootstrap), {}};
}

Assessment assess_real(const Examined& examined, const AssessOptions& options) {
  const auto& y = examined.truth.values;
  const auto& f = examined.scored.value;
  struct Sums {
    double n = 0, y = 0, f = 0, yy = 0, ff = 0, yf = 0, residual = 0, distance = 0;
  };
  const auto sums = [&](std::span<const double> w) {
    Sums s;
    for (std::size_t i = 0; i < y.size(); ++i) {
      s.n += w[i], s.y += w[i] * y[i], s.f += w[i] * f[i];
      s.yy += w[i] * y[i] * y[i], s.ff += w[i] * f[i] * f[i], s.yf += w[i] * y[i] * f[i];
      s.residual += w[i] * (y[i] - f[i]) * (y[i] - f[i]);
      s.distance += w[i] * std::abs(y[i] - f[i]);
    }
    return s;
  };
  const auto slope = [](const Sums& s) {
    const double spread = s.n * s.ff - s.f * s.f;  // of a constant answer: rounding alone
    return spread > 1e-9 * s.f * s.f ? (s.n * s.yf - s.y * s.f) / spread : std::nan("");
  };
  MetricList list;
  list.add("r2", [=](auto w) {
    const Sums s = sums(w);
    return 1 - s.residual / (s.yy - s.y * s.y / s.n);
  });
  list.add("rmse", [=](auto w) {
    const Sums s = sums(w);
    return std::sqrt(s.residual / s.n);
  });
  list.add("mae", [=](auto w) {
    const Sums s = sums(w);
    return s.distance / s.n;
  });
  list.add("calibration_slope", [=](auto w) { return slope(sums(w)); });
  list.add("calibration_intercept", [=](auto w) {
    const Sums s = sums(w);
    return (s.y - s.f) / s.n;
  });
  Curve scatter{"observed", {}, false};
  const std::size_t step = std::max<std::size_t>(1, y.size() / 1000);
  for (std::size_t i = 0; i < y.size(); i += step) scatter.points.push_back({f[i], y[i]});
  return {list.run(examined.patients, options.bootstrap), {scatter}};
}

}  // namespace cangong
