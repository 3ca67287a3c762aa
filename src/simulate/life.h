// One life in the deep synthetic hospital, drawn from its hazards, and the true risks at a moment.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"
#include "simulate/world.h"

namespace cangong::simulate {

enum class Site : std::uint8_t { north, south };

// Who is born how; known of everybody.
struct Birth {
  std::int64_t number = 0;
  Time day;
  bool male = false, smoker = false;
  int weight = 0;  // 0 lean, 1 overweight, 2 obese
  Site site = Site::north;
};

// Something that happened: a condition, a drug begun, an enrolment.
struct Happening {
  enum class Kind : std::uint8_t { condition, drug, trial };
  Kind kind;
  std::size_t which;  // of conditions() or drugs()
  double years;       // since birth
};

struct Life {
  Birth birth;
  std::vector<Happening> happenings;  // in their order; death is the last
  double followed = 0;                // years since birth until death or the end of records
};

inline constexpr double kYearInMicroseconds = 365.25 * 86400e6;
inline constexpr double kAdult = 20;  // years: nothing is recorded before
// No record goes beyond.
Time end_of_records();

// The same life for the same seed and number.
Life make_life(std::uint64_t seed, std::int64_t number);

struct TrueRisks {
  std::vector<double> hazard;  // a year, at the moment, by condition; 0 where it cannot happen
  std::vector<double> risk;    // of having it within the horizon, by condition
};
// From what had happened by an age. `futures` are drawn, in which hazards are summed up until the
// condition happens; empty where the person was dead, not yet grown, or not born.
std::optional<TrueRisks> true_risks(const Life& life, double age, double horizon_years,
                                    std::size_t futures, std::uint64_t seed);

}  // namespace cangong::simulate
