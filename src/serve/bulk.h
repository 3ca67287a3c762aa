// What routes of long FHIR work share. Included by route files only.
#pragma once

#include <functional>
#include <string>

#include "serve/json.h"

namespace cangong {

// Begins the job: 202 with the address where it is watched. `prepare` puts files into its folder.
Response accepted(Call& call, const std::string& kind, Json request,
                  std::function<void(const fs::path&)> prepare = {});

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7).
std::string http_date(Time time);

}  // namespace cangong
