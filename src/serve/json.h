// What the files of routes share to read and write JSON. Included by them only.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/json_values.h"
#include "serve/route.h"

namespace cangong {

using Json = nlohmann::ordered_json;

// What is not UTF-8 is replaced, never thrown about.
std::string text_of(const Json& json);
Response json_response(const Json& json, int status = 200);
// The body, an object; throws 400 where it has a field that is not `known`.
Json body_of(const Call& call, std::initializer_list<std::string_view> known);
// A text field; empty where it is absent.
std::string text_in(const Json& body, const char* key);
// Into the trail.
void note(const Call& call, const std::string& what, const Json& fields = Json::object());
// Inside of a write to the live record, before it is kept.
void note(Database& database, const Call& call, const std::string& what, const Json& fields);

}  // namespace cangong
