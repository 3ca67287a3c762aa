#include "simulate/disease.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace cangong::simulate {
namespace {

constexpr std::array<std::string_view, kFactors> kFactorNames{
    "age_from_60",  "male",     "smoker",        "bmi_from_27", "sbp_from_130",  "ldl_from_130",
    "unseen_genes", "diabetes", "hypertension",  "infarction",  "heart_failure", "kidney_disease",
    "cancer",       "statin",   "ace_inhibitor", "metformin"};

struct Law {
  double base;                            // events a year
  std::array<int, kFactors> thousandths;  // log hazard ratios * 1000, in the order of Factor
};

// clang-format off
constexpr std::array<Law, kStates> kLaws{{
    //     age male smoke  bmi sbp ldl genes diab hyp   mi    hf  ckd canc statin ace metf
    {.008, {30, 150, 100, 100,  0,  0, 400,   0, 200,    0,    0,   0,    0,  80,    0,    0}},
    {.030, {40, 100, 150,  60,  0,  0, 200, 300,   0,    0,    0, 300,    0,   0,    0,    0}},
    {.004, {55, 550, 600,  20, 15,  8, 300, 600,   0,  700,    0, 300,    0, -290,   0,    0}},
    {.003, {70, 200, 200,  30, 10,  0,   0, 400,   0, 1200,    0, 400,    0,   0, -220,    0}},
    {.005, {50, 100, 100,  10, 12,  0,   0, 800, 300,    0,  300,   0,    0,   0, -200,    0}},
    {.005, {55, 200, 500,  20,  0,  0,   0, 100,   0,    0,    0,   0,    0,   0,    0,    0}},
    {.005, {85, 350, 450,   0,  0,  0,   0, 450,   0,  600, 1000, 600, 1400,   0,    0, -150}},
}};
// clang-format on

}  // namespace

double hazard(State state, const Factors& factors) {
  const Law& law = kLaws[static_cast<std::size_t>(state)];
  double sum = 0;
  for (std::size_t f = 0; f < kFactors; ++f) sum += law.thousandths[f] * factors[f];
  return law.base * std::exp(sum / 1000);
}

std::string hazards_json() {
  nlohmann::ordered_json laws;
  for (std::size_t s = 0; s < kStates; ++s) {
    nlohmann::ordered_json ratios;
    for (std::size_t f = 0; f < kFactors; ++f)
      if (kLaws[s].thousandths[f] != 0)
        ratios[std::string(kFactorNames[f])] = kLaws[s].thousandths[f] / 1000.0;
    laws[std::string(kStateNames[s])] = {{"events_per_year", kLaws[s].base},
                                         {"log_hazard_ratios", ratios}};
  }
  return nlohmann::ordered_json{{"synthetic", true}, {"hazards", laws}}.dump(1) + "\n";
}

}  // namespace cangong::simulate
