// What the pages show of patients: lists, timelines, answers, opinions.
#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/error.h"
#include "base/text.h"
#include "engine/risks.h"
#include "report/reply_json.h"
#include "serve/json.h"
#include "serve/lane.h"
#include "serve/prediction.h"

namespace cangong {
namespace {

constexpr std::size_t kMostEvents = 5000;  // of one picture
constexpr std::size_t kMostPoints = 12;    // of a trend
constexpr double kTrendYears = 3;

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

// An empty ?as_of= is none.
Time as_of_asked(const Call& call) {
  auto text = call.request.asked("as_of");
  if (text && text->empty()) text.reset();
  return moment_asked(call, text, "as_of");
}

// Empty where there is no such text.
// "Chen Mei"; without a blank where the letters are not Latin's.
std::string name_in(const Json& patient) {
  if (!patient.contains("name") || !patient["name"].is_array()) return "";
  for (const Json& name : patient["name"]) {
    if (const std::string text = text_at(name, "text"); !text.empty()) return text;
    std::string whole = text_at(name, "family");
    const bool latin = whole.empty() || static_cast<unsigned char>(whole.front()) < 0xe0;
    if (name.is_object() && name.contains("given") && name["given"].is_array())
      for (const Json& given : name["given"])
        if (given.is_string())
          whole += (whole.empty() || !latin ? "" : " ") + given.get<std::string>();
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
    if (const std::string text = text_at(resource, key); !text.empty()) person[key] = text;
  return person;
}

// The same, with what the facts say of birth and sex where no resource does.
Json person_of(const Call& call, PatientId patient, const Timeline& timeline) {
  Json person = person_of(call, patient);
  constexpr std::string_view kSex = "GENDER//";
  for (const Event& event : timeline.events()) {
    const std::string& code = timeline.codes().name(event.code);
    if (code.starts_with(kSex) && !person.contains("gender"))
      person["gender"] = code.substr(kSex.size());
    if (code == "MEDS_BIRTH" && event.time && !person.contains("birthDate"))
      person["birthDate"] = format_time(*event.time).substr(0, 10);
  }
  return person;
}

std::optional<std::vector<PatientId>> visible(const Call& call) {
  if (call.sees_everybody()) return std::nullopt;
  return call.service.accounts().patients_of(call.account.name, call.now);
}

struct List {
  Json patients = Json::array();
  std::uint64_t total = 0, unscored = 0;
};

struct ListQuery {
  std::string text;
  ModelPtr model;  // null: no answers are shown
  std::size_t most = 50, skip = 0;
  RiskQuery risks(std::optional<std::vector<PatientId>> among) const {
    return {model->id(), model->approval.bundle, std::move(among), most, skip};
  }
};

Json listed(const Call& call, const Risk& risk) {
  Json one = person_of(call, risk.patient);
  one["value"] = number(risk.value), one["low"] = number(risk.low), one["high"] = number(risk.high);
  one["as_of"] = format_time(risk.as_of);
  return one;
}

// Of these patients those with answers, the highest first, then the others.
List list_of(const Call& call, std::vector<PatientId> patients, const ListQuery& query) {
  List list;
  list.total = patients.size();
  std::vector<Json> all;
  if (query.model) {
    RiskQuery wanted = query.risks(patients);
    wanted.most = patients.size(), wanted.skip = 0;
    for (const Risk& risk : risks(call.hospital(), wanted).risks) {
      if (all.size() >= query.skip && all.size() < query.skip + query.most)
        all.push_back(listed(call, risk));
      else
        all.emplace_back();
      std::erase(patients, risk.patient);
    }
  }
  list.unscored = query.model ? patients.size() : 0;
  for (const PatientId patient : patients) {
    const bool shown = all.size() >= query.skip && all.size() < query.skip + query.most;
    all.push_back(shown ? person_of(call, patient) : Json());
  }
  for (Json& one : all)
    if (!one.is_null()) list.patients.push_back(std::move(one));
  return list;
}

// By id or identifier, else by the beginning of a name, a page of them.
List search(const Call& call, const ListQuery& query) {
  const auto among = visible(call);
  if (const auto one = call.hospital().find(query.text)) {
    const bool mine = !among || std::find(among->begin(), among->end(), *one) != among->end();
    ListQuery all = query;
    all.skip = 0;
    return list_of(call, mine ? std::vector{*one} : std::vector<PatientId>(), all);
  }
  Wanted wanted;
  wanted.type = "Patient", wanted.terms = {{"name", lower(query.text)}}, wanted.among = among;
  wanted.most = query.most, wanted.skip = query.skip;
  std::vector<PatientId> found;
  std::uint64_t total = 0;
  call.hospital().live().read([&](Database& db) {
    LiveRecord live(db);
    for (const Kept& kept : live.search(wanted))
      if (kept.patient) found.push_back(*kept.patient);
    total = live.count(wanted);
  });
  ListQuery page = query;
  page.skip = 0;
  List list = list_of(call, found, page);
  list.total = total;
  return list;
}

// Everybody: those with answers, the highest first, then those who came since.
List everybody(const Call& call, const ListQuery& query) {
  List list;
  RiskQuery later{"", "", std::nullopt, query.most, query.skip};
  if (query.model) {
    const RiskList scored = risks(call.hospital(), query.risks(std::nullopt));
    list.total = scored.total;
    for (const Risk& risk : scored.risks) list.patients.push_back(listed(call, risk));
    later = query.risks(std::nullopt);
    later.most = query.most - list.patients.size();
    later.skip = query.skip > scored.total ? query.skip - scored.total : 0;
  }
  const Unscored left = unscored(call.hospital(), later);
  for (const PatientId patient : left.patients) list.patients.push_back(person_of(call, patient));
  list.unscored = query.model ? left.total : 0;
  list.total += left.total;
  return list;
}

}  // namespace

Response list_patients(Call& call) {
  ListQuery query;
  query.text = trim(call.request.asked("q").value_or(""));
  if (query.text.size() > 200) throw HttpError{400, "q is too long"};
  const std::string asked = call.request.asked("model").value_or("");
  if (!asked.empty()) query.model = call.hospital().answering_model(asked);
  query.most = whole(call, "_count", 50, 200), query.skip = whole(call, "_offset", 0, 10'000'000);
  const auto among = visible(call);
  const List list = !query.text.empty() ? search(call, query)
                    : among             ? list_of(call, *among, query)
                                        : everybody(call, query);
  Json subjects = Json::array();
  for (const Json& one : list.patients) subjects.push_back(one["id"]);
  note(call, "list_patients", {{"subjects", subjects}, {"name", asked}});
  Json answer{{"patients", list.patients}, {"total", list.total}, {"unscored", list.unscored}};
  if (query.model) {
    answer["model"] = query.model->id();
    answer["unit"] = unit_of(query.model->pipeline.main().readout.answer());
  }
  return json_response(answer);
}

namespace {

// What tells one fact from another.
std::string fact(std::string_view code, const std::optional<Time>& time,
                 const std::optional<float>& value, std::string_view unit) {
  return std::string(code) + "@" + (time ? std::to_string(time->time_since_epoch().count()) : "") +
         "=" + (value ? format_number(*value) : "") + " " + std::string(unit);
}

// The latest facts that were known then; codes stand once, rows name them by number.
Json picture(const Call& call, const Hospital::Record& record, const History& history) {
  std::unordered_map<std::string, const LiveEvent*> live;
  for (const LiveEvent& event : record.live)
    if (event.validity.holds(history.cutoff()))
      live[fact(event.code, event.time, event.number, event.unit)] = &event;
  Json codes = Json::array(), events = Json::array();
  std::unordered_map<CodeId, std::size_t> places;
  const auto rows = history.events();
  const std::size_t first = rows.size() > kMostEvents ? rows.size() - kMostEvents : 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Event& event = rows[i];
    if (i < first && event.time) continue;  // static facts always show
    const std::string& code = history.codes().name(event.code);
    const auto found = live.find(fact(code, event.time, event.number, event.unit));
    const LiveEvent* from = found == live.end() ? nullptr : found->second;
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
  const Time as_of = as_of_asked(call);
  const Hospital::Record record = call.hospital().record(patient.number);
  const History history = record.timeline.until(as_of);
  Json answer{{"person", person_of(call, patient.number, record.timeline)},
              {"as_of", format_time(as_of)},
              {"synthetic", record.synthetic}};
  // Where the slider begins; a birth long ago would leave it no room.
  const History present = record.timeline.until(call.now);  // owns what events() shows
  const auto known = present.events();
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

// Who gives an opinion shows by this that the answer is one of ours, of this patient.
std::string seal_of(const Call& call, const std::string& answer, const std::string& patient,
                    const std::string& model) {
  return call.service.seal(answer + "|" + patient + "|" + model);
}

Json answer_json(const Call& call, const Got& got) {
  const ServedModel& model = *got.model;
  Json json{{"id", got.answered.id},
            {"model", model.id()},
            {"asks", model.told.task},
            {"as_of", format_time(got.answered.as_of)},
            {"synthetic", got.answered.synthetic}};
  if (model.told.horizon_days > 0) json["horizon_days"] = model.told.horizon_days;
  if (std::isfinite(model.usual)) json["usual"] = model.usual;
  if (const auto* p = std::get_if<Prediction>(&got.answered.reply))
    json["headline"] = headline(model, *p).english;
  json["reply"] = Json::parse(reply_json(got.answered.reply, model.told));
  json["person"] = person_of(call, got.patient->number, got.record.timeline);
  json["seal"] = seal_of(call, got.answered.id, got.patient->id, model.id());
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
  return json_response(answer_json(call, ask(call, wanted)));
}

// Moments at which something became known, evenly among them, the present last.
Response answer_trend(Call& call) {
  const ModelPtr model = call.hospital().answering_model(call.request.asked("model").value_or(""));
  const Subject patient = call.patient(call.parts[0]);
  const Time end = as_of_asked(call);
  const Hospital::Record record = call.hospital().record(patient.number);
  std::vector<Time> days;
  const History history = record.timeline.until(end);
  for (const Event& event : history.events())
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
  const Json body = body_of(call, {"patient", "model", "opinion", "comment", "seal"});
  const std::string opinion = text_in(body, "opinion"), comment = text_in(body, "comment");
  const std::string& answer = call.parts[0];
  if (opinion != "agree" && opinion != "disagree" && opinion != "not_relevant")
    throw HttpError{400, "opinion is agree, disagree or not_relevant"};
  if (comment.size() > 2000) throw HttpError{400, "the comment is too long"};
  const Subject patient = call.patient(text_in(body, "patient"));
  const ModelPtr asked = call.hospital().answering_model(text_in(body, "model"));
  const std::string model = asked->id();
  if (!same_secret(text_in(body, "seal"), seal_of(call, answer, patient.id, model)))
    throw HttpError{400, "no answer of this service since it started; ask again, then judge"};
  note(call, "opinion",
       {{"subject", patient.id}, {"answer", answer}, {"name", model}, {"opinion", opinion}});
  call.hospital().live().write([&](Database& db) {
    db.run(
        "INSERT INTO opinion VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(answer, who) DO UPDATE SET "
        "opinion = excluded.opinion, comment = excluded.comment, at = excluded.at",
        {answer, call.account.name, patient.number.for_storage(), model, asked->approval.bundle,
         opinion, comment, call.now.time_since_epoch().count()});
  });
  return {204, "", ""};
}

}  // namespace cangong
