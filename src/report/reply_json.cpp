#include "report/reply_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/json_values.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Reason& reason) {
  Json evidence = Json::array();
  for (const auto& event : reason.evidence) {
    Json json{{"code", event.code}};
    json["time"] = event.time ? Json(format_time(*event.time)) : Json(nullptr);
    if (event.number) json["value"] = *event.number;
    if (!event.unit.empty()) json["unit"] = event.unit;
    if (!event.source.empty()) json["source"] = event.source;
    evidence.push_back(std::move(json));
  }
  Json json{{"feature", reason.feature}, {"code", reason.code}};
  json["aggregate"] = reason.aggregate;
  if (!reason.window.empty()) json["window"] = reason.window;
  if (!reason.description.empty()) json["description"] = reason.description;
  json["value"] = reason.value ? Json(*reason.value) : Json(nullptr);
  if (!reason.unit.empty()) json["unit"] = reason.unit;
  json["contribution"] = reason.contribution;
  json["events"] = std::move(evidence);
  return json;
}

void add_prediction(Json& json, const Prediction& p) {
  json["answer"] = "prediction";
  json["value"] = number(p.value);
  json["low"] = number(p.low);
  json["high"] = number(p.high);
  json["unit"] = p.unit;
  if (!p.classes.empty()) {
    json["classes"] = Json::object();
    for (const auto& [name, probability] : p.classes) json["classes"][name] = probability;
    json["set"] = p.set;
    json["set_level"] = 0.9;
  }
  if (!p.survival.empty()) {
    json["survival"] = Json::array();
    for (const auto& [days, free] : p.survival) json["survival"].push_back({days, number(free)});
  }
  if (std::isfinite(p.free_until)) json["free_until"] = {{"days", p.free_until}, {"level", 0.9}};
  json["margin"] = number(p.margin);
  json["base"] = number(p.base);
  json["reasons"] = Json::array();
  for (const auto& reason : p.reasons) json["reasons"].push_back(json_of(reason));
  if (!p.method.empty()) json["method"] = p.method;
  for (const FurtherAnswer& further : p.also) {
    Json& one =
        json["also"][further.task] = {{"value", number(further.value)}, {"unit", further.unit}};
    if (further.horizon_days > 0) one["horizon_days"] = further.horizon_days;
    for (const auto& [name, probability] : further.classes) one["classes"][name] = probability;
  }
  if (p.what_if) json["what_if"] = {{"feature", p.what_if->feature}, {"curve", p.what_if->curve}};
  if (!p.alternative) return;
  Json changes = Json::array();
  for (const auto& change : p.alternative->changes)
    changes.push_back({{"feature", change.feature}, {"from", change.from}, {"to", change.to}});
  json["smallest_change"] = {
      {"target", p.alternative->target}, {"reached", p.alternative->reached}, {"changes", changes}};
  if (p.alternative->reached) json["smallest_change"]["answer"] = p.alternative->answer;
}

Json json_of(const Words& words) {
  return {{"en", words.english}, {"zh", words.chinese}};
}

}  // namespace

std::string reply_json(const Reply& reply, const Told& told) {
  Json json;
  if (const auto* prediction = std::get_if<Prediction>(&reply)) {
    add_prediction(json, *prediction);
    if (!prediction->method.empty())
      json["paragraphs"] = {{"clinician", json_of(clinician_paragraph(*prediction, told))},
                            {"patient", json_of(patient_paragraph(*prediction, told))}};
  } else {
    const auto& none = std::get<Abstention>(reply);
    json = {{"answer", "abstention"},  {"value", nullptr},         {"low", nullptr},
            {"high", nullptr},         {"why", name_of(none.why)}, {"reason", none.reason},
            {"missing", none.missing}, {"reasons", Json::array()}};
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace cangong
