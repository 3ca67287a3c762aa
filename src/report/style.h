// The look of a report: one style sheet, light and dark, screen and print.
#pragma once

#include <string>

namespace cangong {

std::string report_style();

}  // namespace cangong
