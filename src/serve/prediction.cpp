#include "serve/prediction.h"

#include <chrono>
#include <cmath>

#include "base/base64.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/text.h"
#include "engine/card_facts.h"
#include "report/paragraph.h"
#include "serve/answer_resources.h"
#include "serve/prefetch.h"

namespace cangong {
namespace {

AnswerStamp stamp_of(const ServedModel& model, const Answered& answered) {
  return {model.approval, answered.id, answered.as_of, answered.at, answered.synthetic};
}

// How the parts make the answer: base and contributions add up to the margin.
Json attribution(const Prediction& p, const std::string& base_url) {
  Json parts = Json::array({{{"url", "method"}, {"valueString", p.method}},
                            {{"url", "scale"}, {"valueString", "margin"}},
                            {{"url", "base"}, {"valueDecimal", p.base}},
                            {{"url", "margin"}, {"valueDecimal", p.margin}}});
  for (const Reason& reason : p.reasons) {
    Json term = Json::array({{{"url", "feature"}, {"valueString", reason.feature}},
                             {{"url", "contribution"}, {"valueDecimal", reason.contribution}}});
    if (reason.value) {
      Json quantity{{"value", *reason.value}};
      if (!reason.unit.empty()) quantity["unit"] = reason.unit;
      term.push_back({{"url", "value"}, {"valueQuantity", quantity}});
    }
    for (const Evidence& evidence : reason.evidence)
      if (!evidence.source.empty())
        term.push_back({{"url", "source"}, {"valueReference", {{"reference", evidence.source}}}});
    parts.push_back({{"url", "term"}, {"extension", term}});
  }
  return {{"url", base_url + "/fhir/StructureDefinition/attribution"}, {"extension", parts}};
}

// The chance of being free of the event by day.
Json curve(const Prediction& p, const std::string& base_url) {
  Json points = Json::array();
  for (const auto& [day, free] : p.survival)
    points.push_back({{"url", "point"},
                      {"extension", Json::array({{{"url", "days"}, {"valueDecimal", day}},
                                                 {{"url", "free"}, {"valueDecimal", free}}})}});
  return {{"url", base_url + "/fhir/StructureDefinition/survival-curve"}, {"extension", points}};
}

std::string rationale(const ServedModel& model, const Prediction& p, const Writing& writing) {
  if (p.reasons.empty()) return "";
  const Words words = clinician_paragraph(p, model.told);
  return writing.chinese ? words.chinese : words.english;
}

Json predictions(const ServedModel& model, const Prediction& p, const Writing& writing) {
  Json all = Json::array();
  const auto one = [&](const std::string& what, double probability) {
    Json json{{"outcome", {{"text", what}}}, {"probabilityDecimal", per_cent(probability)}};
    if (model.told.horizon_days > 0)
      json["whenRange"] = {{"low", days(0)}, {"high", days(model.told.horizon_days)}};
    return json;
  };
  if (!p.classes.empty()) {
    for (const auto& [name, probability] : p.classes)
      all.push_back(one(model.told.task + ": " + name, probability));
    return all;
  }
  Json json = one(model.told.task, p.value);
  if (std::isfinite(p.low)) json["_probabilityDecimal"] = confidence(p.low, p.high);
  if (std::isfinite(model.usual) && model.usual > 0)
    json["relativeRisk"] = std::round(100 * p.value / model.usual) / 100;
  const std::string why = rationale(model, p, writing);
  if (!why.empty()) json["rationale"] = why;
  Json extensions = Json::array();
  if (!p.reasons.empty()) extensions.push_back(attribution(p, writing.base));
  if (!p.survival.empty()) extensions.push_back(curve(p, writing.base));
  if (!extensions.empty()) json["extension"] = extensions;
  all.push_back(json);
  return all;
}

Json basis(const Prediction& p) {
  Json all = Json::array();
  std::vector<std::string> seen;
  for (const Reason& reason : p.reasons)
    for (const Evidence& evidence : reason.evidence) {
      if (evidence.source.empty() ||
          std::find(seen.begin(), seen.end(), evidence.source) != seen.end())
        continue;
      seen.push_back(evidence.source);
      all.push_back({{"reference", evidence.source}});
    }
  return all;
}

Json risk_assessment(const ServedModel& model, const Answered& answered, const Prediction& p,
                     const Writing& writing) {
  Json json = answer_resource("RiskAssessment", stamp_of(model, answered), writing);
  json["status"] = "preliminary";
  json["method"] = method_of(model.approval, writing);
  json["subject"] = {{"reference", writing.subject}};
  json["occurrenceDateTime"] = format_time(answered.as_of);
  json["performer"] = {{"reference", "Device/" + device_id(model.approval)}};
  const Json behind = basis(p);
  if (!behind.empty()) json["basis"] = behind;
  json["prediction"] = predictions(model, p, writing);
  return json;
}

// A value is no risk: R4 has an Observation for it.
Json value_observation(const ServedModel& model, const Answered& answered, const Prediction& p,
                       const Writing& writing) {
  Json json = answer_resource("Observation", stamp_of(model, answered), writing);
  json["status"] = "preliminary";
  json["code"] = {{"text", model.told.task}};
  json["subject"] = {{"reference", writing.subject}};
  json["effectiveDateTime"] = format_time(answered.as_of);
  json["valueQuantity"] = {{"value", p.value}};
  json["method"] = method_of(model.approval, writing);
  json["device"] = {{"reference", "Device/" + device_id(model.approval)}};
  if (std::isfinite(p.low))
    json["referenceRange"] = Json::array({{{"low", {{"value", p.low}}},
                                           {"high", {{"value", p.high}}},
                                           {"text", "95 % of patients answered alike lie here"}}});
  return json;
}

// What a feature is made of, as FHIR says it: "LOINC//2160-0 | last | all" an Observation of that
// code, age and sex what the Patient says.
Json data_requirement(const std::string& feature) {
  const std::string code = feature.substr(0, feature.find(" | "));
  if (code == "AGE") return {{"type", "Patient"}, {"mustSupport", Json::array({"birthDate"})}};
  if (code.starts_with("GENDER"))
    return {{"type", "Patient"}, {"mustSupport", Json::array({"gender"})}};
  return {{"type", resource_type_of(code)},
          {"codeFilter",
           Json::array({{{"path", "code"}, {"code", Json::array({coding_json(code)})}}})}};
}

Json guidance(const ServedModel& model, const Answered& answered, const Abstention& none,
              const Writing& writing) {
  Json json = answer_resource("GuidanceResponse", stamp_of(model, answered), writing);
  json["moduleUri"] = writing.base + "/models/" + model.name;
  json["status"] = none.missing.empty() ? "failure" : "data-required";
  json["subject"] = {{"reference", writing.subject}};
  json["occurrenceDateTime"] = format_time(answered.as_of);
  json["performer"] = {{"reference", "Device/" + device_id(model.approval)}};
  json["reasonCode"] = Json::array({{{"text", none.reason}}});
  Json wanted = Json::array();
  for (const std::string& feature : none.missing) {
    const Json one = data_requirement(feature);
    if (std::find(wanted.begin(), wanted.end(), one) == wanted.end()) wanted.push_back(one);
  }
  if (!wanted.empty()) json["dataRequirement"] = wanted;
  return json;
}

Json card(const Approval& approval, Standing standing, const std::string& text) {
  return {
      {"resourceType", "DocumentReference"},
      {"id", card_id(approval)},
      {"status", standing == Standing::served ? "current" : "superseded"},
      {"type",
       {{"coding",
         Json::array({{{"system", std::string(kAiTransparency) + "/CodeSystem/AIinputsCS"},
                       {"code", "AIModelCard"}}})},
        {"text", "model card"}}},
      {"date", approval.at},
      {"description", "Model card of " + approval.name},
      {"content", Json::array({{{"attachment",
                                 {{"contentType", "text/markdown"},
                                  {"language", "en"},
                                  {"title", approval.name},
                                  {"size", text.size()},
                                  {"data", base64(text)}}}}})},
      {"context", {{"related", Json::array({{{"reference", "Device/" + device_id(approval)}}})}}}};
}

}  // namespace

std::string prediction_bundle(const ServedModel& model, const Answered& answered,
                              const Writing& writing) {
  Json main;
  if (const auto* none = std::get_if<Abstention>(&answered.reply)) {
    main = guidance(model, answered, *none, writing);
  } else {
    const auto& p = std::get<Prediction>(answered.reply);
    main = p.unit == "probability" ? risk_assessment(model, answered, p, writing)
                                   : value_observation(model, answered, p, writing);
  }
  return answer_bundle(std::move(main), stamp_of(model, answered), writing);
}

std::string model_resource(Hospital& hospital, std::string_view type, std::string_view id,
                           const Writing& writing) {
  const bool of_device = type == "Device", of_card = type == "DocumentReference";
  if (!id.starts_with("model-") || (!of_device && !of_card)) return "";
  const auto known = hospital.models();
  const auto history = approval_history(hospital.home().models());
  for (const Approval& one : history) {
    if (one.bundle.empty() || id != (of_device ? device_id(one) : card_id(one))) continue;
    const auto is_it = [&](const auto& model) {
      return model->approval.name == one.name && model->approval.bundle == one.bundle;
    };
    const bool served = std::any_of(known->served.begin(), known->served.end(), is_it) ||
                        std::any_of(known->timelines.begin(), known->timelines.end(), is_it);
    const Standing standing = served ? Standing::served : Standing::superseded;
    if (of_device) return device(one, standing, writing).dump();
    const fs::path folder = hospital.home().models() / one.bundle;
    if (!fs::exists(folder)) return "";
    const Bundle bundle = Bundle::open(folder);
    return card(one, standing,
                TimelineModel::is_in(bundle)
                    ? timelines_card_markdown(bundle, one.name)
                    : card_markdown(read_pipeline(bundle), one.name, one.bundle))
        .dump();
  }
  return "";
}

std::string figure(const Prediction& p, double value) {
  if (p.unit != "probability") return format_short(value, 3);
  const double per = 100 * value;
  if (per > 0 && per < 0.1) return "below 0.1 %";
  return format_fixed(per, per < 10 ? 1 : 0) + " %";
}

Words headline(const ServedModel& model, const Prediction& p) {
  const Words within = horizon_words(model.told);
  const std::string value = figure(p, p.value);
  Words end{": " + value + within.english, "：" + within.chinese + value};
  if (!p.set.empty())
    end = {": " + join(p.set, " or ") + " (90 %)", "：" + join(p.set, " 或 ") + "（90%）"};
  if (std::isfinite(p.low)) {
    const std::string low = figure(p, p.low), high = figure(p, p.high);
    end.english += " (95 %: " + low + " to " + high + ")";
    end.chinese += "（95%：" + low + " 至 " + high + "）";
  }
  if (p.set.empty() && p.unit == "probability" && std::isfinite(model.usual) && model.usual > 0) {
    const std::string times = format_fixed(p.value / model.usual, 1);
    end.english += ", " + times + " x the average";
    end.chinese += "，为平均的 " + times + " 倍";
  }
  const auto whole = [&](const std::string& rest) {
    constexpr std::size_t kMost = 139, kLeastTask = 4;
    const std::string last = shorten(rest, kMost - kLeastTask);
    return shorten(model.told.task, kMost - last.size()) + last;
  };
  return {whole(end.english), whole(end.chinese)};
}

// RFC 9110, 12.5.4: the language with the larger weight; the first of two alike.
bool wants_chinese(const Request& request) {
  double most = 0;
  bool chinese = false;
  const std::string all = lower(request.header("accept-language"));
  for (const std::string_view one : split(all, ',')) {
    const std::size_t semicolon = one.find(';');
    const std::string_view range = trim(one.substr(0, semicolon));
    double weight = 1;
    if (semicolon != std::string_view::npos) {
      const std::string_view rest = trim(one.substr(semicolon + 1));
      weight = rest.starts_with("q=") ? parse_number(rest.substr(2)).value_or(0) : 0;
    }
    const bool is_chinese = range == "zh" || range.starts_with("zh-");
    const bool is_english = range == "en" || range.starts_with("en-");
    if ((is_chinese || is_english) && weight > most) most = weight, chinese = is_chinese;
  }
  return chinese;
}

Time moment_asked(const Call& call, const std::optional<std::string>& text,
                  const std::string& parameter) {
  if (!text) return call.now;
  const auto moment = parse_moment(*text, Zone());
  if (!moment)
    throw HttpError{400, parameter + " is a date or time such as 2026-11-22T09:40:00Z", parameter};
  // A clock may be a little ahead.
  if (moment->last > call.now + std::chrono::days(1))
    throw HttpError{400, parameter + " lies in the future", parameter};
  return moment->last;
}

namespace {

// Who asks by the bare name may get the challenger's answer, for the share of patients in a trial:
// the same patients each time.
ModelPtr model_for(const Call& call, const std::string& name, const std::string& subject) {
  for (const ChallengerTrial& trial : call.service.config().trials) {
    if (trial.model != name || subject.empty()) continue;
    const std::string digest = digest_of(name + "|" + subject).substr(0, 8);
    const double place = static_cast<double>(std::stoul(digest, nullptr, 16)) / 4294967296.0;
    if (place >= trial.share) continue;
    for (const ModelPtr& model : call.hospital().models()->served)
      if (model->id() == name + "@challenger") return model;
  }
  return call.hospital().answering_model(name);
}

void look_after(Call& call, const Got& got, const std::string& subject) {
  const auto* p = std::get_if<Prediction>(&got.answered.reply);
  std::optional<PatientId> patient;
  if (got.patient)
    patient = got.patient->number;
  else if (subject != kAtHand)
    patient = call.hospital().find(subject);
  call.service.watch().saw({got.model, got.answered.id, subject,
                            p ? std::optional(p->value) : std::nullopt, got.answered.as_of,
                            got.answered.at, patient, got.record.timeline, got.record.synthetic,
                            got.record.store});
}

}  // namespace

Got ask(Call& call, const Ask& wanted) {
  const auto started = std::chrono::steady_clock::now();
  const Time as_of = moment_asked(call, wanted.as_of, "asOf");
  (void)call.hospital().answering_model(
      wanted.model);  // an unknown one is told before anything of a patient
  std::optional<Hospital::Record> record;
  std::optional<Subject> patient;
  std::string subject = wanted.about.empty() ? kAtHand : wanted.about;
  if (wanted.subject.empty()) {
    std::vector<std::string> texts = wanted.resources;
    texts.insert(texts.end(), wanted.orders.begin(), wanted.orders.end());
    record = Hospital::record_of(texts, call.now);
    const bool another =
        (record->subject.starts_with("Patient/") && record->subject != "Patient/" + wanted.about) ||
        std::any_of(record->patients.begin(), record->patients.end(),
                    [&](const std::string& id) { return id != wanted.about; });
    if (!wanted.about.empty() && another)
      throw HttpError{400, "the prefetch is of another patient than context.patientId"};
  } else {
    patient = call.patient(wanted.subject);
    subject = patient->id;
    std::vector<LiveEvent> more;
    if (!wanted.orders.empty()) more = read_fhir_at_hand(wanted.orders, call.now).events;
    record = call.hospital().record(patient->number, std::move(more));
  }
  const ModelPtr model = model_for(call, wanted.model, subject == kAtHand ? "" : subject);
  Answered answered =
      call.hospital().ask({*model, *record, subject, as_of, wanted.explain}, call.asker);
  Got got{model, std::move(answered), std::move(*record), patient};
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  // Looking once more at the same answer is no further one.
  if (!wanted.explain.what_if.empty() || !wanted.orders.empty()) return got;
  call.service.count_answer(*model, got.answered, took.count());
  look_after(call, got, subject);
  return got;
}

}  // namespace cangong
