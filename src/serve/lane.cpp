#include "serve/lane.h"

#include <array>

namespace cangong {
namespace {

struct LaneOf {
  std::string_view prefix, lane;
};
// The first that fits counts.
constexpr std::array kLaneOf{
    LaneOf{"MEDS_", "person"},
    LaneOf{"GENDER", "person"},
    LaneOf{"RACE", "person"},
    LaneOf{"ETHNICITY", "person"},
    LaneOf{"MARITAL_STATUS", "person"},
    LaneOf{"FAMILY_HISTORY", "person"},
    LaneOf{"ENCOUNTER_REASON", "diagnoses"},
    LaneOf{"ENCOUNTER", "encounters"},
    LaneOf{"HOSPITAL", "encounters"},
    LaneOf{"ADMISSION", "encounters"},
    LaneOf{"DISCHARGE", "encounters"},
    LaneOf{"ICU", "encounters"},
    LaneOf{"ED_", "encounters"},
    LaneOf{"VISIT", "encounters"},
    LaneOf{"TRANSFER", "encounters"},
    LaneOf{"CONDITION", "diagnoses"},
    LaneOf{"DIAGNOSIS", "diagnoses"},
    LaneOf{"ICD10PCS", "procedures"},
    LaneOf{"ICD", "diagnoses"},
    LaneOf{"ALLERGY", "diagnoses"},
    LaneOf{"MEDICATION", "medicines"},
    LaneOf{"RXNORM", "medicines"},
    LaneOf{"DRUG", "medicines"},
    LaneOf{"ATC", "medicines"},
    LaneOf{"NDC", "medicines"},
    LaneOf{"CVX", "medicines"},
    LaneOf{"INFUSION", "medicines"},
    LaneOf{"PROCEDURE", "procedures"},
    LaneOf{"CPT", "procedures"},
    LaneOf{"HCPCS", "procedures"},
    LaneOf{"NOT_DONE", "procedures"},
    LaneOf{"NOTE", "notes"},
    LaneOf{"REPORT", "notes"},
};

}  // namespace

std::string_view lane_of(std::string_view code, const Event& event) {
  for (const LaneOf& one : kLaneOf)
    if (code.starts_with(one.prefix)) return one.lane;
  if (event.number) return "measurements";
  if (code.starts_with("SNOMED")) return "diagnoses";
  if (code.starts_with("LOINC")) return !event.text.empty() ? "notes" : "measurements";
  return "other";
}

}  // namespace cangong
