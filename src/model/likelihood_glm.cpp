#include <cmath>

#include "model/likelihood.h"

namespace cangong {
namespace {

// log(1 + exp(x)) without overflow.
class Gaussian : public Likelihood {
 public:
  explicit Gaussian(std::vector<double> y) : y_(std::move(y)) {}
  double loss(std::span<const double> eta) const override {
    double sum = 0;
    for (std::size_t i = 0; i < y_.size(); ++i) sum += (y_[i] - eta[i]) * (y_[i] - eta[i]);
    return sum / 2 / static_cast<double>(y_.size());
  }
  void residuals(std::span<const double> eta, std::span<double> out) const override {
    const auto n = static_cast<double>(y_.size());
    for (std::size_t i = 0; i < y_.size(); ++i) out[i] = (y_[i] - eta[i]) / n;
  }
  RealMatrix curvature(std::span<const double>, const RealMatrix& x,
                       std::span<const std::size_t> columns) const override {
    return weighted_gram(x, std::vector<double>(y_.size(), 1.0 / static_cast<double>(y_.size())),
                         columns);
  }

 private:
  std::vector<double> y_;
};

class Logistic : public Likelihood {
 public:
  Logistic(std::vector<double> y, std::vector<double> offset)
      : y_(std::move(y)), offset_(std::move(offset)) {
    offset_.resize(y_.size(), 0.0);
  }
  double loss(std::span<const double> eta) const override {
    double sum = 0;
    for (std::size_t i = 0; i < y_.size(); ++i) {
      const double e = eta[i] + offset_[i];
      sum += softplus(e) - y_[i] * e;
    }
    return sum / static_cast<double>(y_.size());
  }
  void residuals(std::span<const double> eta, std::span<double> out) const override {
    const auto n = static_cast<double>(y_.size());
    for (std::size_t i = 0; i < y_.size(); ++i) out[i] = (y_[i] - p(eta[i] + offset_[i])) / n;
  }
  RealMatrix curvature(std::span<const double> eta, const RealMatrix& x,
                       std::span<const std::size_t> columns) const override {
    const auto n = static_cast<double>(y_.size());
    std::vector<double> weights(y_.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const double q = p(eta[i] + offset_[i]);
      weights[i] = std::max(q * (1 - q), 1e-9) / n;
    }
    return weighted_gram(x, weights, columns);
  }

 private:
  static double p(double e) { return 1 / (1 + std::exp(-e)); }
  std::vector<double> y_, offset_;
};

}  // namespace

RealMatrix weighted_gram(const RealMatrix& x, std::span<const double> weights,
                         std::span<const std::size_t> columns) {
  const std::size_t q = columns.size();
  RealMatrix gram(q, q);
  std::vector<double> row(q), scaled(q);
  for (std::size_t i = 0; i < x.rows; ++i) {
    const auto values = x.row(i);
    for (std::size_t a = 0; a < q; ++a) row[a] = values[columns[a]];
    for (std::size_t a = 0; a < q; ++a) {
      const double w = weights[i] * row[a];
      double* out = &gram.values[a * q];
      for (std::size_t b = 0; b <= a; ++b) out[b] += w * row[b];
    }
  }
  for (std::size_t a = 0; a < q; ++a)
    for (std::size_t b = 0; b < a; ++b) gram.at(b, a) = gram.at(a, b);
  return gram;
}

std::unique_ptr<Likelihood> gaussian_likelihood(std::vector<double> y) {
  return std::make_unique<Gaussian>(std::move(y));
}

std::unique_ptr<Likelihood> logistic_likelihood(std::vector<double> y, std::vector<double> offset) {
  return std::make_unique<Logistic>(std::move(y), std::move(offset));
}

}  // namespace cangong
