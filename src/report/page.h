// What every page has: one file, two languages, no script and no request.
#pragma once

#include <string>

#include "report/svg.h"

namespace cangong {

std::string heading(const Words& words);
std::string paragraph(const Words& words);
// `subtitle` and `body` are HTML.
std::string page(const std::string& title, const std::string& subtitle, const std::string& body);

}  // namespace cangong
