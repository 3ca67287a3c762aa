#include "cli/show.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "report/words.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

Json number(double v) {
  return std::isfinite(v) ? Json(v) : Json(nullptr);
}

Json json_of(const Reason& reason) {
  Json evidence = Json::array();
  for (const auto& event : reason.evidence) {
    Json json{{"code", event.code}};
    json["time"] = event.time ? Json(format_time(*event.time)) : Json(nullptr);
    if (event.number) json["value"] = *event.number;
    if (!event.unit.empty()) json["unit"] = event.unit;
    evidence.push_back(std::move(json));
  }
  Json json{{"feature", reason.feature}, {"code", reason.code}};
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

std::string alternatives_text(const Prediction& p) {
  std::string text;
  if (std::isfinite(p.free_until))
    text += "90 % of such patients are free of it for at least " +
            format_fixed(p.free_until, p.free_until < 10 ? 1 : 0) + " days\n";
  for (const FurtherAnswer& further : p.also)
    text += "also: " + further.asked +
            (further.horizon_days > 0 ? " within " + format_number(further.horizon_days) + " days: "
                                      : std::string(": ")) +
            format_short(further.value, 3) +
            (further.unit == "probability" ? " (probability)\n" : "\n");
  if (p.what_if) {
    text +=
        "what the model says over " + p.what_if->feature + " (of the model, not of the world):\n";
    for (const auto& [value, answer] : p.what_if->curve)
      text += "  " + padded(format_short(value, 3), 12) + format_short(answer, 4) + "\n";
    if (p.what_if->curve.empty()) text += "  no training patient has a value\n";
  }
  if (!p.alternative) return text;
  text += "smallest change to " + format_number(p.alternative->target) +
          " (of the model, not of the world): ";
  if (!p.alternative->reached)
    return text + "no change of two values that training patients have takes it there\n";
  if (p.alternative->changes.empty()) text += "none is needed";
  for (const auto& change : p.alternative->changes)
    text += "\n  " + change.feature + ": " + format_short(change.from, 3) + " -> " +
            format_short(change.to, 3);
  return text + "\n  then " + format_short(p.alternative->answer, 4) + "\n";
}

}  // namespace

std::string metrics_text(const StudyReport& report) {
  std::string text = report.title + ": " + format_count(report.examples) + " examples of " +
                     format_count(report.patients) + " patients, " + report.split + "\n";
  for (const auto& [name, interval] : report.models.front().assessment.metrics) {
    text += "  " + padded(metric_words(name).english, 38) + metric_text(name, interval.value);
    if (std::isfinite(interval.low) && std::isfinite(interval.high))
      text +=
          "  (" + metric_text(name, interval.low) + " to " + metric_text(name, interval.high) + ")";
    for (const auto& model : report.models)
      for (const auto& other : model.assessment.metrics)
        if (!model.is_main && other.name == name)
          text += "  " + model.name + " " + metric_text(name, other.interval.value);
    text += "\n";
  }
  return text;
}

std::string prediction_json(const PredictReply& reply) {
  Json json;
  if (const auto* prediction = std::get_if<Prediction>(&reply.reply)) {
    add_prediction(json, *prediction);
  } else {
    const auto& none = std::get<Abstention>(reply.reply);
    json = {{"answer", "abstention"},  {"value", nullptr},         {"low", nullptr},
            {"high", nullptr},         {"why", name_of(none.why)}, {"reason", none.reason},
            {"missing", none.missing}, {"reasons", Json::array()}};
  }
  if (const auto* p = std::get_if<Prediction>(&reply.reply); p && !p->method.empty())
    json["paragraphs"] = {{"clinician", json_of(clinician_paragraph(*p, reply.told))},
                          {"patient", json_of(patient_paragraph(*p, reply.told))}};
  json["provenance"] = {{"model", reply.bundle},
                        {"recipe", reply.model},
                        {"task", reply.task},
                        {"store", reply.store},
                        {"as_of", format_time(reply.as_of)}};
  if (reply.synthetic) json["provenance"]["synthetic"] = true;
  if (reply.synthetic_model) json["provenance"]["synthetic_model"] = true;
  return json.dump();
}

std::string prediction_text(const PredictReply& reply) {
  if (reply.synthetic || reply.synthetic_model) {
    PredictReply plain = reply;
    plain.synthetic = plain.synthetic_model = false;
    return std::string(reply.synthetic
                           ? "SYNTHETIC: this patient does not exist\n"
                           : "SYNTHETIC: the model learnt from people who do not exist; "
                             "its answer says nothing about this patient\n") +
           prediction_text(plain);
  }
  if (const auto* none = std::get_if<Abstention>(&reply.reply)) {
    std::string text = "no answer: " + none->reason + "\n";
    for (const auto& name : none->missing) text += "  would help: " + name + "\n";
    return text;
  }
  const auto& p = std::get<Prediction>(reply.reply);
  std::string text = reply.task + ": " + format_fixed(p.value, 4);
  if (std::isfinite(p.low))
    text += "  (" + format_fixed(p.low, 4) + " to " + format_fixed(p.high, 4) + ")";
  text += "\n";
  for (const auto& [name, probability] : p.classes)
    text += "  " + padded(name, 24) + format_fixed(probability, 4) + "\n";
  if (!p.set.empty()) text += "  nine times in ten it is one of: " + join(p.set, ", ") + "\n";
  for (std::size_t i = 0; i < std::min<std::size_t>(p.reasons.size(), 8); ++i) {
    const Reason& r = p.reasons[i];
    text += (r.contribution >= 0 ? "  + " : "  - ") +
            padded(format_fixed(std::abs(r.contribution), 3), 9) + r.feature + " = " +
            (r.value ? format_short(*r.value, 4) : std::string("missing"));
    if (!r.description.empty()) text += "  (" + r.description + ")";
    if (!r.evidence.empty() && r.evidence.back().time)
      text += "  at " + format_time(*r.evidence.back().time);
    text += "\n";
  }
  text += alternatives_text(p);
  if (p.method.empty()) return text;
  for (const Words& words : {clinician_paragraph(p, reply.told), patient_paragraph(p, reply.told)})
    text += "\n" + words.english + "\n" + words.chinese + "\n";
  return text;
}

}  // namespace cangong
