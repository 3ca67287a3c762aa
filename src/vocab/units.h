// Units of measurement: one canonical UCUM spelling each, and what values a unit can have.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cangong {

// The UCUM spelling of a unit as hospitals write it ("mmHg" -> "mm[Hg]"); the text itself, trimmed,
// where the unit is not known. Source: UCUM 2.1, tables 1-19, and common hospital spellings.
std::string_view canonical_unit(std::string_view written);
bool is_known_unit(std::string_view canonical);

// Values that a patient can have in this unit, whatever was measured; wide on purpose.
struct Range {
  double low, high;
};
std::optional<Range> possible_range(std::string_view canonical);

}  // namespace cangong
