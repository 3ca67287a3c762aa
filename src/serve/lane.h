// Which lane of a patient's picture a fact belongs to, by the prefix of its code (docs/formats.md).
#pragma once

#include <string_view>

#include "timeline/timeline.h"

namespace cangong {

// "encounters", "diagnoses", "medicines", "procedures", "measurements", "notes", "person", "other".
std::string_view lane_of(std::string_view code, const Event& event);

}  // namespace cangong
