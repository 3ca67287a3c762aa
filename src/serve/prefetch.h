// What an EHR must send so that a model can answer: derived from the model's own features.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "train/pipeline.h"

namespace cangong {

// Keys and FHIR queries of CDS Hooks prefetch templates, in a fixed order: "patient", then one for
// each type of resource that the features come from, with the codes where they are few.
std::vector<std::pair<std::string, std::string>> prefetch_of(const Pipeline& pipeline);

// System URL and code of "LOINC//2160-0//..."; nothing where it is no code of a known system.
std::optional<std::pair<std::string, std::string>> coding_of(std::string_view code);
// Of which resources a code is; Observation where it is of no family.
std::string resource_type_of(std::string_view code);

}  // namespace cangong
