#include "evaluate/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error.h"
#include "evaluate/interval.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

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
// slope of 1, or through the origin, if `slope` says so.
enum class Slope { free, one, through_origin };
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
    if (slope == Slope::through_origin) d0 = 0, d1 = g1 / h11;
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

namespace {

// Neighbouring rows with the same answer.
struct Pool {
  double low, high, sum, count;
  double mean() const { return sum / count; }
};

// Pool adjacent violators: the pools' means rise from one to the next.
void add_pool(std::vector<Pool>& pools, Pool pool) {
  while (!pools.empty() && pools.back().mean() >= pool.mean()) {
    const Pool before = pools.back();
    pools.pop_back();
    pool = {before.low, pool.high, before.sum + pool.sum, before.count + pool.count};
  }
  pools.push_back(pool);
}

// One pool per distinct p, ascending.
std::vector<Pool> distinct(std::span<const double> p, std::span<const double> truth) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return p[a] < p[b]; });
  std::vector<Pool> pools;
  for (std::size_t i = 0; i < order.size();) {
    const double at = p[order[i]];
    Pool pool{at, at, 0, 0};
    for (; i < order.size() && p[order[i]] == at; ++i) pool.sum += truth[order[i]], ++pool.count;
    pools.push_back(pool);
  }
  return pools;
}

// log p and -log(1 - p), safe at the ends.
double log_ill(double p) {
  return std::log(std::max(p, 1e-12));
}
double log_well(double p) {
  return -std::log(std::max(1 - p, 1e-12));
}

struct BetaMap {
  double ill = 1, well = 1, intercept = 0;
  bool ok = false;
};

// One slope is held at 0, the other and the intercept are a logistic line.
BetaMap one_sided(std::span<const double> p, std::span<const double> truth,
                  double (*feature)(double), double BetaMap::*slope) {
  std::vector<double> x(p.size());
  std::transform(p.begin(), p.end(), x.begin(), feature);
  const Line line = fit_line(x, truth, std::vector<double>(p.size(), 1.0), Slope::free);
  BetaMap map{0, 0, line.intercept, line.ok && line.slope > 0};
  map.*slope = line.slope;
  return map;
}

// Newton's method on three coefficients, with step halving.
BetaMap fit_beta(std::span<const double> p, std::span<const double> truth) {
  BetaMap map;
  const auto loss = [&](const BetaMap& m) {
    double sum = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double e = m.ill * log_ill(p[i]) + m.well * log_well(p[i]) + m.intercept;
      sum += (e > 0 ? e + std::log1p(std::exp(-e)) : std::log1p(std::exp(e))) - truth[i] * e;
    }
    return sum;
  };
  double now = loss(map);
  for (int step = 0; step < 100; ++step) {
    double g[3] = {}, h[3][3] = {};
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double x[3] = {log_ill(p[i]), log_well(p[i]), 1};
      const double q = sigmoid(map.ill * x[0] + map.well * x[1] + map.intercept);
      for (int a = 0; a < 3; ++a) {
        g[a] += (truth[i] - q) * x[a];
        for (int b = 0; b < 3; ++b) h[a][b] += q * (1 - q) * x[a] * x[b];
      }
    }
    const auto det = [](const double m[3][3]) {
      return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
             m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
             m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
    };
    double d[3];
    const double whole = det(h);
    for (int a = 0; a < 3; ++a) {  // Cramer's rule
      double replaced[3][3];
      for (int r = 0; r < 3; ++r)
        for (int c = 0; c < 3; ++c) replaced[r][c] = c == a ? g[r] : h[r][c];
      d[a] = det(replaced) / whole;
      if (!std::isfinite(d[a])) return map;
    }
    BetaMap next;
    double share = 1;
    for (int half = 0; half < 40; ++half, share /= 2) {
      next = {map.ill + share * d[0], map.well + share * d[1], map.intercept + share * d[2], false};
      if (loss(next) <= now + 1e-12 * std::abs(now)) break;
    }
    now = loss(next);
    map = next;
    if (share * (std::abs(d[0]) + std::abs(d[1]) + std::abs(d[2])) < 1e-9) {
      map.ok = std::abs(map.ill) < 1e3 && std::abs(map.well) < 1e3;
      break;
    }
  }
  if (map.ill < 0) return one_sided(p, truth, log_well, &BetaMap::well);
  if (map.well < 0) return one_sided(p, truth, log_ill, &BetaMap::ill);
  return map;
}

constexpr std::pair<std::string_view, Recalibration::Kind> kRecalibrations[] = {
    {"none", Recalibration::Kind::none},
    {"platt", Recalibration::Kind::platt},
    {"temperature", Recalibration::Kind::temperature},
    {"beta", Recalibration::Kind::beta},
    {"isotonic", Recalibration::Kind::isotonic},
    {"venn_abers", Recalibration::Kind::venn_abers}};

}  // namespace

std::span<const std::pair<std::string_view, Recalibration::Kind>> Recalibration::kinds() {
  return kRecalibrations;
}

Recalibration Recalibration::fit(Kind kind, std::span<const double> p,
                                 std::span<const double> truth) {
  Recalibration map;
  const double events = std::accumulate(truth.begin(), truth.end(), 0.0);
  const bool both = events > 0 && events < static_cast<double>(truth.size());
  if (kind == Kind::none || !both) return map;
  if (kind == Kind::platt || kind == Kind::temperature) {
    std::vector<double> x(p.size());
    std::transform(p.begin(), p.end(), x.begin(), logit);
    const Line line = fit_line(x, truth, std::vector<double>(p.size(), 1.0),
                               kind == Kind::platt ? Slope::free : Slope::through_origin);
    if (!line.ok || line.slope <= 0) return map;  // separable or upside down: leave as it is
    map.intercept_ = line.intercept, map.slope_ = line.slope;
  } else if (kind == Kind::beta) {
    const BetaMap beta = fit_beta(p, truth);
    if (!beta.ok) return map;
    map.intercept_ = beta.intercept, map.slope_ = beta.ill, map.slope_well_ = beta.well;
  } else {
    std::vector<Pool> pools;
    for (const Pool& pool : distinct(p, truth))
      if (kind == Kind::isotonic)
        add_pool(pools, pool);
      else
        pools.push_back(pool);
    for (const Pool& pool : pools) {
      map.from_.push_back(pool.low), map.to_.push_back(pool.mean());
      if (kind == Kind::venn_abers) map.counts_.push_back(pool.count);
      if (pool.high > pool.low) map.from_.push_back(pool.high), map.to_.push_back(pool.mean());
    }
  }
  map.kind_ = kind;
  return map;
}

double Recalibration::venn_abers(double p) const {
  double answers[2];
  for (int label = 0; label < 2; ++label) {
    std::vector<Pool> pools;
    Pool own{p, p, static_cast<double>(label), 1};
    bool added = false;
    for (std::size_t i = 0; i < from_.size(); ++i) {
      Pool pool{from_[i], from_[i], to_[i] * counts_[i], counts_[i]};
      if (from_[i] == p) pool.sum += label, pool.count += 1, added = true;
      if (!added && from_[i] > p) add_pool(pools, own), added = true;
      add_pool(pools, pool);
    }
    if (!added) add_pool(pools, own);
    const auto found =
        std::find_if(pools.begin(), pools.end(), [&](const Pool& pool) { return pool.high >= p; });
    answers[label] = found->mean();
  }
  return answers[1] / (1 - answers[0] + answers[1]);
}

double Recalibration::apply(double p) const {
  switch (kind_) {
    case Kind::none:
      return p;
    case Kind::platt:
    case Kind::temperature:
      return sigmoid(intercept_ + slope_ * logit(p));
    case Kind::beta:
      return sigmoid(intercept_ + slope_ * log_ill(p) + slope_well_ * log_well(p));
    case Kind::venn_abers:
      return venn_abers(p);
    case Kind::isotonic:
      break;
  }
  const auto above = std::upper_bound(from_.begin(), from_.end(), p);
  if (above == from_.begin()) return to_.front();
  if (above == from_.end()) return to_.back();
  const auto i = static_cast<std::size_t>(above - from_.begin());
  const double share = (p - from_[i - 1]) / (from_[i] - from_[i - 1]);
  return to_[i - 1] + share * (to_[i] - to_[i - 1]);
}

OnnxGraph::Tensor Recalibration::add_to(OnnxGraph& graph, const OnnxGraph::Tensor& p) const {
  using Tensor = OnnxGraph::Tensor;
  const auto number = [&](double value) { return graph.constant(value); };
  const auto log_of = [&](const Tensor& x) {
    return graph.add("Log", {graph.add("Max", {x, number(1e-12)})});
  };
  const auto times = [&](double factor, const Tensor& x) {
    return graph.add("Mul", {number(factor), x});
  };
  if (kind_ == Kind::none) return p;
  if (kind_ == Kind::venn_abers)
    fail(Fault::config,
         "answers recalibrated by venn_abers cannot be written as ONNX; train with "
         "recalibrate: platt, beta or isotonic");
  if (kind_ == Kind::isotonic) return add_steps(graph, p);
  const Tensor ill = log_of(p), well = log_of(graph.add("Sub", {number(1), p}));
  const Tensor sum = kind_ == Kind::beta
                         ? graph.add("Sub", {times(slope_, ill), times(slope_well_, well)})
                         : times(slope_, graph.add("Sub", {ill, well}));
  return graph.add("Sigmoid", {graph.add("Add", {sum, number(intercept_)})});
}

// The sum of what each line between two steps, or each jump, has added at p.
OnnxGraph::Tensor Recalibration::add_steps(OnnxGraph& graph, const OnnxGraph::Tensor& p) const {
  std::vector<double> starts, widths, rises;
  for (std::size_t i = 1; i < from_.size(); ++i) {
    const double width = from_[i] - from_[i - 1];
    starts.push_back(from_[i - 1]), rises.push_back(to_[i] - to_[i - 1]);
    widths.push_back(std::max(width, 1e-300));
  }
  const auto steps = static_cast<std::int64_t>(starts.size());
  if (steps == 0)
    return graph.add("Add",
                     {graph.add("Mul", {p, graph.constant(0.0)}), graph.constant(to_.front())});
  const auto beyond = graph.add("Sub", {p, graph.constant(starts, {1, steps})});
  const auto share =
      graph.add("Clip", {graph.add("Div", {beyond, graph.constant(widths, {1, steps})}),
                         graph.constant(0.0), graph.constant(1.0)});
  const auto risen = graph.add("MatMul", {share, graph.constant(rises, {steps, 1})});
  return graph.add("Add", {risen, graph.constant(to_.front())});
}

std::string Recalibration::save() const {
  return Json{{"kind", kRecalibrations[static_cast<std::size_t>(kind_)].first},
              {"intercept", intercept_},
              {"slope", slope_},
              {"slope_well", slope_well_},
              {"counts", counts_},
              {"from", from_},
              {"to", to_}}
      .dump();
}

Recalibration Recalibration::load(const std::string& saved) {
  const Json json = Json::parse(saved);
  Recalibration map;
  const std::string kind = json.at("kind");
  for (const auto& [name, known] : kRecalibrations)
    if (kind == name) map.kind_ = known;
  map.slope_well_ = json.value("slope_well", 1.0);
  map.counts_ = json.value("counts", std::vector<double>());
  map.intercept_ = json.at("intercept"), map.slope_ = json.at("slope");
  map.from_ = json.at("from").get<std::vector<double>>();
  map.to_ = json.at("to").get<std::vector<double>>();
  return map;
}

}  // namespace cangong
