// Answers that are not yes or no: counts, values, classes and times to an event.
#pragma once

#include <optional>
#include <vector>

#include "cohort/record.h"
#include "timeline/meds_tables.h"

namespace cangong {

// The label of one realised row; nothing where it cannot be known (no value, no follow-up).
std::optional<Label> outcome_label(const Task& task, const Record& record,
                                   const std::vector<Time>& moments);

}  // namespace cangong
