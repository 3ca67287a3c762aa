// The groups of patients in which a model is judged apart: sex, race, ethnicity, site and age.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "evaluate/subgroups.h"
#include "timeline/store.h"

namespace cangong {

// By the codes GENDER//, SEX//, RACE//, ETHNICITY//, SITE// and by the age at each prediction (from
// MEDS_BIRTH, else a number under AGE).
// Families in which all examples are alike are left out, and all groups of a family beyond the
// eight largest.
class GroupMembers {
 public:
  // Examples in ascending order.
  void add(std::size_t example, const History& history);
  std::vector<Grouping> of(std::size_t examples) const;

 private:
  std::map<std::pair<std::string, std::string>, std::vector<std::size_t>> members_;
};
std::vector<Grouping> groupings_of(const Store& store, const std::vector<LabelRow>& rows);

}  // namespace cangong
