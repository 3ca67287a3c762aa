// One timeline out of what a patient's bulk record holds and what arrived since.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "timeline/timeline.h"

namespace cangong {

// A row that owns its texts: one version of a fact.
struct LiveEvent {
  std::optional<Time> time, occurred;
  std::string code;
  std::optional<float> number;
  std::string unit, text;
  std::string description;  // of the code
  Validity validity;
  std::string source;  // "Observation/123": the resource that says so
};

// `bulk` may be null; its rows come first among those of one time. The codes are numbered anew,
// only those of this patient.
Timeline assemble(PatientId patient, const Timeline* bulk, std::vector<LiveEvent> live);

}  // namespace cangong
