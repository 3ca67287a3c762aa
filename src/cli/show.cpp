#include "cli/show.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "report/reply_json.h"
#include "report/words.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
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
  Json json = Json::parse(reply_json(reply.reply, reply.told));
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
            padded(format_fixed(std::abs(r.contribution), 3), 9) + r.feature;
    if (!r.is_state()) text += " = " + (r.value ? format_short(*r.value, 4) : "missing");
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
