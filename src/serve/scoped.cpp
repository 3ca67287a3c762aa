#include "serve/scoped.h"

#include "base/text.h"

namespace cangong {
namespace {

struct Wanted {
  std::vector<std::string> types;
  std::string letters;
};

// The types of a Bulk export, where it names them.
std::vector<std::string> types_asked(const Request& request) {
  std::vector<std::string> all;
  for (const auto& [key, types] : request.query)
    if (key == "_type")
      for (const auto type : split(types, ',')) all.emplace_back(type);
  if (all.empty()) all.emplace_back("*");
  return all;
}

// By method and pattern; nothing where scopes do not lead there.
std::optional<Wanted> wanted(const Route& route, const Call& call) {
  const std::string_view pattern = route.pattern, method = route.method;
  const bool reads = method == "GET";
  if (!pattern.starts_with("/fhir")) return std::nullopt;
  if (pattern.starts_with("/fhir/$job") || route.permission == Permission::anyone)
    return Wanted{{}, ""};  // its own work; what everybody may see
  if (pattern.ends_with("/_search")) return Wanted{{call.parts[0]}, "s"};
  if (pattern.starts_with("/fhir/{type}"))
    return Wanted{{call.parts[0]},
                  method == "POST"     ? call.request.header("if-none-exist").empty() ? "c" : "crs"
                  : method == "PUT"    ? "cu"
                  : method == "DELETE" ? "d"
                  : call.parts.size() > 1 ? "r"
                                          : "s"};
  if (pattern.starts_with("/fhir/Subscription"))
    return Wanted{{"Subscription"}, method == "POST" ? "c" : method == "DELETE" ? "d" : "rs"};
  if (pattern.ends_with("$export"))
    return Wanted{reads ? types_asked(call.request) : std::vector<std::string>{"*"}, "rs"};
  if (pattern == "/fhir" || pattern.ends_with("$import")) return Wanted{{"*"}, "cruds"};
  return Wanted{{"*"}, "rs"};  // $everything, $predict, AuditEvent
}

}  // namespace

void require_scopes(const Scopes& scopes, const Route& route, const Call& call) {
  const auto needs = wanted(route, call);
  if (!needs) throw HttpError{403, "a token with scopes is good below /fhir alone"};
  for (const std::string& type : needs->types)
    if (!scopes.allow_all(type, needs->letters))
      throw HttpError{403, "the token's scopes do not reach so far: this needs system/" + type +
                               "." + needs->letters};
}

}  // namespace cangong
