// The world of the deep synthetic hospital: conditions, what makes them likelier, drugs and what
// they do. Everything that a hazard depends on is recorded, so that the truth is a function of the
// record. All numbers are invented for plausibility; they are no findings.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cangong::simulate {

struct Condition {
  std::string_view code, english, chinese;  // "ICD10CM//E11"
  double base;                              // events a year at 60, in 2010, of a lean woman
  // Log hazard ratios: of a year of age, of men, of smokers, of a step of weight (0, 1, 2), of a
  // calendar year, of the southern site.
  double age, male, smoker, weight, year = 0, south = 0;
  bool recurs = false;
};

struct Drug {
  std::string_view code, english, chinese;  // "ATC//C10AA05"
  std::string_view indication, severe;  // conditions: begun after one, mostly given with the other
  std::string_view trial;               // code that enrols in the randomised arm
};

// Who has, or takes, the one has a higher or lower hazard of the other.
struct Influence {
  std::string_view from, to;
  double log_ratio;
};

// Whether a table's short name is of a code: "I10" of "ICD10CM//I10".
bool is_named(std::string_view code, std::string_view name);

// The last one is death.
std::span<const Condition> conditions();
std::span<const Drug> drugs();
std::span<const Influence> influences();

inline constexpr std::string_view kDeathCode = "MEDS_DEATH";
// In the randomised arm a drug is given by a coin; in usual care by severity.
inline constexpr double kCoin = 0.5, kGivenSevere = 0.95, kGivenOther = 0.02;

// The tables as JSON: what an estimate should find.
std::string world_json();

}  // namespace cangong::simulate
