// A model of timelines asked about a patient of a served home.
#pragma once

#include "engine/hospital.h"
#include "engine/outlook.h"

namespace cangong {

struct Foretelling {
  const ServedTimelines& model;
  const Hospital::Record& record;
  std::string subject;  // as the trail names the patient
  Time as_of;
  double years = 10;
  std::size_t futures = 300, most = 200, threads = 1;
  Supposing supposing = {};
};
struct Foretold {
  std::string id;  // of this answer, as in the trail
  Time as_of, at;
  bool synthetic = false;
  Outlook outlook;
  std::optional<Outlook> supposed;  // the same with what the question supposes
  std::size_t unknown = 0;          // events of codes that the model does not know
  std::vector<std::string> warnings;
};
// Drawn with one seed for each patient and day: who asks again gets the same answer. A future has
// 200,000 / futures events at most. Recorded before it returns, and a refusal, too. Throws
// Fault::input where nothing can be asked at that moment, or nothing so supposed.
Foretold foretell(Hospital& hospital, const Foretelling& asked, const Asker& asker);

// The past events that a code's present rate hangs on; recorded. Throws Fault::input where the
// model can foretell no such code.
std::vector<PastEvent> drivers_of(Hospital& hospital, const Foretelling& asked,
                                  const std::string& code, const Asker& asker);

}  // namespace cangong
