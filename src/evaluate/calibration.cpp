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

double line_loss(const Line& line, std::span<const double> x, std::span<const double> truth,
                 std::span<const double> weights) {
  double loss = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double e = line.intercept + line.slope * x[i];
    loss += weights[i] *
            ((e > 0 ? e + std::log1p(std::exp(-e)) : std::log1p(std::exp(e))) - truth[i] * e);
  }
  return loss;
}

// Newton's method for a logistic line, halving each step until the likelihood rises; with a fixed
// slope of 1 if `slope` says so.
enum class Slope { free, one };
Line fit_line(std::span<const double> x, std::span<const double> truth,
              std::span<const double> weights, Slope slope) {
  Line line;
  if (slope == Slope::free) line.slope = 0;
  double loss = line_loss(line, x, truth, weights);
  for (int step = 0; step < 100; ++step) {
    double g0 = 0, g1 = 0, h00 = 0, h01 = 0, h11 = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double p = sigmoid(line.intercept + line.slope * x[i]);
      const double r = weights[i] * (truth[i] - p), w = weights[i] * p * (1 - p);
      g0 += r, g1 += r * x[i];
      h00 += w, h01 += w * x[i], h11 += w * x[i] * x[i];
    }
    const double det = h00 * h11 - h01 * h01;
    double d0 = slope == Slope::one ? g0 / h00 : (h11 * g0 - h01 * g1) / det;
    double d1 = slope == Slope::one ? 0 : (h00 * g1 - h01 * g0) / det;
    if (!std::isfinite(d0) || !std::isfinite(d1)) return line;
    Line next = line;
    for (int half = 0; half < 40; ++half, d0 /= 2, d1 /= 2) {
      next.intercept = line.intercept + d0, next.slope = line.slope + d1;
      const double value = line_loss(next, x, truth, weights);
      if (value > loss + 1e-12 * std::abs(loss)) continue;
      loss = value;
      break;
    }
    line = next;
    if (std::abs(d0) + std::abs(d1) <
        1e-9 * (1 + std::abs(line.intercept) + std::abs(line.slope))) {
      line.ok = std::abs(line.slope) < 1e3 && std::abs(line.intercept) < 1e3;
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
  double total = 0;
  for (const std::size_t i : order) {
    if (weights[i] <= 0) continue;
    if (p_.empty() || p_.back() != p[i])
      p_.push_back(p[i]), events_.push_back(0), weights_.push_back(0);
    events_.back() += weights[i] * truth[i];
    weights_.back() += weights[i];
    total += weights[i];
  }
  reach_weight_ = span * total;
}

double CalibrationCurve::at(double p) const {
  if (p_.empty()) return kNaN;
  // Take in the nearest distinct p, one side or the other, until they hold the span's weight.
  std::size_t high =
      static_cast<std::size_t>(std::lower_bound(p_.begin(), p_.end(), p) - p_.begin());
  std::size_t low = high;  // [low, high) is inside
  double held = 0;
  while (held < reach_weight_ && (low > 0 || high < p_.size())) {
    const bool down = high == p_.size() || (low > 0 && p - p_[low - 1] <= p_[high] - p);
    held += down ? weights_[--low] : weights_[high++];
  }
  if (high == low) return kNaN;
  const double reach = std::max({p - p_[low], p_[high - 1] - p, 1e-9}) * 1.0001;
  double s0 = 0, s1 = 0, s2 = 0, t0 = 0, t1 = 0;
  for (std::size_t i = low; i < high; ++i) {
    const double x = p_[i] - p, u = std::min(std::abs(x) / reach, 1.0);
    const double cube = 1 - u * u * u, kernel = cube * cube * cube, w = weights_[i] * kernel;
    s0 += w, s1 += w * x, s2 += w * x * x;
    t0 += kernel * events_[i], t1 += kernel * events_[i] * x;
  }
  if (s0 <= 0) return kNaN;
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
  for (std::size_t i = 0; i < order.size();) {
    const double at = p[order[i]];
    Pool pool{at, at, 0, 0};
    for (; i < order.size() && p[order[i]] == at; ++i) pool.sum += truth[order[i]], ++pool.count;
    while (!pools.empty() && pools.back().sum / pools.back().count >= pool.sum / pool.count) {
      const Pool before = pools.back();
      pools.pop_back();
      pool = {before.low, pool.high, before.sum + pool.sum, before.count + pool.count};
    }
    pools.push_back(pool);
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
