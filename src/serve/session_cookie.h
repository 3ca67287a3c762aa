// The cookie of who signed in.
#pragma once

#include <string>
#include <string_view>

#include "serve/http.h"

namespace cangong {

// The value of Set-Cookie; `more` begins with ";".
std::string session_cookie(const std::string& value, const std::string& more);
// Empty where there is none of that name.
std::string cookie_of(const Request& request, std::string_view name);

}  // namespace cangong
