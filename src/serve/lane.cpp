#include "serve/lane.h"

#include <array>

namespace cangong {
namespace {

struct Lane {
  std::string_view prefix, lane;
};
// The first that fits counts.
constexpr std::array kLanes{
    Lane{"MEDS_", "person"},
    Lane{"GENDER", "person"},
    Lane{"RACE", "person"},
    Lane{"ETHNICITY", "person"},
    Lane{"MARITAL_STATUS", "person"},
    Lane{"FAMILY_HISTORY", "person"},
    Lane{"ENCOUNTER_REASON", "diagnoses"},
    Lane{"ENCOUNTER", "encounters"},
    Lane{"HOSPITAL", "encounters"},
    Lane{"ADMISSION", "encounters"},
    Lane{"DISCHARGE", "encounters"},
    Lane{"ICU", "encounters"},
    Lane{"ED_", "encounters"},
    Lane{"VISIT", "encounters"},
    Lane{"TRANSFER", "encounters"},
    Lane{"CONDITION", "diagnoses"},
    Lane{"DIAGNOSIS", "diagnoses"},
    Lane{"ICD10PCS", "procedures"},
    Lane{"ICD", "diagnoses"},
    Lane{"ALLERGY", "diagnoses"},
    Lane{"MEDICATION", "medicines"},
    Lane{"RXNORM", "medicines"},
    Lane{"DRUG", "medicines"},
    Lane{"ATC", "medicines"},
    Lane{"NDC", "medicines"},
    Lane{"CVX", "medicines"},
    Lane{"INFUSION", "medicines"},
    Lane{"PROCEDURE", "procedures"},
    Lane{"CPT", "procedures"},
    Lane{"HCPCS", "procedures"},
    Lane{"NOT_DONE", "procedures"},
    Lane{"NOTE", "notes"},
    Lane{"REPORT", "notes"},
};

}  // namespace

std::string_view lane_of(std::string_view code, const Event& event) {
  for (const Lane& lane : kLanes)
    if (code.starts_with(lane.prefix)) return lane.lane;
  if (event.number) return "measurements";
  if (code.starts_with("SNOMED")) return "diagnoses";
  if (code.starts_with("LOINC")) return !event.text.empty() ? "notes" : "measurements";
  return "other";
}

}  // namespace cangong
