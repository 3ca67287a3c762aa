// How well a model does for some of the patients, and how far that is from how it does for the
// others.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "evaluate/assess.h"

namespace cangong {

// Who belongs to a group: one entry per example.
struct Grouping {
  std::string family, name;  // "GENDER", "female"
  std::vector<bool> members;
};

struct Subgroup {
  std::string family, name;
  std::size_t patients = 0, examples = 0, events = 0;
  // NAME, and NAME_gap: the group less everyone else, from the same resamples. Empty where the
  // group is too small to say anything: fewer than 20 patients, or 5 with or without the event.
  std::vector<NamedInterval> metrics;
};

// Yes or no: auroc, observed_to_expected. Survival: c_index, observed_to_expected at the horizon.
// Numbers: mae, bias (mean of predicted less observed). Classes: accuracy.
std::vector<Subgroup> assess_subgroups(const Examined& examined,
                                       const std::vector<Grouping>& groupings,
                                       const AssessOptions& options);

}  // namespace cangong
