// What judging a model of timelines by what came has in common, outcome by outcome or task by task.
#pragma once

#include "engine/question.h"
#include "train/token_split.h"

namespace cangong {

// Of one outcome, over the people to whom it can happen.
struct OutcomeTold {
  std::vector<double> chance, truth;
  std::vector<double> true_risk = {};  // where it is known
};
JudgedOutcome judged(const OutcomeTold& told);

// What every report says.
TimelinesReport begin_judging(const Bundle& bundle, const TimelineModel& model, const Store& store,
                              const JudgeTimelinesRequest& request);
// Who judges, by what the report says of it. `split` must outlive it.
std::function<bool(PatientId)> judges_of(const TimelinesReport& report, const SplitOf& split);
// Appends to the store's trail; writes the report where one is wanted.
void end_judging(const TimelinesReport& report, const JudgeTimelinesRequest& request);

}  // namespace cangong
