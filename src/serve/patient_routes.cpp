// What the pages show of patients: lists, timelines, answers, opinions.
#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/error.h"
#include "base/text.h"
#include "report/reply_json.h"
#include "serve/json.h"
#include "serve/lane.h"
#include "serve/prediction.h"

namespace cangong {
namespace {

constexpr std::size_t kMostEvents = 5000;  // of one picture
constexpr std::size_t kMostPoints = 12;    // of a trend
constexpr double kTrendYears = 3;

Json number(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json();
}

std::int64_t milliseconds(Time time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

std::size_t whole(const Call& call, const char* name, std::size_t usual, std::size_t most) {
  const auto text = call.request.asked(name);
  if (!text) return usual;
  const auto value = parse_integer(*text);
  if (!value || *value < 0 || *value > static_cast<std::int64_t>(most))
    throw HttpError{400, std::string(name) + " is 0 to " + std::to_string(most)};
  return static_cast<std::size_t>(*value);
}

Time moment_asked(const Call& call, const std::optional<std::string>& text) {
  if (!text || text->empty()) return call.now;
  const auto moment = parse_moment(*text, Zone());
  if (!moment) throw HttpError{400, "as_of is a date or time such as 2026-11-22T09:40:00Z"};
  return moment->last;
}

// "family given" of a Patient resource.
std::string name_in(const Json& patient) {
  if (!patient.contains("name") || !patient["name"].is_array()) return "";
  for (const Json& name : patient["name"]) {
    if (!name.is_object()) continue;
    if (const std::string text = name.value("text", ""); !text.empty()) return text;
    std::string whole = name.value("family", "");
    for (const Json& given : name.value("given", Json::array()))
      if (given.is_string()) whole += (whole.empty() ? "" : " ") + given.get<std::string>();
    if (!whole.empty()) return whole;
  }
  return "";
}

// Who the patient is, as far as a resource of the live record says it.
Json person_of(const Call& call, PatientId patient) {
  Json person{{"id", call.hospital().fhir_id(patient)}};
  std::optional<Kept> kept;
  call.hospital().live().read([&](Database& db) {
    LiveRecord live(db);
    if (const auto id = live.outside_id(patient)) kept = live.read("Patient", *id);
  });
  const Json resource = kept ? Json::parse(kept->body, nullptr, false) : Json();
  if (!resource.is_object()) return person;
  if (const std::string name = name_in(resource); !name.empty()) person["name"] = name;
  for (const char* key : {"birthDate", "gender"})
    if (resource.contains(key) && resource[key].is_string()) person[key] = resource[key];
  return person;
}

std::optional<std::vector<PatientId>> visible(const Call& call) {
  if (call.sees_everybody()) return std::nullopt;
  return call.service.accounts().patients_of(call.account.name, call.now);
}

// By id, identifier or the beginning of a name.
std::vector<PatientId> sought(const Call& call, const std::string& text) {
  std::vector<PatientId> found;
  if (const auto one = call.hospital().find(text)) found.push_back(*one);
  Wanted wanted;
  wanted.type = "Patient", wanted.terms = {{"name", lower(text)}}, wanted.among = visible(call);
  call.hospital().live().read([&](Database& db) {
    for (const Kept& kept : LiveRecord(db).search(wanted))
      if (kept.patient && std::find(found.begin(), found.end(), *kept.patient) == found.end())
        found.push_back(*kept.patient);
  });
  const auto among = visible(call);
  if (among)
    std::erase_if(found, [&](PatientId patient) {
      return std::find(among->begin(), among->end(), patient) == among->end();
    });
  return found;
}

Json listed(const Call& call, const Risk& risk) {
  Json one = person_of(call, risk.patient);
  one["value"] = number(risk.value), one["low"] = number(risk.low), one["high"] = number(risk.high);
  one["as_of"] = format_time(risk.as_of);
  return one;
}

// Of these patients the answers that are known, then those without.
Json list_of(const Call& call, const std::vector<PatientId>& patients, const std::string& model) {
  Json all = Json::array();
  std::vector<PatientId> left = patients;
  if (!model.empty())
    for (const Risk& risk : risks(call.hospital(), {model, patients, patients.size(), 0}).risks) {
      all.push_back(listed(call, risk));
      std::erase(left, risk.patient);
    }
  for (const PatientId patient : left) all.push_back(person_of(call, patient));
  return all;
}

}  // namespace

Response list_patients(Call& call) {
  const std::string text(trim(call.request.asked("q").value_or("")));
  if (text.size() > 200) throw HttpError{400, "q is too long"};
  const std::string asked = call.request.asked("model").value_or("");
  const std::string model = asked.empty() ? "" : call.hospital().model(asked)->id();
  const std::size_t most = whole(call, "_count", 50, 200);
  const std::size_t skip = whole(call, "_offset", 0, 10'000'000);
  Json all = Json::array();
  std::uint64_t total = 0;
  if (!text.empty()) {
    const auto found = sought(call, text);
    all = list_of(call, found, model), total = found.size();
  } else if (const auto among = visible(call)) {
    const Json whole_list = list_of(call, *among, model);
    total = whole_list.size();
    for (std::size_t i = skip; i < std::min<std::size_t>(total, skip + most); ++i)
      all.push_back(whole_list[i]);
  } else {
    RiskList list;
    if (!model.empty()) list = risks(call.hospital(), {model, std::nullopt, most, skip});
    total = list.total;
    for (const Risk& risk : list.risks) all.push_back(listed(call, risk));
    if (total == 0) {  // nobody was scored: who came last
      Wanted wanted;
      wanted.type = "Patient", wanted.most = most, wanted.skip = skip;
      wanted.order = Wanted::Order::last_updated_first;
      std::vector<PatientId> latest;
      call.hospital().live().read([&](Database& db) {
        LiveRecord live(db);
        for (const Kept& kept : live.search(wanted))
          if (kept.patient) latest.push_back(*kept.patient);
        total = live.count(wanted);
      });
      all = list_of(call, latest, "");
    }
  }
  note(call, "list_patients", {{"found", all.size()}});
  return json_response({{"patients", all}, {"total", total}, {"model", model}});
}

namespace {

// The latest facts that were known then; codes stand once, rows name them by number.
Json picture(const Call& call, const Hospital::Record& record, const History& history) {
  std::unordered_map<std::string, const LiveEvent*> live;
  for (const LiveEvent& event : record.live)
    if (event.time)
      live[event.code + "@" + std::to_string(event.time->time_since_epoch().count())] = &event;
  Json codes = Json::array(), events = Json::array();
  std::unordered_map<CodeId, std::size_t> places;
  const auto rows = history.events();
  const std::size_t first = rows.size() > kMostEvents ? rows.size() - kMostEvents : 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Event& event = rows[i];
    if (i < first && event.time) continue;  // static facts always show
    const std::string& code = history.codes().name(event.code);
    const LiveEvent* from = nullptr;
    if (event.time && !live.empty()) {
      const auto found =
          live.find(code + "@" + std::to_string(event.time->time_since_epoch().count()));
      if (found != live.end()) from = found->second;
    }
    const auto [place, fresh] = places.emplace(event.code, codes.size());
    if (fresh) {
      std::string meaning = from ? from->description : "";
      if (meaning.empty()) meaning = call.hospital().meaning(code);
      codes.push_back({{"code", code}, {"meaning", meaning}, {"lane", lane_of(code, event)}});
    }
    Json row{{"code", place->second}};
    row["time"] = event.time ? Json(milliseconds(*event.time)) : Json();
    if (event.number) row["number"] = *event.number;
    if (!event.unit.empty()) row["unit"] = event.unit;
    if (!event.text.empty()) row["text"] = event.text.substr(0, 2000);
    if (from && !from->source.empty()) row["source"] = from->source;
    events.push_back(std::move(row));
  }
  return {{"codes", codes}, {"events", events}, {"earlier_left_out", first}};
}

}  // namespace

Response patient_timeline(Call& call) {
  const Subject patient = call.patient(call.parts[0]);
  const Time as_of = moment_asked(call, call.request.asked("as_of"));
  const Hospital::Record record = call.hospital().record(patient.number);
  const History history = record.timeline.until(as_of);
  Json answer{{"person", person_of(call, patient.number)},
              {"as_of", format_time(as_of)},
              {"synthetic", record.synthetic}};
  // Where the slider begins; a birth long ago would leave it no room.
  const auto known = record.timeline.until(call.now).events();
  const CodeBook& codes = record.timeline.codes();
  for (const Event& event : known)
    if (event.time && lane_of(codes.name(event.code), event) != "person") {
      answer["first"] = milliseconds(*event.time);
      break;
    }
  if (!known.empty() && known.back().time) answer["last"] = milliseconds(*known.back().time);
  answer.update(picture(call, record, history));
  note(call, "read", {{"subject", patient.id}, {"resource", "timeline"}});
  return json_response(answer);
}

namespace {

Json answer_json(const Got& got) {
  const ServedModel& model = *got.model;
  Json json{{"id", got.answered.id},
            {"model", model.id()},
            {"asks", model.told.task},
            {"as_of", format_time(got.answered.as_of)},
            {"synthetic", got.answered.synthetic}};
  if (model.told.horizon_days > 0) json["horizon_days"] = model.told.horizon_days;
  if (std::isfinite(model.usual)) json["usual"] = model.usual;
  if (const auto* p = std::get_if<Prediction>(&got.answered.reply))
    json["headline"] = headline(model, *p);
  json["reply"] = Json::parse(reply_json(got.answered.reply, model.told));
  return json;
}

}  // namespace

Response answer_for_page(Call& call) {
  const Json body = body_of(call, {"model", "as_of", "explain", "what_if", "target"});
  Ask wanted;
  wanted.model = text_in(body, "model"), wanted.subject = call.parts[0];
  if (const std::string as_of = text_in(body, "as_of"); !as_of.empty()) wanted.as_of = as_of;
  const Json explain = body.value("explain", Json(true));
  if (!explain.is_boolean()) throw HttpError{400, "explain is true or false"};
  if (explain.get<bool>()) wanted.explain.method = "shap";
  wanted.explain.what_if = text_in(body, "what_if");
  if (body.contains("target")) {
    if (!body["target"].is_number()) throw HttpError{400, "target is a number"};
    wanted.explain.target = body["target"].get<double>();
  }
  return json_response(answer_json(ask(call, wanted)));
}

// Moments at which something became known, evenly among them, the present last.
Response answer_trend(Call& call) {
  const ModelPtr model = call.hospital().model(call.request.asked("model").value_or(""));
  const Subject patient = call.patient(call.parts[0]);
  const Time end = moment_asked(call, call.request.asked("as_of"));
  const Hospital::Record record = call.hospital().record(patient.number);
  std::vector<Time> days;
  for (const Event& event : record.timeline.until(end).events())
    if (event.time && years_between(*event.time, end) <= kTrendYears) {
      const Time day = std::chrono::floor<std::chrono::days>(*event.time) + std::chrono::days(1);
      if (day < end && (days.empty() || days.back() != day)) days.push_back(day);
    }
  std::vector<Hospital::Asked> asked;
  const std::size_t points = std::min(days.size(), kMostPoints - 1);
  for (std::size_t k = 0; k < points; ++k)
    asked.push_back({*model, record, patient.id, days[(k + 1) * days.size() / points - 1], {}});
  asked.push_back({*model, record, patient.id, end, {}});
  Json trend = Json::array();
  for (const Answered& answered : call.hospital().ask(asked, call.asker)) {
    const auto* p = std::get_if<Prediction>(&answered.reply);
    if (!p) continue;
    trend.push_back({{"time", milliseconds(answered.as_of)},
                     {"value", number(p->value)},
                     {"low", number(p->low)},
                     {"high", number(p->high)}});
  }
  return json_response({{"model", model->id()}, {"trend", trend}});
}

// Kept beside the answer's id, one of each person; recorded.
Response give_opinion(Call& call) {
  const Json body = body_of(call, {"patient", "model", "opinion", "comment"});
  const std::string opinion = text_in(body, "opinion"), comment = text_in(body, "comment");
  const std::string& answer = call.parts[0];
  if (opinion != "agree" && opinion != "disagree" && opinion != "not_relevant")
    throw HttpError{400, "opinion is agree, disagree or not_relevant"};
  if (comment.size() > 2000) throw HttpError{400, "the comment is too long"};
  if (answer.size() != 26) throw HttpError{400, "this is no answer's id"};
  const Subject patient = call.patient(text_in(body, "patient"));
  const std::string model = call.hospital().model(text_in(body, "model"))->id();
  note(call, "opinion",
       {{"subject", patient.id}, {"answer", answer}, {"name", model}, {"opinion", opinion}});
  call.hospital().live().write([&](Database& db) {
    db.run(
        "INSERT INTO opinion VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT(answer, who) DO UPDATE SET "
        "opinion = excluded.opinion, comment = excluded.comment, at = excluded.at",
        {answer, call.account.name, patient.number.for_storage(), model, opinion, comment,
         call.now.time_since_epoch().count()});
  });
  return {204, "", ""};
}

}  // namespace cangong
