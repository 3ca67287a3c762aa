#include "serve/answer_resources.h"

#include <cmath>

#include "base/digest.h"
#include "serve/prefetch.h"

namespace cangong {
namespace {

constexpr const char* kUcum = "http://unitsofmeasure.org";

std::string model_name(const Approval& approval) {
  return approval.name.substr(0, approval.name.find('@'));
}

Json ai_label() {
  return {{"security",
           Json::array({{{"system", "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"},
                         {"code", "AIAST"},
                         {"display", "Artificial Intelligence asserted"}}})}};
}

Json provenance(const AnswerStamp& stamp, const std::string& target) {
  return {
      {"resourceType", "Provenance"},
      {"id", stamp.id + "-p"},
      {"target", Json::array({{{"reference", target}}})},
      {"recorded", format_time(stamp.at)},
      {"reason", Json::array({{{"coding", ai_label()["security"]}}})},
      {"agent",
       Json::array(
           {{{"type",
              {{"coding",
                Json::array({{{"system",
                               "http://terminology.hl7.org/CodeSystem/provenance-participant-type"},
                              {"code", "author"}}})}}},
             {"who", {{"reference", "Device/" + device_id(stamp.approval)}}}}})},
      {"entity", Json::array({{{"role", "derivation"},
                               {"what",
                                {{"reference", "DocumentReference/" + card_id(stamp.approval)},
                                 {"display", "model card"}}}}})}};
}

}  // namespace

Json coding_json(const std::string& code) {
  if (const auto known = coding_of(code))
    return {{"system", known->first}, {"code", known->second}};
  return {{"code", code}};
}

double per_cent(double probability) {
  return std::round(probability * 1e4) / 100;
}

Json days(double n) {
  return {{"value", n}, {"unit", "d"}, {"system", kUcum}, {"code", "d"}};
}

std::string device_id(const Approval& approval) {
  return "model-" + digest_of(approval.name + " " + approval.bundle).substr(0, 32);
}

std::string card_id(const Approval& approval) {
  return device_id(approval) + "-card";
}

Json device(const Approval& approval, Standing standing, const Writing& writing) {
  return {{"resourceType", "Device"},
          {"id", device_id(approval)},
          {"identifier",
           Json::array({{{"system", writing.base + "/models"}, {"value", approval.name}}})},
          {"status", standing == Standing::served ? "active" : "inactive"},
          {"manufacturer", writing.organisation},
          {"deviceName", Json::array({{{"name", approval.name}, {"type", "user-friendly-name"}}})},
          {"type",
           {{"coding",
             Json::array({{{"system", std::string(kAiTransparency) + "/CodeSystem/AIdeviceTypeCS"},
                           {"code", "Artificial-Intelligence"}}})}}},
          {"version", Json::array({{{"value", approval.bundle}}})}};
}

Json confidence(double low, double high) {
  return {
      {"extension",
       Json::array({{{"url", std::string(kAiTransparency) + "/StructureDefinition/AIconfidence"},
                     {"valueRange", {{"low", {{"value", low}}}, {"high", {{"value", high}}}}}}})}};
}

Json answer_resource(const char* type, const AnswerStamp& stamp, const Writing& writing) {
  Json json{{"resourceType", type},
            {"id", stamp.id},
            {"meta", ai_label()},
            {"identifier",
             Json::array({{{"system", writing.base + "/inference-id"}, {"value", stamp.id}}})}};
  if (stamp.synthetic)
    json["note"] = Json::array(
        {{{"text", "synthetic: the patient, or those who trained the model, do not exist"}}});
  return json;
}

Json method_of(const Approval& approval, const Writing& writing) {
  return {{"coding", Json::array({{{"system", writing.base + "/models"},
                                   {"code", model_name(approval)},
                                   {"version", approval.bundle}}})}};
}

std::string answer_bundle(Json answer, const AnswerStamp& stamp, const Writing& writing) {
  const std::string target = answer["resourceType"].get<std::string>() + "/" + stamp.id;
  Json entries = Json::array();
  const auto add = [&](Json resource) {
    const std::string name =
        resource["resourceType"].get<std::string>() + "/" + resource["id"].get<std::string>();
    entries.push_back(
        {{"fullUrl", writing.base + "/fhir/" + name}, {"resource", std::move(resource)}});
  };
  add(std::move(answer));
  add(device(stamp.approval, Standing::served, writing));
  add(provenance(stamp, target));
  return Json{{"resourceType", "Bundle"}, {"type", "collection"}, {"entry", entries}}.dump(
      -1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace cangong
