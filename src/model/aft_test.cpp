#include "model/aft.h"

#include <gtest/gtest.h>

#include <cmath>

#include "../../tests/survival_table.h"
#include "base/random.h"
#include "model/readout.h"

namespace cangong {
namespace {

// survreg of R survival 3.5 on Rossi et al. 1980: fin, age, race, wexp, mar, paro, prio, intercept,
// scale; S(30) of the first three.
struct AftReference {
  const char* distribution;
  std::vector<double> coefficients;
  double scale;
  std::vector<double> survival;
};

TEST(Aft, RossiEqualsR) {
  NEEDS_SHARED_DATA("survival");
  const Dataset data =
      read_survival(shared_data() / "survival" / "rossi.csv", "week", "arrest").train;
  const AftReference references[] = {{"weibull",
                                      {0.272163360, 0.040713798, -0.224802443, 0.106556587,
                                       0.311273265, 0.058827253, -0.065816905, 3.990134797},
                                      0.712405334,
                                      {0.855785103, 0.661389799, 0.677596467}},
                                     {"lognormal",
                                      {0.342847679, 0.027201842, -0.363159959, 0.268132062,
                                       0.460353375, 0.055879376, -0.065517510, 4.267665704},
                                      1.294569926,
                                      {0.801628182, 0.657369116, 0.745663227}},
                                     {"loglogistic",
                                      {0.288876139, 0.036365589, -0.279149259, 0.178423815,
                                       0.347303977, 0.050798170, -0.069182244, 3.918304144},
                                      0.647134756,
                                      {0.837908620, 0.646220862, 0.696611005}}};
  for (const AftReference& reference : references) {
    AftOptions options;
    options.distribution = reference.distribution;
    options.penalty = "0";
    options.intervals = 1000;
    const auto model = fit_aft(options, data, {});
    const auto raw = model->raw_coefficients();
    for (std::size_t j = 0; j < raw.size(); ++j)
      EXPECT_NEAR(raw[j], reference.coefficients[j], 2e-5) << reference.distribution << " " << j;
    EXPECT_NEAR(model->scale, reference.scale, 1e-5) << reference.distribution;
    const auto loaded = AftModel::load(model->save());
    EXPECT_EQ(loaded->margins(data.x).values, model->margins(data.x).values);
    const Readout readout = Readout::fit(*model, data, {}, Recalibration::Kind::none, 30);
    const RealMatrix margins = model->margins(data.x);
    for (std::size_t i = 0; i < 3;
         ++i)  // an arrest falls on week 30, so that an interval ends there
      EXPECT_NEAR(readout.survival(margins.row(i), 30), reference.survival[i], 1e-4)
          << reference.distribution;
  }
}

TEST(Aft, TheTuningPatientsChooseTheDistribution) {
  Random random(1);
  const auto sample = [&](std::size_t rows) {
    Dataset data;
    data.y.answer = Answer::survival;
    data.x = Matrix(rows, 2);
    for (std::size_t i = 0; i < rows; ++i) {
      for (float& v : data.x.row(i)) v = static_cast<float>(random.normal());
      const double time = std::exp(3 + data.x.at(i, 0) + 1.5 * random.normal());
      data.y.values.push_back(std::min(time, 200.0));
      data.y.events.push_back(time <= 200);
    }
    return data;
  };
  const Dataset train = sample(2000);
  const auto model = fit_aft(AftOptions{}, train, sample(2000));
  EXPECT_EQ(model->shape, TimeShape::lognormal);
  EXPECT_NEAR(model->scale, 1.5, 0.1);
  EXPECT_NEAR(model->raw_coefficients()[0], 1, 0.1);
}

TEST(Aft, ATimeOfZeroIsNoTrap) {
  Dataset data;
  data.y.answer = Answer::survival;
  data.x = Matrix(6, 1);
  data.y.values = {0, 1, 2, 3, 4, 5};
  data.y.events = {1, 1, 0, 1, 1, 0};
  for (const double margin : fit_aft(AftOptions{}, data, {})->margins(data.x).values)
    EXPECT_TRUE(std::isfinite(margin));
  data.y.answer = Answer::real;
  EXPECT_THROW(fit_aft(AftOptions{}, data, {}), Error);
}

}  // namespace
}  // namespace cangong
