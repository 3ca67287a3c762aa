#include "serve/json.h"

#include <algorithm>
#include <cmath>

namespace cangong {

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Response json_response(const Json& json, int status) {
  return {status, "application/json", text_of(json)};
}

Json body_of(const Call& call, std::initializer_list<std::string_view> known) {
  Json body = Json::parse(call.request.body, nullptr, false);
  if (!body.is_object()) throw HttpError{400, "the body is a JSON object"};
  for (const auto& [key, value] : body.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      throw HttpError{400, "the body has a field that this address does not know"};
  return body;
}

std::string text_in(const Json& body, const char* key) {
  const auto found = body.find(key);
  if (found == body.end()) return "";
  if (!found->is_string()) throw HttpError{400, std::string(key) + " is a text"};
  return found->get<std::string>();
}

void note(const Call& call, const std::string& what, const Json& fields) {
  call.hospital().note(call.asker, what, text_of(fields));
}

void note(Database& database, const Call& call, const std::string& what, const Json& fields) {
  Hospital::note(database, call.asker, what, text_of(fields));
}

}  // namespace cangong
