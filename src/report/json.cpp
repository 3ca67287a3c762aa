#include <cmath>
#include <nlohmann/json.hpp>

#include "base/json_values.h"
#include "report/study.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

Json metrics_of(const std::vector<NamedInterval>& metrics) {
  Json json = Json::object();
  for (const auto& [name, interval] : metrics)
    json[name] = {{"value", number(interval.value)},
                  {"low", number(interval.low)},
                  {"high", number(interval.high)}};
  return json;
}

Json curves_of(const Assessment& assessment) {
  Json json = Json::object();
  for (const auto& curve : assessment.curves) {
    Json points = Json::array();
    for (const auto& p : curve.points) {
      Json point{number(p.x), number(p.y)};
      if (curve.has_band) point.push_back(number(p.low)), point.push_back(number(p.high));
      points.push_back(std::move(point));
    }
    json[curve.name] = std::move(points);
  }
  return json;
}

}  // namespace

std::string report_json(const StudyReport& r) {
  Json baselines = Json::object(), flow = Json::array(), importance = Json::array();
  for (const auto& model : r.models)
    if (!model.is_main) baselines[model.name] = metrics_of(model.assessment.metrics);
  for (const auto& step : r.flow)
    flow.push_back(
        {{"step", step.english}, {"patients", step.patients}, {"examples", step.examples}});
  for (const auto& row : r.importance)
    importance.push_back({{"feature", row.feature}, {"share", row.share}});
  Json reproducibility = Json::object();
  for (const auto& [label, value] : r.reproducibility) reproducibility[label] = value;
  const ModelResult& main = r.models.front();
  Json subgroups = Json::array();
  for (const auto& group : r.subgroups)
    subgroups.push_back({{"family", group.family},
                         {"name", group.name},
                         {"patients", group.patients},
                         {"examples", group.examples},
                         {"events", group.events},
                         {"metrics", metrics_of(group.metrics)}});
  Json comparisons = Json::array();
  for (const auto& [metric, against, difference, p] : r.comparisons)
    comparisons.push_back({{"metric", metric},
                           {"against", against},
                           {"difference", number(difference.value)},
                           {"low", number(difference.low)},
                           {"high", number(difference.high)},
                           {"p", number(p)}});
  Json also = Json::object();
  for (const auto& further : r.also)
    also[further.task] = {{"examples", further.examples}, {"metrics", metrics_of(further.metrics)}};
  Json dependence = Json::object();
  for (const Curve& curve : r.dependence)
    for (const auto& p : curve.points)
      dependence[curve.name].push_back({number(p.x), number(p.y), number(p.low), number(p.high)});
  Json notes = Json::array();
  for (const auto& [english, chinese] : r.notes) notes.push_back(english);
  return Json{
             {"title", r.title},
             {"task", r.task},
             {"answer", r.answer},
             {"split", r.split},
             {"model", main.name},
             {"patients", r.patients},
             {"examples", r.examples},
             {"abstained", r.abstained},
             {"metrics", metrics_of(main.assessment.metrics)},
             {"baselines", baselines},
             {"comparisons", comparisons},
             {"also", also},
             {"subgroups", subgroups},
             {"curves", curves_of(main.assessment)},
             {"importance", importance},
             {"dependence", dependence},
             {"stability", r.stability ? Json::parse(save_stability(*r.stability)) : Json(nullptr)},
             {"flow", flow},
             {"notes", notes},
             {"reproducibility", reproducibility}}
             .dump(1) +
         "\n";
}

}  // namespace cangong
