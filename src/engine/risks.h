// The list of patients by risk: the latest answers of the jobs that asked about everybody.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/hospital.h"

namespace cangong {

// An answer to a job that is kept for lists: the latest of each patient and model.
struct Risk {
  PatientId patient;
  std::optional<double> value, low, high;  // no value: the model abstained
  Time as_of;
};

// Answers of jobs, the highest first; those of `among` alone, if given.
struct RiskList {
  std::vector<Risk> risks;
  std::uint64_t total = 0;
};
struct RiskQuery {
  std::string model, bundle;  // what another bundle of the name told is not shown
  std::optional<std::vector<PatientId>> among;
  std::size_t most = 50, skip = 0;
};
RiskList risks(Hospital& hospital, const RiskQuery& query);

// Live patients of whom no such answer is known, who came last first.
struct Unscored {
  std::vector<PatientId> patients;
  std::uint64_t total = 0;
};
Unscored unscored(Hospital& hospital, const RiskQuery& query);

void prepare_risks(Database& database);

}  // namespace cangong
