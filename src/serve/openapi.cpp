// OpenAPI 3.1 of the table of routes itself.
#include "base/error.h"
#include "base/text.h"
#include "serve/api_shapes.h"
#include "serve/json.h"

namespace cangong {
namespace {

// Reads shapes; `left_` is what has not been read.
class ShapeReader {
 public:
  explicit ShapeReader(std::string_view text) : left_(text) {}

  Json object() {
    Json properties = Json::object(), required = Json::array();
    while (!left_.empty() && left_.front() != '}') {
      const std::string name(word());
      ensure(!name.empty(), "a shape has names");
      if (take('!')) required.push_back(name);
      properties[name] = take(':') ? kind() : Json{{"type", "string"}};
      while (take(' ')) {
      }
    }
    Json schema{{"type", "object"}};
    if (!properties.empty()) schema["properties"] = properties;
    if (!required.empty()) schema["required"] = required;
    return schema;
  }
  bool is_done() const { return left_.empty(); }

 private:
  bool take(char c) {
    const bool found = left_.starts_with(c);
    if (found) left_.remove_prefix(1);
    return found;
  }
  std::string_view word() {
    const std::string_view text = left_.substr(0, left_.find_first_of("!: ?{}[]"));
    left_.remove_prefix(text.size());
    return text;
  }
  Json kind() {
    Json schema;
    if (take('{')) {
      schema = object();
      ensure(take('}'), "a shape's braces are closed");
    } else if (take('[')) {
      schema = {{"type", "array"}, {"items", kind()}};
      ensure(take(']'), "a shape's brackets are closed");
    } else {
      schema = simple(word());
    }
    if (take('?')) schema["type"] = Json::array({schema.at("type"), "null"});
    return schema;
  }
  static Json simple(std::string_view name) {
    if (name == "any") return Json::object();
    for (const auto& [own, type] : {std::pair{"text", "string"}, std::pair{"int", "integer"},
                                    std::pair{"num", "number"}, std::pair{"bool", "boolean"}})
      if (name == own) return {{"type", type}};
    fail(Fault::internal, "a shape has the kind " + std::string(name));
  }

  std::string_view left_;
};

// The JSON Schema of an object with these fields (api_shapes.h).
Json schema_of(std::string_view fields) {
  if (fields == kAnything) return {{"type", "object"}};
  ShapeReader reader(fields);
  Json schema = reader.object();
  ensure(reader.is_done(), "a shape is read to its end");
  return schema;
}

Json content(const std::string& type, const Json& schema) {
  return {{type, {{"schema", schema}}}};
}

Json resource_schema() {
  return schema_of("resourceType!");
}

Json parameters_of(const Route& route, const Described& known) {
  Json parameters = Json::array();
  const auto add = [&](std::string_view name, const char* where) {
    parameters.push_back({{"name", name},
                          {"in", where},
                          {"required", std::string_view(where) == "path"},
                          {"schema", {{"type", "string"}}}});
  };
  for (const auto part : split(route.pattern.substr(1), '/'))
    if (part.starts_with('{')) add(part.substr(1, part.size() - 2), "path");
  for (const auto name : split(known.query, ' '))
    if (!name.empty()) add(name, "query");
  return parameters;
}

bool takes_body(const Described& known) {
  return !known.body.empty() || known.takes != "application/json";
}

Json body_of(const Described& known) {
  if (known.takes.starts_with("application/fhir")) return content(known.takes, resource_schema());
  if (known.takes == "application/octet-stream") return content(known.takes, Json::object());
  std::string_view fields = known.body;
  const bool open = fields == kAnything || fields.ends_with(" ...");
  if (fields.ends_with(" ...")) fields.remove_suffix(4);
  Json schema = schema_of(fields);
  if (!open) schema["additionalProperties"] = false;
  return content(known.takes, schema);
}

Json refusal(const Route& route) {
  Json types =
      content("application/problem+json", schema_of("title! status!:int detail! trace_id!"));
  if (route.pattern.starts_with("/fhir"))
    types = content("application/fhir+json", schema_of("resourceType! issue!:[{severity! code!}]"));
  if (route.pattern.starts_with("/v2")) types = content("application/json", schema_of("error!"));
  if (route.pattern == "/auth/token")
    types.update(content("application/json", schema_of("error! error_description")));
  return {{"description", "refused, with the reason"}, {"content", types}};
}

Json answers_of(const Route& route, const Described& known) {
  Json answer{{"description", "done"}};
  if (known.gives == "application/fhir+json")
    answer["content"] = content(known.gives, resource_schema());
  else if (!known.answer.empty())
    answer["content"] = content(known.gives, schema_of(known.answer));
  else if (!known.gives.empty())
    answer["content"] = content(known.gives, {{"type", "string"}});
  Json answers{{std::to_string(known.status), answer}};
  if (known.also == 202)
    answers["202"] = {{"description", "under way"}};
  else if (known.also != 0)
    answers[std::to_string(known.also)] = answer;
  answers["default"] = refusal(route);
  return answers;
}

}  // namespace

Response openapi(Call& call) {
  Json paths = Json::object();
  for (const Route& route : routes()) {
    const Described& known = described(route);
    Json operation{{"summary", route.summary},
                   {"x-permission", name_of(route.permission)},
                   {"responses", answers_of(route, known)}};
    if (Json parameters = parameters_of(route, known); !parameters.empty())
      operation["parameters"] = std::move(parameters);
    if (route.most_body > 0 && route.method != "GET" && takes_body(known))
      operation["requestBody"] = {{"required", true}, {"content", body_of(known)}};
    if (route.permission == Permission::anyone) operation["security"] = Json::array();
    paths[std::string(route.pattern)][lower(route.method)] = operation;
  }
  Json document{{"openapi", "3.1.0"},
                {"info", {{"title", "Cangong"}, {"version", "0.1.0"}}},
                {"servers", Json::array({{{"url", call.service.public_url()}}})},
                {"paths", paths}};
  document["components"]["securitySchemes"] = {
      {"token", {{"type", "http"}, {"scheme", "bearer"}}},
      {"session", {{"type", "apiKey"}, {"in", "cookie"}, {"name", "__Host-cangong"}}}};
  document["security"] = Json::array({{{"token", Json::array()}}, {{"session", Json::array()}}});
  return json_response(document);
}

}  // namespace cangong
