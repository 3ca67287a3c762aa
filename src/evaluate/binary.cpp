#include "evaluate/binary.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace cangong {
namespace {

double off_ends(double p) {
  return std::clamp(p, 1e-15, 1 - 1e-15);
}

// Mid-ranks of values, from 1.
std::vector<double> mid_ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t i = 0; i < order.size();) {
    std::size_t j = i;
    while (j < order.size() && values[order[j]] == values[order[i]]) ++j;
    for (std::size_t k = i; k < j; ++k) ranks[order[k]] = 0.5 * static_cast<double>(i + j - 1) + 1;
    i = j;
  }
  return ranks;
}

double variance(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double sum = 0;
  for (const double v : values) sum += (v - mean) * (v - mean);
  return sum / (n - 1);
}

}  // namespace

Ranking::Ranking(std::span<const double> scores, std::span<const double> truth)
    : order_(scores.size()),
      scores_(scores.size()),
      positive_(scores.size()),
      ends_(scores.size()) {
  std::iota(order_.begin(), order_.end(), 0u);
  std::stable_sort(order_.begin(), order_.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return scores[a] > scores[b]; });
  for (std::size_t i = 0; i < order_.size(); ++i) {
    scores_[i] = scores[order_[i]];
    positive_[i] = truth[order_[i]] > 0.5;
  }
  for (std::size_t i = 0; i < order_.size(); ++i)
    ends_[i] = i + 1 == order_.size() || scores_[i + 1] != scores_[i];
}

double Ranking::auroc(std::span<const double> weights) const {
  double above = 0, area = 0;  // weight of positives with a higher score
  double run_positive = 0, run_negative = 0, negatives = 0;
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const double w = weights[order_[i]];
    const double p = positive_[i] ? w : 0;
    run_positive += p;
    run_negative += w - p;
    if (!ends_[i]) continue;
    area += run_negative * (above + 0.5 * run_positive);
    above += run_positive;
    negatives += run_negative;
    run_positive = run_negative = 0;
  }
  return above > 0 && negatives > 0 ? area / (above * negatives) : kNaN;
}

double Ranking::average_precision(std::span<const double> weights) const {
  double tp = 0, all = 0, run = 0, sum = 0;
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const double w = weights[order_[i]];
    all += w;
    if (positive_[i]) run += w;
    if (!ends_[i]) continue;
    tp += run;
    if (all > 0) sum += run * (tp / all);
    run = 0;
  }
  return tp > 0 ? sum / tp : kNaN;
}

std::vector<Ranking::Point> Ranking::curve() const {
  const double positives =
      static_cast<double>(std::accumulate(positive_.begin(), positive_.end(), std::size_t{0}));
  const double negatives = static_cast<double>(order_.size()) - positives;
  std::vector<Point> points;
  double tp = 0, fp = 0;
  for (std::size_t i = 0; i < order_.size(); ++i) {
    (positive_[i] ? tp : fp) += 1;
    if (ends_[i]) points.push_back({scores_[i], tp / positives, fp / negatives, tp / (tp + fp)});
  }
  return points;
}

Interval auroc_delong(std::span<const double> scores, std::span<const double> truth, double level) {
  std::vector<double> positive, negative;
  for (std::size_t i = 0; i < scores.size(); ++i)
    (truth[i] > 0.5 ? positive : negative).push_back(scores[i]);
  const auto m = static_cast<double>(positive.size()), n = static_cast<double>(negative.size());
  if (m < 2 || n < 2) return {kNaN, kNaN, kNaN};
  std::vector<double> all = positive;
  all.insert(all.end(), negative.begin(), negative.end());
  const auto joint = mid_ranks(all), own_p = mid_ranks(positive), own_n = mid_ranks(negative);
  std::vector<double> of_positive, of_negative;  // placements
  double sum = 0;
  for (std::size_t i = 0; i < positive.size(); ++i) {
    of_positive.push_back((joint[i] - own_p[i]) / n);
    sum += joint[i];
  }
  for (std::size_t j = 0; j < negative.size(); ++j)
    of_negative.push_back(1 - (joint[positive.size() + j] - own_n[j]) / m);
  const double auc = (sum - m * (m + 1) / 2) / (m * n);
  const double se = std::sqrt(variance(of_positive) / m + variance(of_negative) / n);
  const double z = normal_quantile(0.5 + level / 2);
  return {auc, std::max(0.0, auc - z * se), std::min(1.0, auc + z * se)};
}

double brier_score(std::span<const double> p, std::span<const double> truth,
                   std::span<const double> weights) {
  double sum = 0, total = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    sum += weights[i] * (p[i] - truth[i]) * (p[i] - truth[i]);
    total += weights[i];
  }
  return sum / total;
}

double log_loss(std::span<const double> p, std::span<const double> truth,
                std::span<const double> weights) {
  double sum = 0, total = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (weights[i] == 0) continue;
    const double q = off_ends(p[i]);
    sum -= weights[i] * (truth[i] > 0.5 ? std::log(q) : std::log1p(-q));
    total += weights[i];
  }
  return sum / total;
}

Confusion confusion(std::span<const double> p, std::span<const double> truth,
                    std::span<const double> weights, double threshold) {
  Confusion c;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const bool yes = p[i] >= threshold;
    (truth[i] > 0.5 ? (yes ? c.tp : c.fn) : (yes ? c.fp : c.tn)) += weights[i];
  }
  return c;
}

double net_benefit(const Confusion& c, double threshold) {
  const double n = c.tp + c.fp + c.tn + c.fn;
  return c.tp / n - c.fp / n * threshold / (1 - threshold);
}

double normal_quantile(double p) {
  // Newton steps on erfc from a rough start.
  double x = 0;
  for (int i = 0; i < 60; ++i) {
    const double cdf = 0.5 * std::erfc(-x / std::sqrt(2.0));
    const double pdf = std::exp(-0.5 * x * x) / std::sqrt(2 * 3.14159265358979323846);
    const double step = std::clamp((cdf - p) / std::max(pdf, 1e-12), -1.0, 1.0);
    x -= step;
    if (std::abs(step) < 1e-14) break;
  }
  return x;
}

}  // namespace cangong
