#include "explain/shap.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

namespace cangong {
namespace {

// x0 x1 x2 + 2 x3 + x1 (x4 > 0): what no additive model is.
class Product : public Model {
 public:
  std::string kind() const override { return "product"; }
  std::size_t outputs() const override { return 1; }
  RealMatrix margins(const Matrix& x) const override {
    RealMatrix out(x.rows, 1);
    for (std::size_t i = 0; i < x.rows; ++i)
      out.at(i, 0) = x.at(i, 0) * x.at(i, 1) * x.at(i, 2) + 2 * x.at(i, 3) +
                     x.at(i, 1) * (x.at(i, 4) > 0 ? 1 : 0);
    return out;
  }
  std::optional<RealMatrix> contributions(const Matrix&, std::size_t) const override {
    return std::nullopt;
  }
  std::string save() const override { return ""; }
};

constexpr std::size_t kColumns = 5;

Matrix random_rows(std::size_t rows, std::uint64_t seed) {
  Random random(seed);
  Matrix x(rows, kColumns);
  for (float& v : x.values) v = static_cast<float>(2 * random.uniform() - 1);
  return x;
}

Fitted product(std::vector<std::size_t> columns = {}) {
  Fitted fitted;
  fitted.columns = std::move(columns);
  fitted.model = std::make_unique<Product>();
  return fitted;
}

// Mean margin over the background where the columns of `set` are the row's.
double worth(unsigned set, std::span<const float> row, const Matrix& background) {
  Matrix mixed = background;
  for (std::size_t b = 0; b < mixed.rows; ++b)
    for (std::size_t j = 0; j < kColumns; ++j)
      if (set >> j & 1) mixed.at(b, j) = row[j];
  double sum = 0;
  for (const double v : Product().margins(mixed).values) sum += v;
  return sum / static_cast<double>(mixed.rows);
}

// The definition: over all 2^columns sets (Shapley 1953).
double shapley(std::size_t column, std::span<const float> row, const Matrix& background) {
  double value = 0;
  for (unsigned set = 0; set < 1u << kColumns; ++set) {
    if (set >> column & 1) continue;
    const auto size = static_cast<double>(std::popcount(set));
    const double weight =
        std::tgamma(size + 1) * std::tgamma(kColumns - size) / std::tgamma(kColumns + 1);
    value += weight * (worth(set | 1u << column, row, background) - worth(set, row, background));
  }
  return value;
}

TEST(Shap, SampledPartsApproachTheDefinitionAndAddUp) {
  const Matrix x = random_rows(4, 1), background = random_rows(20, 2);
  const RealMatrix parts = shap(product(), x, background, 0, {400, 1});
  const RealMatrix margins = Product().margins(x);
  for (std::size_t i = 0; i < x.rows; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < kColumns; ++j) {
      EXPECT_NEAR(parts.at(i, j), shapley(j, x.row(i), background), 0.01);
      sum += parts.at(i, j);
    }
    EXPECT_NEAR(parts.at(i, kColumns), worth(0, x.row(i), background), 1e-6);
    EXPECT_NEAR(sum + parts.at(i, kColumns), margins.at(i, 0), 1e-4);
  }
}

TEST(Shap, ColumnsThatTheModelDoesNotSeeGetNothing) {
  Matrix wide(3, 7), background(10, 7);
  Random random(3);
  for (float& v : wide.values) v = static_cast<float>(random.uniform());
  for (float& v : background.values) v = static_cast<float>(random.uniform());
  const RealMatrix parts = shap(product({6, 1, 2, 3, 4}), wide, background, 0, {50, 1});
  for (std::size_t i = 0; i < wide.rows; ++i) {
    EXPECT_EQ(parts.at(i, 0), 0);
    EXPECT_EQ(parts.at(i, 5), 0);
    EXPECT_NE(parts.at(i, 6), 0);
  }
}

// Three classes in the order of one column: the middle one's raw margin is flat, its odds are not.
class Ordered : public Model {
 public:
  std::string kind() const override { return "ordered"; }
  std::size_t outputs() const override { return 3; }
  RealMatrix margins(const Matrix& x) const override {
    RealMatrix out(x.rows, 3);
    for (std::size_t i = 0; i < x.rows; ++i) out.at(i, 0) = -x.at(i, 0), out.at(i, 2) = x.at(i, 0);
    return out;
  }
  std::optional<RealMatrix> contributions(const Matrix& x, std::size_t output) const override {
    RealMatrix parts(x.rows, x.columns + 1);  // exact for the raw margin
    for (std::size_t i = 0; i < x.rows; ++i) parts.at(i, 0) = margins(x).at(i, output);
    return parts;
  }
  std::string save() const override { return ""; }
};

TEST(Shap, OfAClassAreOfItsOddsAgainstTheOthers) {
  Dataset data;
  data.x = random_rows(30, 6);
  data.y.answer = Answer::category;
  data.y.classes = {"low", "mid", "high"};
  data.y.values.assign(30, 1);
  Fitted fitted;
  fitted.model = std::make_unique<Ordered>();
  fitted.readout = Readout::fit(*fitted.model, data, {}, Recalibration::Kind::none, 0);
  Matrix x(1, kColumns);
  x.at(0, 0) = 0;  // as far from low as from high
  const RealMatrix parts = shap(fitted, x, data.x, 1);
  EXPECT_GT(parts.at(0, 0), 0.05);
  EXPECT_NEAR(parts.at(0, 0) + parts.at(0, kColumns), fitted.explained(x).at(0, 1), 1e-9);
  EXPECT_NEAR(fitted.explained(x).at(0, 1), -std::log(2.0), 1e-12);
  EXPECT_NEAR(importance(fitted, data.x, data.x)[0], 1, 1e-9);
}

TEST(Shap, ARowsPartsDoNotDependOnItsNeighbours) {
  const Matrix x = random_rows(3, 4), background = random_rows(8, 5);
  const RealMatrix all = shap(product(), x, background, 0);
  Matrix last(1, kColumns);
  std::copy(x.row(2).begin(), x.row(2).end(), last.values.begin());
  const RealMatrix alone = shap(product(), last, background, 0);
  for (std::size_t j = 0; j <= kColumns; ++j) EXPECT_EQ(alone.at(0, j), all.at(2, j));
}

}  // namespace
}  // namespace cangong
