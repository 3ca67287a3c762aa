// Names of metrics and models in both languages.
#pragma once

#include <string>

#include "report/svg.h"

namespace cangong {

// "sensitivity@0.2" -> "Sensitivity at 20 %", "灵敏度（阈值 20 %）".
Words metric_words(const std::string& name);
Words model_words(const std::string& name);
// Digits that suit the metric.
std::string metric_text(const std::string& name, double value);

}  // namespace cangong
