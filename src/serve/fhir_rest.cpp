#include "serve/fhir_rest.h"

#include <nlohmann/json.hpp>

namespace cangong::rest {

using Json = nlohmann::ordered_json;

Response fhir(std::string body, int status) {
  return {status, "application/fhir+json", std::move(body)};
}

std::string reference(const Kept& kept) {
  return kept.type + "/" + kept.id;
}

std::string url_of(const Call& call, const Kept& kept) {
  return call.service.public_url() + "/fhir/" + reference(kept);
}

void require_type(const std::string& type) {
  if (!is_fhir_type(type))
    throw HttpError{404,
                    "resources of this type are not kept; GET /fhir/metadata lists those that are"};
}

BundleText::BundleText(const std::string& type, std::optional<std::uint64_t> total) {
  text_ = "{\"resourceType\":\"Bundle\",\"type\":\"" + type + "\"";
  if (total) text_ += ",\"total\":" + std::to_string(*total);
}

void BundleText::link(const std::string& relation, const std::string& url) {
  links_ += (links_.empty() ? "" : ",") + Json{{"relation", relation}, {"url", url}}.dump();
}

void BundleText::add(const std::string& url, const std::string& body, const std::string& more) {
  entries_ += entries_.empty() ? "{" : ",{";
  entries_ += "\"fullUrl\":" + Json(url).dump();
  if (!body.empty()) entries_ += ",\"resource\":" + body;
  entries_ += more + "}";
}

void BundleText::add_response(const std::string& response) {
  entries_ += (entries_.empty() ? "{" : ",{") + response + "}";
}

std::string BundleText::text() const {
  return text_ + (links_.empty() ? "" : ",\"link\":[" + links_ + "]") +
         (entries_.empty() ? "" : ",\"entry\":[" + entries_ + "]") + "}";
}

}  // namespace cangong::rest
