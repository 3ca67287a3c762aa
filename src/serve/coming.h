// The years to come, as a model of timelines foretells them: for the pages, and as FHIR R4.
#pragma once

#include "engine/foretell.h"
#include "serve/prediction.h"

namespace cangong {

inline constexpr double kFewestYears = 0.1, kMostYears = 130;

struct ComingAsk {
  TimelinesPtr model;
  std::string subject;                 // empty: data at hand
  std::vector<std::string> resources;  // then these
  std::optional<std::string> as_of;
  double years = 10;
  std::size_t futures = 300, most = 200;
  Supposing supposing = {};
};
struct Coming {
  Foretold told;
  std::optional<Subject> patient;
};
// Done and recorded. Throws 400 where it cannot be asked.
Coming ask_coming(Call& call, const ComingAsk& ask);

// A collection Bundle of a RiskAssessment with a prediction for each of the likeliest codes.
std::string coming_bundle(const Call& call, const ServedTimelines& model, const Coming& coming,
                          const Writing& writing);

}  // namespace cangong
