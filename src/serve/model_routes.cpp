// The approved models: what they ask, on what they rest, how they do.
#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "decide/uncertainty.h"
#include "engine/judge.h"
#include "engine/kept_answers.h"
#include "registry/bundle.h"
#include "serve/json.h"

namespace cangong {
namespace {

constexpr std::size_t kMostFeatures = 60;
constexpr std::int64_t kMostDays = 90;

Json summary(const ServedModel& model) {
  const Approval& a = model.approval;
  Json one{{"name", model.name},  {"alias", model.alias},
           {"bundle", a.bundle},  {"asks", model.told.task},
           {"approved_by", a.by}, {"approved_at", a.at},
           {"note", a.note},      {"synthetic", model.pipeline.synthetic}};
  one["answer"] = name_of(model.pipeline.main().readout.answer());
  if (model.told.horizon_days > 0) one["horizon_days"] = model.told.horizon_days;
  if (std::isfinite(model.usual)) one["usual"] = model.usual;
  return one;
}

Json summary(const ServedTimelines& model) {
  const Approval& a = model.approval;
  const TimelineFacts& facts = model.model.facts();
  return {{"name", model.name},
          {"alias", model.alias},
          {"bundle", a.bundle},
          {"describes", facts.description},
          {"approved_by", a.by},
          {"approved_at", a.at},
          {"note", a.note},
          {"synthetic", facts.synthetic},
          {"people", facts.people},
          {"events", facts.events},
          {"tokens", model.model.vocabulary().size()},
          {"judged_by", facts.judged_by},
          {"nats", number(facts.cross_entropy + facts.waiting)}};
}

// The features that matter most, with what training patients had.
Json features_of(const Call& call, const Pipeline& p) {
  const auto& columns = p.encoder->columns();
  std::vector<std::size_t> order(columns.size());
  for (std::size_t j = 0; j < order.size(); ++j) order[j] = j;
  const auto importance = [&](std::size_t j) {
    return j < p.ranges.size() ? p.ranges[j].importance : 0.0;
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return importance(a) > importance(b); });
  if (order.size() > kMostFeatures) order.resize(kMostFeatures);
  Json all = Json::array();
  for (const std::size_t j : order) {
    Json one{{"feature", columns[j].name()}, {"meaning", call.hospital().meaning(columns[j].code)}};
    if (!columns[j].unit.empty()) one["unit"] = columns[j].unit;
    if (j < p.ranges.size()) {
      one["share"] = number(p.ranges[j].importance);
      one["low"] = number(p.ranges[j].low), one["high"] = number(p.ranges[j].high);
      one["missing"] = number(p.ranges[j].missing);
    }
    all.push_back(std::move(one));
  }
  return all;
}

// By tenth of the answers to patients that did not train: the mean answer, and how often it
// happened to them.
Json calibration_of(const ServedModel& model) {
  const Pipeline& p = model.pipeline;
  const Readout& readout = p.main().readout;
  Json points = Json::array();
  if (model.deciles.empty() ||
      (readout.answer() != Answer::boolean && readout.answer() != Answer::survival))
    return points;
  const Reliability reliability{p.judged_value, p.judged_truth, p.judged_event,
                                p.judged_rows_per_patient};
  std::vector<std::vector<std::size_t>> tenths(10);
  for (std::size_t i = 0; i < p.judged_value.size(); ++i) {
    const auto place =
        std::upper_bound(model.deciles.begin(), model.deciles.end(), p.judged_value[i]);
    tenths[static_cast<std::size_t>(place - model.deciles.begin())].push_back(i);
  }
  for (const auto& rows : tenths) {
    if (rows.empty()) continue;
    double told = 0;
    for (const std::size_t i : rows) told += p.judged_value[i] / static_cast<double>(rows.size());
    const Interval seen =
        observed_frequency(rows, readout.answer(), reliability, readout.horizon_days());
    points.push_back({{"told", told},
                      {"seen", number(seen.value)},
                      {"low", number(seen.low)},
                      {"high", number(seen.high)},
                      {"count", rows.size()}});
  }
  return points;
}

}  // namespace

Response list_models(Call& call) {
  const auto models = call.hospital().models();
  const auto summaries = [&](const auto& served) {
    Json all = Json::array();
    for (const auto& model : served)  // shadows are for those who judge them
      if (model->alias != "shadow" || allows(call.account.roles, Permission::propose_models))
        all.push_back(summary(*model));
    return all;
  };
  return json_response({{"models", summaries(models->served)},
                        {"timelines", summaries(models->timelines)},
                        {"not_served", models->problems.size()}});
}

Response show_model(Call& call) {
  const ModelPtr model = call.hospital().model(call.parts[0]);
  const Pipeline& p = model->pipeline;
  Json json = summary(*model);
  json["recipe"] = p.recipe.name;
  json["learner"] = p.main().name;
  json["options"] = p.main().options;
  json["task"] = p.task_text;
  json["training_rows"] = p.training_rows;
  json["judged_rows"] = p.judged_value.size();
  json["columns"] = p.encoder->columns().size();
  json["features"] = features_of(call, p);
  json["calibration"] = calibration_of(*model);
  Json history = Json::array();
  for (const Approval& word : approval_history(call.hospital().home().models()))
    if (word.name == model->id())
      history.push_back({{"bundle", word.bundle},
                         {"by", word.by},
                         {"at", word.at},
                         {"note", word.note},
                         {"how", word.how},
                         {"proposed_by", word.proposed_by}});
  std::reverse(history.begin(), history.end());
  json["history"] = history;
  return json_response(json);
}

namespace {

Json missing_of(const std::vector<DayTally>& tallies, const ServedModel& model) {
  Json all = Json::array();
  for (const WatchedColumn& one : missing_shares(tallies, model))
    all.push_back({{"feature", model.pipeline.encoder->columns()[one.column].name()},
                   {"expected", number(one.expected)},
                   {"share", number(one.share)}});
  return all;
}

// What the last judgement found, and how a shadow differs from the answers that were given.
Json outcomes_of(const Call& call, const ServedModel& model) {
  Json json = Json::object();
  call.hospital().live().read([&](Database& db) {
    const std::string body = last_judgement(db, model.id(), model.approval.bundle);
    json["judgement"] = body.empty() ? Json() : Json::parse(body);
    const Beside beside = compare_beside(db, model.id(), model.approval.bundle);
    if (beside.pairs > 0)
      json["beside"] = {{"pairs", beside.pairs}, {"mean_difference", beside.mean_difference}};
  });
  return json;
}

}  // namespace

Response monitoring(Call& call) {
  const auto asked = parse_integer(call.request.asked("days").value_or("30"));
  if (!asked || *asked < 1 || *asked > kMostDays)
    throw HttpError{400, "days is 1 to " + std::to_string(kMostDays)};
  const std::int64_t today =
      std::chrono::floor<std::chrono::days>(call.now).time_since_epoch().count();
  std::map<std::string, Json> days;  // by model and bundle
  const auto key = [](const std::string& model, const std::string& bundle) {
    return model + " " + bundle;
  };
  const auto tallies = call.service.tallies().since(today - *asked + 1);
  for (const DayTally& tally : tallies) {
    const double requests = static_cast<double>(tally.answers + tally.abstained_data +
                                                tally.abstained_unlike + tally.deceased);
    days[key(tally.model, tally.bundle)].push_back(
        {{"day", format_time(Time(std::chrono::days(tally.day))).substr(0, 10)},
         {"answers", tally.answers},
         {"missing_data", tally.abstained_data},
         {"unlike_training", tally.abstained_unlike},
         {"deceased", tally.deceased},
         {"mean_ms", requests > 0 ? Json(1000 * tally.seconds / requests) : Json()},
         {"slowest_ms", 1000 * tally.slowest}});
  }
  std::map<std::string, Json> opinions;
  call.hospital().live().read([&](Database& db) {
    db.each(
        "SELECT model || ' ' || bundle, opinion, count(*) FROM opinion WHERE at >= ? "
        "GROUP BY model, bundle, opinion",
        {(today - *asked + 1) * 86'400'000'000},
        [&](const Row& row) { opinions[std::string(row.text(0))][row.text(1)] = row.integer(2); });
  });
  Json all = Json::array();
  for (const ModelPtr& model : call.hospital().models()->served) {
    const std::string bundle = key(model->id(), model->approval.bundle);
    const auto found = [&](const std::map<std::string, Json>& all, Json otherwise) {
      const auto place = all.find(bundle);
      return place == all.end() ? otherwise : place->second;
    };
    const auto tenths = by_decile(tallies, *model);
    const AnswerDrift drift = compare_with_expected(tenths, model->shares);
    Json one{{"model", model->id()},     {"days", found(days, Json::array())},
             {"by_tenth", tenths},       {"expected", model->shares},
             {"psi", number(drift.psi)}, {"p", number(drift.p)}};
    one["bundle"] = model->approval.bundle;
    one["missing"] = missing_of(tallies, *model);
    one.update(outcomes_of(call, *model));
    one["opinions"] = found(opinions, Json::object());
    all.push_back(std::move(one));
  }
  return json_response({{"models", all}, {"days", *asked}});
}

}  // namespace cangong
