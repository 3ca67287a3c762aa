// What the FHIR part of the service is able to do.
#include <nlohmann/json.hpp>

#include "serve/fhir_rest.h"

namespace cangong {

using namespace rest;
using Json = nlohmann::ordered_json;

Response fhir_metadata(Call& call) {
  Json resources = Json::array();
  const auto operation = [&](const char* name, const std::string& definition) {
    return Json{{"name", name}, {"definition", definition}};
  };
  const std::string ours = call.service.public_url() + "/fhir/OperationDefinition/predict";
  const std::string bulk = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/";
  for (const std::string& type : fhir_types()) {
    Json one{{"type", type},
             {"interaction", Json::array({{{"code", "read"}},
                                          {{"code", "vread"}},
                                          {{"code", "update"}},
                                          {{"code", "delete"}},
                                          {{"code", "history-instance"}},
                                          {{"code", "create"}},
                                          {{"code", "search-type"}}})},
             {"versioning", "versioned"},
             {"readHistory", true},
             {"updateCreate", true},
             {"conditionalCreate", true}};
    one["searchParam"] = Json::array({{{"name", "_id"}, {"type", "token"}},
                                      {{"name", "_lastUpdated"}, {"type", "date"}},
                                      {{"name", "identifier"}, {"type", "token"}}});
    if (type == "Patient") {
      one["searchParam"].push_back({{"name", "name"}, {"type", "string"}});
      one["operation"] = Json::array(
          {operation("predict", ours),
           operation("everything", "http://hl7.org/fhir/OperationDefinition/Patient-everything"),
           operation("export", bulk + "patient-export")});
    } else {
      one["searchParam"].push_back({{"name", "patient"}, {"type", "reference"}});
      one["searchParam"].push_back({{"name", "code"}, {"type", "token"}});
      one["searchParam"].push_back({{"name", "date"}, {"type", "date"}});
    }
    if (type == "Group")
      one["operation"] =
          Json::array({operation("predict", ours), operation("export", bulk + "group-export")});
    resources.push_back(one);
  }
  resources.push_back(
      {{"type", "AuditEvent"}, {"interaction", Json::array({{{"code", "search-type"}}})}});
  resources.push_back({{"type", "Subscription"},
                       {"interaction", Json::array({{{"code", "create"}},
                                                    {{"code", "read"}},
                                                    {{"code", "delete"}},
                                                    {{"code", "search-type"}}})}});
  const Json statement{
      {"resourceType", "CapabilityStatement"},
      {"status", "active"},
      {"date", "2026-11-22"},
      {"kind", "instance"},
      {"software", {{"name", "Cangong"}, {"version", "0.1.0"}}},
      {"implementation",
       {{"description", "Predictions at " + call.service.config().organisation},
        {"url", call.service.public_url() + "/fhir"}}},
      {"fhirVersion", "4.0.1"},
      {"format", Json::array({"application/fhir+json"})},
      {"rest",
       Json::array({{{"mode", "server"},
                     {"resource", resources},
                     {"interaction", Json::array({{{"code", "transaction"}}, {{"code", "batch"}}})},
                     {"operation", Json::array({operation("predict", ours),
                                                operation("export", bulk + "export")})}}})}};
  return fhir(statement.dump());
}

}  // namespace cangong
