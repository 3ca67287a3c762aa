// One person of the synthetic hospital: a life drawn from the disease process, and what a hospital
// would have written down of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "simulate/disease.h"

namespace cangong::simulate {

enum class Kind { visit, admission, condition, measurement, order };

// An entry of the terminologies that the hospital uses.
struct Concept {
  Kind kind;
  std::string_view system;  // "LOINC": as in a store's codes
  std::string_view url;     // as in FHIR
  std::string_view code, display, unit;
};

struct Record {
  const Concept* concept_of = nullptr;
  Time known, occurred;  // of a stay: its end and its beginning
  std::optional<float> number;
};

// What was at work during one year of a life, for judging models against the truth.
struct TrueYear {
  Time begin;
  std::array<double, kStates> hazard{};      // a year, at the beginning; 0 where not possible
  std::array<double, kStates> cumulative{};  // over the time under observation in this year
  std::array<std::uint16_t, kStates> events{};
};

struct Person {
  std::int64_t number = 0;
  bool male = false;
  bool smoker = false;
  Time birth;  // a date
  std::optional<Time> death;
  Time first, last;             // under observation
  std::vector<Record> records;  // by `known`
  std::vector<TrueYear> years;
};

// The same person for the same seed and number, whoever else there is.
Person make_person(std::uint64_t seed, std::int64_t number);

// Everything that records may name.
const std::vector<Concept>& concepts();

}  // namespace cangong::simulate
