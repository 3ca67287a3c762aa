// The disease process of the synthetic hospital: which states a person may enter, and how fast.
// All numbers are invented for plausibility; they are no findings.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace cangong::simulate {

enum class State { diabetes, hypertension, infarction, failure, kidney, cancer, death };
inline constexpr std::size_t kStates = 7;
inline constexpr std::array<std::string_view, kStates> kStateNames{
    "diabetes", "hypertension", "myocardial_infarction", "heart_failure", "kidney_disease",
    "cancer",   "death"};

// What a hazard depends on, each as its distance from the usual.
enum class Factor {
  age,     // years from 60
  male,    // 0 or 1
  smoker,  // 0 or 1
  bmi,     // kg/m2 from 27
  sbp,     // mmHg from 130
  ldl,     // mg/dL from 130
  genes,   // a standard normal score that no record shows
  diabetes,
  hypertension,
  infarction,
  failure,
  kidney,
  cancer,
  statin,     // taken now
  inhibitor,  // ACE inhibitor, taken now
  metformin   // taken now
};
inline constexpr std::size_t kFactors = 16;
using Factors = std::array<double, kFactors>;

// Events a year: base * exp(sum of log ratio * factor). An infarction may come again; the other
// states are entered once. Death ends everything.
double hazard(State state, const Factors& factors);

// The table of bases and log hazard ratios, as JSON: what an estimate should find.
std::string hazards_json();

}  // namespace cangong::simulate
