#include "evaluate/compare.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "evaluate/binary.h"

namespace cangong {
namespace {

struct Measure {
  std::string name;
  MetricList::Metric metric;
};

std::vector<Measure> measures_of_classes(const Targets& truth, const Scored& scored) {
  const RealMatrix& p = scored.probabilities;
  std::vector<double> hits, losses;
  for (std::size_t i = 0; i < p.rows; ++i) {
    const auto row = p.row(i);
    const auto own = static_cast<std::size_t>(truth.values[i]);
    hits.push_back(
        static_cast<std::size_t>(std::max_element(row.begin(), row.end()) - row.begin()) == own);
    losses.push_back(-std::log(std::max(row[own], 1e-15)));
  }
  const auto mean = [](std::vector<double> values) {
    return [values = std::move(values)](std::span<const double> w) {
      double sum = 0, all = 0;
      for (std::size_t i = 0; i < values.size(); ++i) sum += w[i] * values[i], all += w[i];
      return sum / all;
    };
  };
  return {{"accuracy", mean(std::move(hits))}, {"log_loss", mean(std::move(losses))}};
}

std::vector<Measure> measures_of_survival(const Targets& truth, const Scored& scored,
                                          const AssessOptions& options) {
  const bool own = options.training_days.empty();
  const auto& days = own ? truth.values : options.training_days;
  const auto& events = own ? truth.events : options.training_events;
  const auto censoring = std::make_shared<KaplanMeier>(
      days, events, std::vector<double>(days.size(), 1.0), KaplanMeier::Kind::censoring);
  const auto order = std::make_shared<Concordance>(scored.risk, truth.values, truth.events);
  std::vector<double> free;
  for (const double risk : scored.value) free.push_back(1 - risk);
  const double horizon = options.horizon_days;
  return {{"c_index", [=](auto w) { return order->harrell(w); }},
          {"brier_at_horizon", [=, &truth](auto w) {
             return brier_at(horizon, free, truth.values, truth.events, *censoring, w);
           }}};
}

// By the kind of answer: what is compared, a rank measure first where there is one.
std::vector<Measure> measures_of(const Targets& truth, const Scored& scored,
                                 const AssessOptions& options) {
  const auto& y = truth.values;
  switch (truth.answer) {
    case Answer::category:
      return measures_of_classes(truth, scored);
    case Answer::survival:
      return measures_of_survival(truth, scored, options);
    case Answer::real:
      return {{"rmse", [&](auto w) {
                 double sum = 0, all = 0;
                 for (std::size_t i = 0; i < y.size(); ++i)
                   sum += w[i] * std::pow(y[i] - scored.value[i], 2), all += w[i];
                 return std::sqrt(sum / all);
               }}};
    case Answer::boolean:
      break;
  }
  const auto ranking = std::make_shared<Ranking>(scored.risk, y);
  return {{"auroc", [=](auto w) { return ranking->auroc(w); }},
          {"brier", [&](auto w) { return brier_score(scored.value, y, w); }},
          {"log_loss", [&](auto w) { return log_loss(scored.value, y, w); }}};
}

double p_value(const std::vector<double>& drawn) {
  double below = 0, above = 0;
  for (const double v : drawn) below += v <= 0, above += v >= 0;
  const auto n = static_cast<double>(drawn.size());
  return n == 0 ? std::nan("") : std::min(1.0, 2 * (std::min(below, above) + 1) / (n + 1));
}

}  // namespace

std::vector<Comparison> compare(const Examined& ours, const std::vector<Rival>& rivals,
                                const AssessOptions& options) {
  const auto mine = measures_of(ours.truth, ours.scored, options);
  std::vector<std::vector<Measure>> theirs;
  for (const Rival& rival : rivals)
    theirs.push_back(measures_of(ours.truth, *rival.scored, options));
  const std::size_t count = mine.size() * rivals.size();
  const auto draws = bootstrap_draws(
      ours.patients, count,
      [&](std::span<const double> weights, std::span<double> out) {
        for (std::size_t m = 0; m < mine.size(); ++m) {
          const double own = mine[m].metric(weights);
          for (std::size_t r = 0; r < rivals.size(); ++r)
            out[m * rivals.size() + r] = own - theirs[r][m].metric(weights);
        }
      },
      options.bootstrap);
  std::vector<Comparison> found;
  for (std::size_t m = 0; m < mine.size(); ++m)
    for (std::size_t r = 0; r < rivals.size(); ++r) {
      const Draws& drawn = draws[m * rivals.size() + r];
      found.push_back({mine[m].name, rivals[r].name, interval_of(drawn, options.bootstrap.level),
                       p_value(drawn.values)});
    }
  return found;
}

}  // namespace cangong
