// Cross-origin requests (WHATWG Fetch) of the origins that an administrator listed, to CDS Hooks
// alone. Credentials of a browser never come along: callers send a token.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "serve/http.h"

namespace cangong {

// The answer to a preflight; nothing where the request is none, or its origin is not listed.
std::optional<Response> preflight(const std::vector<std::string>& origins, const Request& request);
// Lets a listed origin read the answer.
void allow_origin(const std::vector<std::string>& origins, const Request& request,
                  Response& response);

}  // namespace cangong
