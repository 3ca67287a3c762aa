// Against the law of generation of the official code (commit 770b87a).
#include "model/delphi_future.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "../shared_data.h"
#include "npz.h"

namespace cangong {
namespace {

constexpr std::int32_t kDeath = 1269;

class DelphiFuture : public testing::Test {
 protected:
  void SetUp() override {
    NEEDS_SHARED_DATA("delphi-parity");
    const fs::path folder = shared_data() / "delphi-parity";
    stored_ = read_npz(folder / "P6_generation" / "generation.npz");
    weights_ = read_npz(folder / "P2_forward" / "weights_trained.npz");
  }
  template <class Real>
  DelphiNetwork<Real> network() const {
    typename DelphiNetwork<Real>::Weights weights;
    for (const auto& [name, array] : weights_) weights[name] = array.template as<Real>();
    return {{2, 2, 24, 1270}, std::move(weights)};
  }
  DelphiCourse course(const std::string& name) const {
    return {stored_.at(name + "/ids").as<std::int32_t>(),
            stored_.at(name + "/age_days").as<float>()};
  }

  static constexpr const char* kNames[] = {"female_60_plain", "male_60_history", "female_40_short"};
  std::map<std::string, NpzArray> stored_, weights_;
};

// Ages are float32 here, as in training; the stored ones are not.
TEST_F(DelphiFuture, RatesAreTheOfficialOnes) {
  const auto exact = network<double>();
  for (const std::string name : kNames) {
    const std::vector<double> rates = delphi_rates(exact, course(name));
    const double total = std::accumulate(rates.begin(), rates.end(), 0.0);
    const double wanted = stored_.at(name + "/f64_total_rate_per_day").values[0];
    EXPECT_NEAR(total, wanted, 1e-7 * wanted);
    const auto& chances = stored_.at(name + "/next_token_probability").values;
    for (std::size_t id = 0; id < rates.size(); ++id)
      ASSERT_NEAR(rates[id] / total, chances[id], 5e-8) << name << " " << id;
  }
}

// The same numbers give the same course; the stored ages are sums of float32, which at 22,000 days
// tells 2e-3 of a day.
TEST_F(DelphiFuture, ReplayedNumbersGiveTheSameCourse) {
  const auto exact = network<double>();
  for (const std::string name : kNames) {
    const NpzArray& uniforms = stored_.at("replay/" + name + "/uniforms");
    const NpzArray& ids = stored_.at("replay/" + name + "/ids");
    const NpzArray& days = stored_.at("replay/" + name + "/age_days");
    const std::size_t steps = uniforms.shape[0], vocabulary = uniforms.shape[2];
    const auto numbers = uniforms.as<float>();
    for (std::size_t copy = 0; copy < 2; ++copy) {
      DelphiCourse now = course(name);
      double age = stored_.at(name + "/age_days").values.back();
      const std::size_t first = now.ids.size(), length = first + steps;
      for (std::size_t step = 0; step < steps && now.ids.back() != kDeath; ++step) {
        const auto own = std::span(numbers).subspan((step * 2 + copy) * vocabulary, vocabulary);
        const DelphiNext next = delphi_next_by_clocks(delphi_rates(exact, now), own);
        now.ids.push_back(next.id);
        now.days.push_back(static_cast<float>(age += next.wait));
        const std::size_t at = copy * length + first + step;
        const bool is_over = age > 80 * 365.25;
        ASSERT_EQ(is_over ? 0 : next.id, ids.values[at]) << name << " " << step;
        if (!is_over) {
          EXPECT_NEAR(age, days.values[at], 4e-3);
        }
      }
    }
  }
}

// Both ways of drawing follow the law: chi-square over the ids, Kolmogorov and Smirnov over the
// waits.
TEST_F(DelphiFuture, BothWaysDrawTheLaw) {
  constexpr int kDraws = 40'000;
  const std::vector<double> rates = delphi_rates(network<double>(), course("male_60_history"));
  const double total = std::accumulate(rates.begin(), rates.end(), 0.0);
  Random random(3);
  for (const bool by_clocks : {true, false}) {
    std::vector<double> waits;
    std::vector<int> count(rates.size());
    std::vector<float> uniforms(rates.size());
    for (int i = 0; i < kDraws; ++i) {
      if (by_clocks)
        for (float& u : uniforms) u = static_cast<float>(random.uniform());
      const DelphiNext next =
          by_clocks ? delphi_next_by_clocks(rates, uniforms) : delphi_next(rates, random);
      ++count[static_cast<std::size_t>(next.id)];
      waits.push_back(next.wait);
    }
    double chi_square = 0, cells = 0;
    for (std::size_t id = 0; id < rates.size(); ++id) {
      const double expected = kDraws * rates[id] / total;
      if (expected == 0) {
        EXPECT_EQ(count[id], 0);
      }
      if (expected <= 5) continue;
      chi_square += (count[id] - expected) * (count[id] - expected) / expected;
      ++cells;
    }
    EXPECT_LT(chi_square, cells + 4 * std::sqrt(2 * cells)) << by_clocks;  // beyond p = 0.001
    std::sort(waits.begin(), waits.end());
    double largest = 0;
    for (int i = 0; i < kDraws; ++i)
      largest = std::max(
          largest,
          std::abs(1 - std::exp(-total * waits[static_cast<std::size_t>(i)]) - (i + 0.5) / kDraws));
    EXPECT_LT(largest * std::sqrt(double{kDraws}), 1.95) << by_clocks;  // p = 0.001
  }
}

}  // namespace
}  // namespace cangong
