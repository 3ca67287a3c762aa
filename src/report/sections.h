// Parts of the study page that stand by themselves.
#pragma once

#include <string>

#include "report/study.h"

namespace cangong {

// What the answer does along single features; empty where nothing was computed.
std::string dependence_section(const StudyReport& report);
// What other or fewer patients would have given; empty where the recipe did not ask.
std::string stability_section(const StudyReport& report);
// Shares by tenth of the predicted survival; empty but for survival.
std::string whole_curve_section(const StudyReport& report);

}  // namespace cangong
