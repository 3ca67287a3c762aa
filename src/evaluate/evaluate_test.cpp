#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "evaluate/assess.h"
#include "evaluate/binary.h"
#include "evaluate/calibration.h"
#include "evaluate/survival.h"

namespace cangong {
namespace {

std::vector<double> ones(std::size_t n) {
  return std::vector<double>(n, 1.0);
}

// scikit-learn 1.9 on these 10 examples, with ties.
const std::vector<double> kScore{0.1, 0.4, 0.35, 0.8, 0.4, 0.7, 0.2, 0.9, 0.35, 0.6};
const std::vector<double> kTruth{0, 0, 1, 1, 1, 0, 0, 1, 0, 1};

TEST(Binary, EqualsScikitLearn) {
  const Ranking ranking(kScore, kTruth);
  EXPECT_NEAR(ranking.auroc(ones(10)), 0.8, 1e-12);
  EXPECT_NEAR(ranking.average_precision(ones(10)), 0.8083333333333333, 1e-9);
  EXPECT_NEAR(brier_score(kScore, kTruth, ones(10)), 0.1815, 1e-9);
  EXPECT_NEAR(log_loss(kScore, kTruth, ones(10)), 0.5279527958267276, 1e-9);
  const Confusion c = confusion(kScore, kTruth, ones(10), 0.4);
  EXPECT_EQ(c.tp, 4);
  EXPECT_EQ(c.fp, 2);
  EXPECT_NEAR(c.f1(), 0.7272727272727273, 1e-12);
}

TEST(Binary, WeightsAreCopies) {
  std::vector<double> weights{1, 0, 2, 1, 3, 1, 1, 0, 2, 1}, score, truth;
  for (std::size_t i = 0; i < 10; ++i)
    for (int k = 0; k < weights[i]; ++k) score.push_back(kScore[i]), truth.push_back(kTruth[i]);
  const Ranking weighted(kScore, kTruth), copied(score, truth);
  EXPECT_NEAR(weighted.auroc(weights), copied.auroc(ones(score.size())), 1e-12);
  EXPECT_NEAR(weighted.average_precision(weights), copied.average_precision(ones(score.size())),
              1e-12);
}

TEST(Binary, OneClassOnlyIsNotANumber) {
  const Ranking ranking(std::vector<double>{1, 2}, std::vector<double>{1, 1});
  EXPECT_TRUE(std::isnan(ranking.auroc(ones(2))));
}

// Scores of two normals one standard deviation apart: the AUROC is Phi(1 / sqrt 2).
struct Drawn {
  std::vector<double> score, truth;
  std::vector<PatientId> patients;
};

Drawn draw(std::size_t n, std::uint64_t seed) {
  Random random(seed);
  Drawn d;
  for (std::size_t i = 0; i < n; ++i) {
    const bool yes = random.uniform() < 0.3;
    d.truth.push_back(yes);
    d.score.push_back(random.normal() + (yes ? 1 : 0));
    d.patients.push_back(PatientId(static_cast<std::int64_t>(i)));
  }
  return d;
}

TEST(Binary, IntervalsCoverAtTheNominalRate) {
  const double truth = 0.5 * std::erfc(-0.5);
  int delong = 0, percentile = 0;
  const int rounds = 400;
  for (int round = 0; round < rounds; ++round) {
    const Drawn d = draw(200, 100 + static_cast<std::uint64_t>(round));
    const Interval a = auroc_delong(d.score, d.truth);
    delong += a.low <= truth && truth <= a.high;
    const Ranking ranking(d.score, d.truth);
    const auto b = bootstrap(d.patients, 1, [&](auto w, auto out) { out[0] = ranking.auroc(w); },
                             {200, 1, 0.95, 1});
    percentile += b[0].low <= truth && truth <= b[0].high;
  }
  // 95 % of 400, give or take three standard errors.
  EXPECT_NEAR(delong / double(rounds), 0.95, 0.033);
  EXPECT_NEAR(percentile / double(rounds), 0.95, 0.04);
}

TEST(Bootstrap, ResamplesPatientsNotRows) {
  // Ten rows of each patient are equal: the interval must be as wide as with one row each.
  Random random(1);
  std::vector<double> values;
  std::vector<PatientId> one, ten;
  std::vector<double> repeated;
  for (int i = 0; i < 100; ++i) {
    values.push_back(random.normal());
    one.push_back(PatientId(i));
    for (int k = 0; k < 10; ++k) repeated.push_back(values.back()), ten.push_back(PatientId(i));
  }
  const auto mean_of = [](const std::vector<double>& v) {
    return [&v](std::span<const double> w, std::span<double> out) {
      double sum = 0, all = 0;
      for (std::size_t i = 0; i < v.size(); ++i) sum += w[i] * v[i], all += w[i];
      out[0] = sum / all;
    };
  };
  const auto a = bootstrap(one, 1, mean_of(values), {500, 3, 0.95, 1})[0];
  const auto b = bootstrap(ten, 1, mean_of(repeated), {500, 3, 0.95, 2})[0];
  EXPECT_NEAR(a.low, b.low, 1e-12);
  EXPECT_NEAR(a.high, b.high, 1e-12);
}

TEST(Calibration, PerfectAndDistortedProbabilities) {
  Random random(5);
  std::vector<double> p, steep, truth;
  for (int i = 0; i < 20000; ++i) {
    p.push_back(sigmoid(1.2 * random.normal() - 1));
    steep.push_back(sigmoid(2 * logit(p.back()) + 0.5));
    truth.push_back(random.uniform() < p.back());
  }
  const auto good = calibration_line(p, truth, ones(p.size()));
  EXPECT_NEAR(good.slope, 1, 0.05);
  EXPECT_NEAR(good.intercept_in_the_large, 0, 0.05);
  EXPECT_LT(integrated_calibration_index(p, truth, ones(p.size())), 0.012);
  const auto bad = calibration_line(steep, truth, ones(p.size()));
  EXPECT_NEAR(bad.slope, 0.5, 0.03);
  EXPECT_GT(integrated_calibration_index(steep, truth, ones(p.size())), 0.05);
  for (const auto kind : {Recalibration::Kind::platt, Recalibration::Kind::isotonic}) {
    const auto map = Recalibration::load(Recalibration::fit(kind, steep, truth).save());
    std::vector<double> mended;
    for (const double q : steep) mended.push_back(map.apply(q));
    EXPECT_LT(integrated_calibration_index(mended, truth, ones(p.size())), 0.012);
  }
}

TEST(Calibration, EqualProbabilitiesArePooledTogether) {
  const std::vector<double> p{.2, .2, .2, .5, .5}, y{0, 0, 1, 0, 1};
  const auto map = Recalibration::fit(Recalibration::Kind::isotonic, p, y);
  EXPECT_NEAR(map.apply(.2), 1.0 / 3, 1e-12);
  EXPECT_NEAR(map.apply(.5), 0.5, 1e-12);
  std::vector<double> flat(100, 0.5), half;
  for (int i = 0; i < 100; ++i) half.push_back(i < 50);
  EXPECT_NEAR(integrated_calibration_index(flat, half, ones(100)), 0, 1e-12);
}

TEST(Calibration, ALineIsFoundForOverconfidentModels) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Random random(seed);
    std::vector<double> p, truth;
    for (int i = 0; i < 200; ++i) {
      const double x = 6 * random.normal();
      p.push_back(sigmoid(x));
      truth.push_back(random.uniform() < sigmoid(0.1 * x));
    }
    EXPECT_NEAR(calibration_line(p, truth, ones(200)).slope, 0.1, 0.12) << seed;
  }
}

TEST(Calibration, IsotonicIsMonotone) {
  const Drawn d = draw(300, 2);
  std::vector<double> p;
  for (const double s : d.score) p.push_back(sigmoid(s));
  const auto map = Recalibration::fit(Recalibration::Kind::isotonic, p, d.truth);
  for (double q = 0; q < 1; q += 0.01) EXPECT_LE(map.apply(q), map.apply(q + 0.01) + 1e-12);
}

// Miller's acute myelogenous leukaemia data, maintained arm (R survival, `aml`).
const std::vector<double> kAmlDays{9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161};
const std::vector<double> kAmlEvents{1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0};

TEST(KaplanMeierTest, RowsOfOnePatientAreNotIndependent) {
  std::vector<double> days, events;
  std::vector<PatientId> own, shared;
  Random random(3);
  for (int i = 0; i < 400; ++i) {
    days.push_back(std::ceil(random.uniform() * 60));
    events.push_back(random.uniform() < 0.6);
    own.push_back(PatientId(i));
  }
  const std::vector<double> at{10, 30, 50};
  const auto single = survival_bands(days, events, own, at);
  auto twice_days = days, twice_events = events;
  twice_days.insert(twice_days.end(), days.begin(), days.end());
  twice_events.insert(twice_events.end(), events.begin(), events.end());
  for (int i = 0; i < 800; ++i) shared.push_back(PatientId(i % 400));
  const auto twice = survival_bands(twice_days, twice_events, shared, at);
  for (std::size_t t = 0; t < at.size(); ++t) {  // each row twice says nothing new
    EXPECT_NEAR(twice[t].value, single[t].value, 1e-12);
    EXPECT_NEAR(twice[t].low, single[t].low, 0.004);
    EXPECT_NEAR(twice[t].high, single[t].high, 0.004);
  }
}

TEST(KaplanMeierTest, EqualsR) {
  const KaplanMeier km(kAmlDays, kAmlEvents, ones(11));
  EXPECT_NEAR(km.at(9), 0.909090909, 1e-9);
  EXPECT_NEAR(km.at(13), 0.818181818, 1e-9);
  EXPECT_NEAR(km.at(18), 0.715909091, 1e-9);
  EXPECT_NEAR(km.at(23), 0.613636364, 1e-9);
  EXPECT_NEAR(km.at(48), 0.184090909, 1e-9);
  EXPECT_EQ(km.median(), 31);
  EXPECT_EQ(km.at(8.99), 1.0);
}

TEST(ConcordanceTest, AgainstAllPairs) {
  Random random(9);
  for (int round = 0; round < 20; ++round) {
    std::vector<double> risk, days, events, weights;
    for (int i = 0; i < 60; ++i) {
      risk.push_back(std::floor(random.normal() * 3));
      days.push_back(std::floor(random.uniform() * 20));
      events.push_back(random.uniform() < 0.6);
      weights.push_back(random.below(3));
    }
    double concordant = 0, usable = 0;
    for (std::size_t i = 0; i < 60; ++i)
      for (std::size_t j = 0; j < 60; ++j) {
        const bool outlives = days[j] > days[i] || (days[j] == days[i] && events[j] < 0.5);
        if (i == j || events[i] < 0.5 || !outlives) continue;
        const double w = weights[i] * weights[j];
        usable += w;
        concordant += w * (risk[i] > risk[j] ? 1 : risk[i] == risk[j] ? 0.5 : 0);
      }
    EXPECT_NEAR(Concordance(risk, days, events).harrell(weights), concordant / usable, 1e-12);
  }
}

// scikit-survival 0.28 on these rows; the censoring distribution is theirs as well.
TEST(SurvivalMetrics, EqualScikitSurvival) {
  const std::vector<double> days{1, 2, 3, 4, 4, 5, 6, 7, 8, 9, 10, 12};
  const std::vector<double> events{1, 0, 1, 1, 0, 1, 0, 1, 1, 0, 1, 0};
  const std::vector<double> risk{2.1, 1.0, 1.9, 0.3, 0.8, 1.1, 0.2, 1.4, -0.5, 0.1, -0.2, -1.0};
  const KaplanMeier censoring(days, events, ones(12), KaplanMeier::Kind::censoring);
  const Concordance order(risk, days, events);
  EXPECT_NEAR(order.harrell(ones(12)), 0.8571428571428571, 1e-9);
  EXPECT_NEAR(order.uno(ones(12), censoring, 10), 0.8186173105067086, 1e-9);
  std::vector<double> scores;
  const std::vector<double> times{2, 4, 6, 8};
  for (const double t : times) {
    std::vector<double> survival;
    for (const double r : risk) survival.push_back(std::exp(-0.1 * t * std::exp(0.5 * r)));
    scores.push_back(brier_at(t, survival, days, events, censoring, ones(12)));
  }
  const std::pair<double, double> areas[] = {
      {3, 1.0}, {4.5, 0.8930091185410335}, {6, 0.8910216718266254}, {8.5, 0.8682141520029951}};
  for (const auto& [t, area] : areas)
    EXPECT_NEAR(auc_at(t, risk, days, events, censoring, ones(12)), area, 1e-9);
  auto tied = risk;
  tied[3] = 0.2, tied[5] = 1.0;
  EXPECT_NEAR(auc_at(4.5, tied, days, events, censoring, ones(12)), 0.8662613981762918, 1e-9);
  EXPECT_NEAR(scores[0], 0.08201395276099384, 1e-9);
  EXPECT_NEAR(scores[2], 0.186511600736281, 1e-9);
  EXPECT_NEAR(integrate(times, scores), 0.15813783629042621, 1e-9);
}

}  // namespace
}  // namespace cangong
