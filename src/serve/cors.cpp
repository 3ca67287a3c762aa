#include "serve/cors.h"

#include <algorithm>

namespace cangong {
namespace {

bool is_let(const std::vector<std::string>& origins, const Request& request) {
  return request.path.starts_with("/cds-services") &&
         std::find(origins.begin(), origins.end(), request.header("origin")) != origins.end();
}

}  // namespace

std::optional<Response> preflight(const std::vector<std::string>& origins, const Request& request) {
  if (request.method != "OPTIONS" || !is_let(origins, request) ||
      request.header("access-control-request-method").empty())
    return std::nullopt;
  return Response{204,
                  "",
                  "",
                  {{"Access-Control-Allow-Methods", "GET, POST"},
                   {"Access-Control-Allow-Headers", "Authorization, Content-Type"},
                   {"Access-Control-Max-Age", "600"}}};
}

void allow_origin(const std::vector<std::string>& origins, const Request& request,
                  Response& response) {
  if (!is_let(origins, request)) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", request.header("origin"));
  response.headers.emplace_back("Vary", "Origin");
}

}  // namespace cangong
