// Names of metrics and models in both languages.
#pragma once

#include <string>

#include "report/svg.h"

namespace cangong {

// "sensitivity@0.2" -> "Sensitivity at 20 %", "灵敏度（阈值 20 %）".
Words metric_words(const std::string& name);
Words model_words(const std::string& name);
Words family_words(const std::string& family);  // "GENDER", ...
Words answer_words(const std::string& answer);  // "boolean", ...
Words split_words(const std::string& split);   // "held_out", or a text that ends a cross-validation
Words origin_words(const std::string& label);  // of the reproducibility block
// Digits that suit the metric.
std::string metric_text(const std::string& name, double value);

}  // namespace cangong
