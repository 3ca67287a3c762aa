// An answer as JSON, for programs and for pages.
#pragma once

#include <string>

#include "report/paragraph.h"

namespace cangong {

// {"answer": "prediction" or "abstention", "value", "low", "high", "unit", "reasons": [{"feature",
// "code", "value", "contribution", "events": [...]}], ...}; with reasons also "paragraphs".
std::string reply_json(const Reply& reply, const Told& told);

}  // namespace cangong
