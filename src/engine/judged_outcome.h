// What judging a model of timelines by what came has in common, outcome by outcome or task by task.
#pragma once

#include "engine/question.h"

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
// Appends to the store's trail; writes the report where one is wanted.
void end_judging(const TimelinesReport& report, const JudgeTimelinesRequest& request);

}  // namespace cangong
