// A patient at a moment, as a model of timelines is asked about them.
#pragma once

#include "engine/foundation.h"

namespace cangong {

struct AskedPatient {
  Bundle bundle;
  TimelineModel model;
  Store store;
  PatientId patient;
  Time as_of;
  float age_days = 0;
  TokenSequence history;

  float until(Duration horizon) const;
};

// Throws Fault::missing where there is no such patient, Fault::input where the moment is none, lies
// before birth or behind death, or the record has no birth.
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
