#include "serve/session_cookie.h"

#include "base/text.h"

namespace cangong {

std::string session_cookie(const std::string& value, const std::string& more) {
  return "__Host-cangong=" + value + "; Path=/; Secure; HttpOnly; SameSite=Strict" + more;
}

std::string cookie_of(const Request& request, std::string_view name) {
  for (const auto part : split(request.header("cookie"), ';')) {
    const std::string_view pair = trim(part);
    if (pair.starts_with(name) && pair.size() > name.size() && pair[name.size()] == '=')
      return std::string(pair.substr(name.size() + 1));
  }
  return "";
}

}  // namespace cangong
