#include "evaluate/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Line {
  double intercept = 0, slope = 1;
  bool ok = false;
};

// Newton's method for a logistic line; with a fixed slope of 1 if `free_slope` says so.
enum class Slope { free, one };
Line fit_line(std::span<const double> x, std::span<const double> truth,
              std::span<const double> weights, Slope slope) {
  Line line;
  if (slope == Slope::free) line.slope = 0.5;
  for (int step = 0; step < 100; ++step) {
    double g0 = 0, g1 = 0, h00 = 0, h01 = 0, h11 = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double p = sigmoid(line.intercept + line.slope * x[i]);
      const double r = weights[i] * (truth[i] - p), w = weights[i] * p * (1 - p);
      g0 += r, g1 += r * x[i];
      h00 += w, h01 += w * x[i], h11 += w * x[i] * x[i];
    }
    double d0 = 0, d1 = 0;
    if (slope == Slope::one) {
      d0 = g0 / h00;
    } else {
      const double det = h00 * h11 - h01 * h01;
      d0 = (h11 * g0 - h01 * g1) / det;
      d1 = (h00 * g1 - h01 * g0) / det;
    }
    if (!std::isfinite(d0) || !std::isfinite(d1)) return line;
    const double size = std::max({1.0, std::abs(d0) / 2, std::abs(d1) / 2});
    line.intercept += d0 / size;
    line.slope += d1 / size;
    if (std::abs(d0) + std::abs(d1) < 1e-10) {
      line.ok = std::abs(line.slope) < 1e3;
      return line;
    }
  }
  return line;
}

}  // namespace

double logit(double p) {
  const double q = std::clamp(p, 1e-12, 1 - 1e-12);
  return std::log(q / (1 - q));
}

double sigmoid(double x) {
  return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
}

CalibrationLine calibration_line(std::span<const double> p, std::span<const double> truth,
                                 std::span<const double> weights) {
  std::vector<double> x(p.size());
  std::transform(p.begin(), p.end(), x.begin(), logit);
  const Line free = fit_line(x, truth, weights, Slope::free);
  const Line one = fit_line(x, truth, weights, Slope::one);
  return {free.ok ? free.intercept : kNaN, free.ok ? free.slope : kNaN,
          one.ok ? one.intercept : kNaN};
}

CalibrationCurve::CalibrationCurve(std::span<const double> p, std::span<const double> truth,
                                   std::span<const double> weights, double span) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  for (const std::size_t i : order) {
    if (weights[i] <= 0) continue;
    p_.push_back(p[i]);
    truth_.push_back(truth[i]);
    weights_.push_back(weights[i]);
  }
  neighbours_ =
      std::max<std::size_t>(2, static_cast<std::size_t>(span * static_cast<double>(p_.size())));
}

double CalibrationCurve::at(double p) const {
  if (p_.size() < 2) return kNaN;
  const std::size_t k = std::min(neighbours_, p_.size());
  // The k nearest by p form a stretch; slide it to where its farther end is nearest.
  std::size_t low =
      static_cast<std::size_t>(std::lower_bound(p_.begin(), p_.end(), p) - p_.begin());
  low = std::min(low > k / 2 ? low - k / 2 : 0, p_.size() - k);
  while (low > 0 && p - p_[low - 1] < p_[low + k - 1] - p) --low;
  while (low + k < p_.size() && p_[low + k] - p < p - p_[low]) ++low;
  const double reach = std::max({p - p_[low], p_[low + k - 1] - p, 1e-9}) * 1.0001;
  double s0 = 0, s1 = 0, s2 = 0, t0 = 0, t1 = 0;
  for (std::size_t i = low; i < low + k; ++i) {
    const double x = p_[i] - p, u = std::abs(x) / reach;
    const double tricube = 1 - u * u * u, w = weights_[i] * tricube * tricube * tricube;
    s0 += w, s1 += w * x, s2 += w * x * x;
    t0 += w * truth_[i], t1 += w * x * truth_[i];
  }
  const double det = s0 * s2 - s1 * s1;
  const double value = det > 1e-12 * s0 * s0 * reach * reach ? (s2 * t0 - s1 * t1) / det : t0 / s0;
  return std::clamp(value, 0.0, 1.0);
}

double integrated_calibration_index(std::span<const double> p, std::span<const double> truth,
                                    std::span<const double> weights) {
  if (p.empty()) return kNaN;
  const CalibrationCurve curve(p, truth, weights);
  const auto [low, high] = std::minmax_element(p.begin(), p.end());
  const double from = *low, width = std::max(*high - from, 1e-12);
  std::vector<double> grid(101);
  for (std::size_t i = 0; i < grid.size(); ++i)
    grid[i] = curve.at(from + width * static_cast<double>(i) / 100);
  double sum = 0, total = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double at = (p[i] - from) / width * 100;
    const auto cell = std::min<std::size_t>(static_cast<std::size_t>(at), 99);
    const double share = at - static_cast<double>(cell);
    const double smooth = grid[cell] * (1 - share) + grid[cell + 1] * share;
    sum += weights[i] * std::abs(smooth - p[i]);
    total += weights[i];
  }
  return sum / total;
}

Recalibration Recalibration::fit(Kind kind, std::span<const double> p,
                                 std::span<const double> truth) {
  Recalibration map;
  const double events = std::accumulate(truth.begin(), truth.end(), 0.0);
  const bool both = events > 0 && events < static_cast<double>(truth.size());
  if (kind == Kind::none || !both) return map;
  const std::vector<double> ones(p.size(), 1.0);
  if (kind == Kind::platt) {
    std::vector<double> x(p.size());
    std::transform(p.begin(), p.end(), x.begin(), logit);
    const Line line = fit_line(x, truth, ones, Slope::free);
    if (!line.ok || line.slope <= 0) return map;  // separable or upside down: leave as it is
    map.kind_ = kind, map.intercept_ = line.intercept, map.slope_ = line.slope;
    return map;
  }
  // Pool adjacent violators over distinct p.
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return p[a] < p[b]; });
  struct Pool {
    double low, high, sum, count;
  };
  std::vector<Pool> pools;
  for (const std::size_t i : order) {
    if (!pools.empty() && pools.back().high == p[i]) {
      pools.back().sum += truth[i], pools.back().count += 1;
    } else {
      pools.push_back({p[i], p[i], truth[i], 1});
    }
    while (pools.size() > 1) {
      const Pool last = pools.back();
      Pool& before = pools[pools.size() - 2];
      if (before.sum / before.count < last.sum / last.count) break;
      before = {before.low, last.high, before.sum + last.sum, before.count + last.count};
      pools.pop_back();
    }
  }
  map.kind_ = kind;
  for (const Pool& pool : pools) {
    const double value = pool.sum / pool.count;
    map.from_.push_back(pool.low), map.to_.push_back(value);
    if (pool.high > pool.low) map.from_.push_back(pool.high), map.to_.push_back(value);
  }
  return map;
}

double Recalibration::apply(double p) const {
  if (kind_ == Kind::none) return p;
  if (kind_ == Kind::platt) return sigmoid(intercept_ + slope_ * logit(p));
  const auto above = std::upper_bound(from_.begin(), from_.end(), p);
  if (above == from_.begin()) return to_.front();
  if (above == from_.end()) return to_.back();
  const auto i = static_cast<std::size_t>(above - from_.begin());
  const double share = (p - from_[i - 1]) / (from_[i] - from_[i - 1]);
  return to_[i - 1] + share * (to_[i] - to_[i - 1]);
}

std::string Recalibration::save() const {
  const char* names[] = {"none", "platt", "isotonic"};
  return Json{{"kind", names[static_cast<int>(kind_)]},
              {"intercept", intercept_},
              {"slope", slope_},
              {"from", from_},
              {"to", to_}}
      .dump();
}

Recalibration Recalibration::load(const std::string& saved) {
  const Json json = Json::parse(saved);
  Recalibration map;
  const std::string kind = json.at("kind");
  map.kind_ = kind == "platt" ? Kind::platt : kind == "isotonic" ? Kind::isotonic : Kind::none;
  map.intercept_ = json.at("intercept"), map.slope_ = json.at("slope");
  map.from_ = json.at("from").get<std::vector<double>>();
  map.to_ = json.at("to").get<std::vector<double>>();
  return map;
}

}  // namespace cangong
