// The groups of patients in which a model is judged apart: sex, race, ethnicity, site and age.
#pragma once

#include <vector>

#include "evaluate/subgroups.h"
#include "timeline/store.h"

namespace cangong {

// By the codes GENDER//, SEX//, RACE//, ETHNICITY//, SITE// and by the age at each prediction (from
// MEDS_BIRTH, else a number under AGE).
// Families in which all examples are alike are left out, and all groups of a family beyond the
// eight largest.
std::vector<Grouping> groupings_of(const Store& store, const std::vector<LabelRow>& rows);

}  // namespace cangong
