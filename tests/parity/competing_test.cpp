#include "evaluate/competing.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "evaluate/survival.h"
#include "model/linear.h"
#include "model/readout.h"

namespace cangong {
namespace {

struct Subject {
  double days;
  int cause;
  float x1, x2;
};

// Ties of every kind: events, other causes and censoring on the same day.
const std::vector<Subject> kRows{
    {10, 2, 0.22, 0}, {5, 1, -0.54, 0},  {6, 0, 0.89, 1},   {13, 1, 0.6, 0},   {2, 1, 1.64, 0},
    {2, 1, 0.69, 1},  {10, 0, -1.28, 1}, {6, 0, -0.21, 0},  {3, 1, 1.9, 1},    {2, 1, 1.78, 0},
    {8, 1, 0.57, 0},  {10, 0, 0.02, 0},  {2, 2, 0.38, 0},   {16, 0, -0.05, 0}, {9, 1, 0.03, 1},
    {11, 1, 0.17, 1}, {5, 1, 1.17, 1},   {8, 2, -0.04, 0},  {4, 0, -0.1, 0},   {3, 2, -0.28, 0},
    {2, 1, 1.54, 1},  {6, 1, 0.17, 1},   {2, 1, 1.31, 0},   {4, 1, 1.29, 1},   {7, 1, 0.59, 0},
    {3, 0, -0.28, 0}, {1, 1, 1.26, 1},   {2, 2, 0.91, 1},   {3, 0, -0.93, 1},  {2, 1, 1.24, 0},
    {8, 1, 0.15, 0},  {6, 0, 1.05, 0},   {3, 2, -0.75, 1},  {1, 2, -1.48, 1},  {5, 1, 0.86, 0},
    {12, 2, -0.4, 1}, {4, 1, -0.23, 0},  {1, 1, 0.93, 0},   {1, 2, -0.47, 0},  {10, 0, -0.64, 1},
    {5, 1, 1.34, 1},  {2, 2, 0.18, 1},   {8, 1, 1.29, 0},   {3, 2, -1.69, 0},  {7, 1, -0.82, 0},
    {6, 1, -0.86, 0}, {7, 0, 0.1, 0},    {1, 1, -0.38, 0},  {2, 2, 0.72, 0},   {14, 2, -1.8, 1},
    {5, 2, -0.66, 0}, {4, 1, -0.62, 1},  {11, 1, -0.08, 0}, {6, 0, 0.44, 1},   {2, 1, 1.97, 0},
    {4, 1, -0.6, 0},  {3, 2, -0.55, 1},  {4, 1, 0.7, 0},    {10, 1, -0.16, 0}, {9, 2, 1.35, 1}};

struct Columns2 {
  std::vector<double> days;
  std::vector<int> causes;
};

Columns2 columns_of(const std::vector<Subject>& rows) {
  Columns2 c;
  for (const Subject& row : rows) c.days.push_back(row.days), c.causes.push_back(row.cause);
  return c;
}

Dataset dataset_of(const std::vector<Subject>& rows) {
  const auto [days, causes] = columns_of(rows);
  Dataset data;
  data.y = competing_targets(days, causes);
  draw_left(data.y, 1);
  data.x = Matrix(rows.size(), 2);
  for (std::size_t i = 0; i < rows.size(); ++i)
    data.x.at(i, 0) = rows[i].x1, data.x.at(i, 1) = rows[i].x2;
  return data;
}

// R 4.2.2, survival 3.5-3: survfit(Surv(t, factor(s)) ~ 1).
TEST(Competing, CumulativeIncidenceEqualsAalenJohansen) {
  const auto [days, causes] = columns_of(kRows);
  for (const auto& [time, incidence] :
       {std::pair(3.0, 0.1833333333), std::pair(6.0, 0.3799767509), std::pair(9.0, 0.5156637093),
        std::pair(12.0, 0.6078284356)})
    EXPECT_NEAR(cumulative_incidence(days, causes, time), incidence, 1e-10) << time;
}

// R 4.2.2, survival 3.5-3: coxph on finegray(Surv(t, factor(s)) ~ ., etype = "1").
TEST(Competing, LinearEqualsFineAndGray) {
  for (const auto& [ties, x1, x2] : {std::tuple(Ties::efron, 1.04486015159, -0.39844683258),
                                     std::tuple(Ties::breslow, 0.969291122048, -0.352417102086)}) {
    LinearOptions options;
    options.penalty = "0";
    options.ties = ties;
    const auto model = fit_linear(options, dataset_of(kRows), {});
    EXPECT_NEAR(model->raw_coefficients()[0], x1, 1e-6);
    EXPECT_NEAR(model->raw_coefficients()[1], x2, 1e-6);
  }
}

// Two exponential causes, uniform censoring.
std::vector<Subject> simulated(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<Subject> rows;
  for (std::size_t i = 0; i < count; ++i) {
    const auto x = static_cast<float>(random.normal());
    const double a = -std::log(1 - random.uniform()) / (0.05 * std::exp(0.7 * x));
    const double b = -std::log(1 - random.uniform()) / 0.08, c = 2 + 20 * random.uniform();
    const double days = std::min({a, b, c});
    rows.push_back({days, days == a ? 1 : days == b ? 2 : 0, x, 0});
  }
  return rows;
}

TEST(Competing, DrawnTimesGiveTheSameIncidence) {
  const auto rows = simulated(20000, 1);
  const auto [days, causes] = columns_of(rows);
  Targets y = competing_targets(days, causes);
  draw_left(y, 1);
  const KaplanMeier curve(y.values, y.events, std::vector<double>(y.values.size(), 1.0));
  for (const double t : {2.0, 5.0, 10.0, 15.0})
    EXPECT_NEAR(1 - curve.at(t), cumulative_incidence(days, causes, t), 0.004) << t;
  for (std::size_t i = 0; i < days.size(); ++i) {
    EXPECT_GE(y.values[i], days[i]);
    EXPECT_EQ(y.left[i] >= 0, causes[i] == 2);
  }
}

TEST(Competing, ToldRisksAreCumulativeIncidences) {
  const auto rows = simulated(20000, 2);
  const auto [days, causes] = columns_of(rows);
  const Dataset data = dataset_of(rows);
  LinearOptions options;
  options.penalty = "0";
  const auto model = fit_linear(options, data, {});
  const Readout readout = Readout::fit(*model, data, {}, Recalibration::Kind::none, 10);
  const RealMatrix margins = model->margins(data.x);
  double sum = 0;
  for (std::size_t i = 0; i < data.rows(); ++i) sum += readout.value(margins.row(i));
  const double mean = sum / static_cast<double>(data.rows());
  EXPECT_NEAR(mean, cumulative_incidence(days, causes, 10), 0.01);
  std::vector<double> ended;
  for (const int cause : causes) ended.push_back(cause == 1);
  const KaplanMeier naive(days, ended, std::vector<double>(days.size(), 1.0));
  EXPECT_GT(1 - naive.at(10) - mean, 0.08);  // what treating the other cause as censoring would say
}

TEST(Competing, WithoutOtherCausesNothingChanges) {
  const std::vector<double> days{3, 1, 2};
  const std::vector<int> causes{0, 1, 1};
  Targets y = competing_targets(days, causes);
  draw_left(y, 1);
  EXPECT_EQ(y.values, days);
  EXPECT_TRUE(y.left.empty());
}

// The times of some are drawn from these rows alone, whatever was drawn before.
TEST(Competing, ADrawForgetsTheOneBefore) {
  const auto rows = simulated(300, 3);
  const Dataset data = dataset_of(rows);
  std::vector<std::size_t> half;
  for (std::size_t i = 0; i < 150; ++i) half.push_back(i);
  Dataset part = data.take(half);
  draw_left(part.y, 9);
  Dataset alone = dataset_of({rows.begin(), rows.begin() + 150});
  draw_left(alone.y, 9);
  EXPECT_EQ(part.y.values, alone.y.values);
}

}  // namespace
}  // namespace cangong
