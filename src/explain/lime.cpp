#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "explain/attribution.h"

namespace cangong {
namespace {

constexpr std::size_t kMostColumns = 300;
constexpr double kRidge = 1;

// The solution of a x = b, a symmetric and positive definite, by Cholesky.
std::vector<double> solved(RealMatrix a, std::vector<double> b) {
  const std::size_t n = b.size();
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t k = 0; k < j; ++k) a.at(j, j) -= a.at(j, k) * a.at(j, k);
    a.at(j, j) = std::sqrt(a.at(j, j));
    for (std::size_t i = j + 1; i < n; ++i) {
      for (std::size_t k = 0; k < j; ++k) a.at(i, j) -= a.at(i, k) * a.at(j, k);
      a.at(i, j) /= a.at(j, j);
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= a.at(i, k) * b[k];
    b[i] /= a.at(i, i);
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) b[i] -= a.at(k, i) * b[k];
    b[i] /= a.at(i, i);
  }
  return b;
}

// Weighted ridge regression of y on the columns of z and an unpenalised constant, which comes last.
std::vector<double> ridge(const RealMatrix& z, std::span<const double> y,
                          std::span<const double> weights) {
  const std::size_t p = z.columns;
  RealMatrix gram(p + 1, p + 1);
  std::vector<double> moment(p + 1), row(p + 1, 1.0);
  for (std::size_t i = 0; i < z.rows; ++i) {
    std::copy(z.row(i).begin(), z.row(i).end(), row.begin());
    for (std::size_t a = 0; a <= p; ++a) {
      if (row[a] == 0) continue;
      moment[a] += weights[i] * row[a] * y[i];
      for (std::size_t b = 0; b <= a; ++b) gram.at(a, b) += weights[i] * row[a] * row[b];
    }
  }
  for (std::size_t a = 0; a < p; ++a) gram.at(a, a) += kRidge;
  return solved(std::move(gram), std::move(moment));
}

// The columns that matter most on their own.
std::vector<std::size_t> chosen_columns(const Explainee& e, const Matrix& row) {
  const RealMatrix lost = occlusion(e, row);
  std::vector<std::size_t> columns;
  for (std::size_t j = 0; j < row.columns; ++j)
    if (lost.at(0, j) != 0) columns.push_back(j);
  std::stable_sort(columns.begin(), columns.end(), [&](std::size_t a, std::size_t b) {
    return std::abs(lost.at(0, a)) > std::abs(lost.at(0, b));
  });
  columns.resize(std::min(columns.size(), kMostColumns));
  std::sort(columns.begin(), columns.end());
  return columns;
}

void explain_row(const Explainee& e, const Matrix& row, std::span<double> parts) {
  const auto columns = chosen_columns(e, row);
  const std::size_t p = columns.size(), samples = std::max<std::size_t>(1000, 5 * p);
  Random random(e.seed);
  Matrix mixed(samples, row.columns);
  RealMatrix kept(samples, p);
  std::vector<double> weights(samples, 1.0);
  const double width = 0.75 * std::sqrt(static_cast<double>(std::max<std::size_t>(p, 1)));
  for (std::size_t i = 0; i < samples; ++i) {
    const auto other =
        e.background.row(random.below(static_cast<std::uint32_t>(e.background.rows)));
    std::copy(row.row(0).begin(), row.row(0).end(), mixed.row(i).begin());
    // How much is kept differs from sample to sample; the first one is the patient.
    const double share = i == 0 ? 1 : random.uniform();
    double gone = 0;
    for (std::size_t j = 0; j < p; ++j) {
      const bool keep = random.uniform() < share;
      kept.at(i, j) = keep;
      if (!keep) mixed.at(i, columns[j]) = other[columns[j]], ++gone;
    }
    weights[i] = std::exp(-gone / (width * width));
  }
  const RealMatrix margins = e.fitted.explained(mixed);
  std::vector<double> y(samples);
  for (std::size_t i = 0; i < samples; ++i) y[i] = margins.at(i, e.output);
  const auto coefficients = ridge(kept, y, weights);
  for (std::size_t j = 0; j < p; ++j) parts[columns[j]] = coefficients[j];
  parts.back() = coefficients.back();
}

}  // namespace

RealMatrix lime(const Explainee& e, const Matrix& x) {
  RealMatrix parts(x.rows, x.columns + 1);
  for (std::size_t i = 0; i < x.rows; ++i) {
    Matrix row(1, x.columns);
    std::copy(x.row(i).begin(), x.row(i).end(), row.values.begin());
    explain_row(e, row, parts.row(i));
  }
  return parts;
}

}  // namespace cangong
