#include <algorithm>
#include <cmath>
#include <numeric>

#include "evaluate/competing.h"
#include "model/likelihood.h"

namespace cangong {
namespace {

// One distinct event time and the rows that share it; rows are numbered in descending time.
struct TieGroup {
  std::size_t begin, deaths_end, end;  // deaths first, then those censored at this time
  std::size_t deaths() const { return deaths_end - begin; }
};

class Cox : public Likelihood {
 public:
  Cox(std::span<const double> observed, std::span<const double> events, Ties ties,
      std::span<const double> left)
      : order_(observed.size()), ties_(ties) {
    std::vector<double> days(observed.begin(), observed.end());
    for (std::size_t i = 0; i < left.size(); ++i)
      if (left[i] >= 0) days[i] = left[i];
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
      if (days[a] != days[b]) return days[a] > days[b];
      return events[a] != events[b] ? events[a] > events[b] : a < b;
    });
    for (std::size_t i = 0; i < order_.size();) {
      TieGroup group{i, i, i};
      while (group.end < order_.size() && days[order_[group.end]] == days[order_[i]]) {
        if (events[order_[group.end]] > 0.5) group.deaths_end = group.end + 1;
        ++group.end;
      }
      groups_.push_back(group);
      i = group.end;
    }
    if (!left.empty()) weigh_left(observed, events, left);
  }

  double loss(std::span<const double> eta) const override {
    const double shift = largest(eta);
    const auto kept = sums_of_left([&](std::size_t k) { return std::exp(eta[order_[k]] - shift); });
    double present = 0, log_likelihood = 0;
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      const TieGroup& group = groups_[g];
      double of_deaths = 0;
      for (std::size_t k = group.begin; k < group.end; ++k) {
        const double e = eta[order_[k]] - shift, theta = std::exp(e);
        present += theta;
        if (k < group.deaths_end) of_deaths += theta, log_likelihood += e;
      }
      const double at_risk = present + kept[g];
      const auto d = static_cast<double>(group.deaths());
      for (std::size_t l = 0; l < group.deaths(); ++l)
        log_likelihood -= std::log(at_risk - share(l, d) * of_deaths);
    }
    return -log_likelihood / static_cast<double>(order_.size());
  }

  void residuals(std::span<const double> eta, std::span<double> out) const override {
    const Sweep sweep = hazard(eta);
    const auto n = static_cast<double>(order_.size());
    for (std::size_t k = 0; k < order_.size(); ++k)
      out[order_[k]] = (sweep.died[k] - sweep.theta[k] * sweep.exposure[k]) / n;
  }

  // H = X' diag(theta * exposure) X - sum over event times of the outer products of the risk
  // set's (Efron-weighted) means.
  RealMatrix curvature(std::span<const double> eta, const RealMatrix& x,
                       std::span<const std::size_t> columns) const override {
    const Sweep sweep = hazard(eta);
    const auto n = static_cast<double>(order_.size());
    std::vector<double> weights(order_.size());
    for (std::size_t k = 0; k < order_.size(); ++k)
      weights[order_[k]] = sweep.theta[k] * sweep.exposure[k] / n;
    RealMatrix h = weighted_gram(x, weights, columns);
    subtract_means(sweep, x, columns, h);
    return h;
  }

 private:
  // By row in descending time: exp(eta), and the hazard that the row is exposed to.
  struct Sweep {
    std::vector<double> theta, exposure, died;
    struct Sums {
      double a0 = 0, a1 = 0, a2 = 0;  // sum over deaths l of (l/d)^m / S0_l^2
    };
    std::vector<Sums> sums;  // by group
  };

  double share(std::size_t l, double d) const {
    return ties_ == Ties::efron ? static_cast<double>(l) / d : 0;
  }

  static double largest(std::span<const double> eta) {
    return eta.empty() ? 0 : *std::max_element(eta.begin(), eta.end());
  }

  Sweep hazard(std::span<const double> eta) const {
    Sweep s;
    const std::size_t n = order_.size();
    s.theta.resize(n), s.exposure.resize(n), s.died.resize(n), s.sums.resize(groups_.size());
    const double shift = largest(eta);
    for (std::size_t k = 0; k < n; ++k) s.theta[k] = std::exp(eta[order_[k]] - shift);
    const auto kept = sums_of_left([&](std::size_t k) { return s.theta[k]; });
    double present = 0;
    std::vector<double> added(groups_.size()), held_back(groups_.size());
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      const TieGroup& group = groups_[g];
      double of_deaths = 0;
      for (std::size_t k = group.begin; k < group.end; ++k) {
        present += s.theta[k];
        if (k < group.deaths_end) of_deaths += s.theta[k];
      }
      const double at_risk = present + kept[g];
      const auto d = static_cast<double>(group.deaths());
      for (std::size_t l = 0; l < group.deaths(); ++l) {
        const double f = share(l, d), inverse = 1 / (at_risk - f * of_deaths);
        added[g] += inverse;
        held_back[g] += f * inverse;
        s.sums[g].a0 += inverse * inverse;
        s.sums[g].a1 += f * inverse * inverse;
        s.sums[g].a2 += f * f * inverse * inverse;
      }
    }
    double cumulative = 0;
    for (std::size_t g = groups_.size(); g-- > 0;) {
      cumulative += added[g];
      for (std::size_t k = groups_[g].begin; k < groups_[g].end; ++k) {
        const bool death = k < groups_[g].deaths_end;
        s.exposure[k] = cumulative - (death ? held_back[g] : 0);
        s.died[k] = death ? 1 : 0;
      }
    }
    double beyond = 0;  // hazard after the time of those who left, as far as they would be there
    for (std::size_t g = 0; g < groups_.size() && !left_.empty(); ++g) {
      for (std::size_t k = groups_[g].begin; k < groups_[g].end; ++k)
        s.exposure[k] += left_[k] * beyond;
      beyond += uncensored_[g] * added[g];
    }
    return s;
  }

  // By row in descending time: 1 / G(own time) of those who left by another cause, else 0; and G of
  // each group, the chance of being uncensored just before its time.
  void weigh_left(std::span<const double> observed, std::span<const double> events,
                  std::span<const double> left) {
    const auto uncensored = uncensored_before(observed, events, left);
    left_.resize(order_.size());
    for (std::size_t k = 0; k < order_.size(); ++k)
      if (left[order_[k]] >= 0) left_[k] = 1 / uncensored[order_[k]];
    for (const TieGroup& group : groups_) uncensored_.push_back(uncensored[order_[group.begin]]);
  }

  // By group: what those who left before its time add to its risk set.
  template <class Value>
  std::vector<double> sums_of_left(const Value& value) const {
    std::vector<double> kept(groups_.size());
    double sum = 0;
    for (std::size_t g = groups_.size(); g-- > 0 && !left_.empty();) {
      kept[g] = uncensored_[g] * sum;
      for (std::size_t k = groups_[g].begin; k < groups_[g].end; ++k)
        if (left_[k] > 0) sum += left_[k] * value(k);
    }
    return kept;
  }

  void subtract_means(const Sweep& sweep, const RealMatrix& x, std::span<const std::size_t> columns,
                      RealMatrix& h) const {
    const std::size_t q = columns.size();
    const auto n = static_cast<double>(order_.size());
    std::vector<double> present(q), s1(q), t1(q), later(q);
    for (std::size_t k = 0; k < left_.size(); ++k)
      for (std::size_t a = 0; a < q && left_[k] > 0; ++a)
        later[a] += left_[k] * sweep.theta[k] * x.at(order_[k], columns[a]);
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      const TieGroup& group = groups_[g];
      std::fill(t1.begin(), t1.end(), 0.0);
      for (std::size_t k = group.begin; k < group.end; ++k) {
        const auto row = x.row(order_[k]);
        const double theta = sweep.theta[k];
        for (std::size_t a = 0; a < q; ++a) present[a] += theta * row[columns[a]];
        if (!left_.empty() && left_[k] > 0)
          for (std::size_t a = 0; a < q; ++a) later[a] -= left_[k] * theta * row[columns[a]];
        if (k < group.deaths_end)
          for (std::size_t a = 0; a < q; ++a) t1[a] += theta * row[columns[a]];
      }
      if (group.deaths() == 0) continue;
      const double g_now = left_.empty() ? 0 : uncensored_[g];
      for (std::size_t a = 0; a < q; ++a) s1[a] = present[a] + g_now * later[a];
      const auto& m = sweep.sums[g];
      for (std::size_t a = 0; a < q; ++a) {
        // a0 S S' - a1 (S T' + T S') + a2 T T', row a.
        const double of_s = (m.a0 * s1[a] - m.a1 * t1[a]) / n;
        const double of_t = (m.a2 * t1[a] - m.a1 * s1[a]) / n;
        double* out = &h.values[a * q];
        for (std::size_t b = 0; b < q; ++b) out[b] -= of_s * s1[b] + of_t * t1[b];
      }
    }
  }

  std::vector<std::size_t> order_;
  std::vector<TieGroup> groups_;
  std::vector<double> left_, uncensored_;  // empty where no causes compete
  Ties ties_;
};

}  // namespace

std::unique_ptr<Likelihood> cox_likelihood(std::span<const double> days,
                                           std::span<const double> events, Ties ties,
                                           std::span<const double> left) {
  return std::make_unique<Cox>(days, events, ties, left);
}

}  // namespace cangong
