// A patient at a moment, as a model of timelines is asked about them.
#pragma once

#include "engine/foundation.h"

namespace cangong {

inline constexpr double kDaysOfYear = 365.25;
Duration years_long(double years);

struct AskedMoment {
  Time as_of;
  float age_days = 0;
  TokenSequence history;

  float until(Duration horizon) const;
};
// Throws Fault::input where the record has no birth by then, the patient had died, or would be over
// 130 years old at the end.
AskedMoment asked_moment(const Tokenizer& tokenizer, const History& history, Duration horizon);

// Throws Fault::input where so few say nothing.
void require_enough(std::size_t futures);

struct AskedPatient {
  Bundle bundle;
  TimelineModel model;
  Store store;
  PatientId patient;
  AskedMoment moment;

  // Of the model, until the question's end.
  FutureRequest wanted(const FutureQuestion& question) const;
};

// Throws as asked_moment does, and Fault::missing where there is no such patient.
AskedPatient asked_patient(const FutureQuestion& question);

// Appends to the store's trail who was asked about, by what and when.
// `more`: a JSON object of what was asked in particular, on one line.
struct AskedRecord {
  const char* what;
  double value;
  std::string more = "{}";
};
void record_asked(const AskedPatient& asked, const FutureQuestion& question,
                  const AskedRecord& told);

}  // namespace cangong
