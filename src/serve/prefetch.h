// What an EHR must send so that a model can answer: derived from the model's own features.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "train/pipeline.h"

namespace cangong {

// Keys and FHIR queries of CDS Hooks prefetch templates, in a fixed order: "patient", then one for
// each type of resource that the features come from, with the codes where they are few.
std::vector<std::pair<std::string, std::string>> prefetch_of(const Pipeline& pipeline);

}  // namespace cangong
