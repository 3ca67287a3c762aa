// CDS Hooks 2.0: discovery, cards, feedback. A service for each approved champion.
#include <cmath>

#include "base/digest.h"
#include "base/error.h"
#include "base/json_members.h"
#include "base/new_id.h"
#include "base/pattern.h"
#include "base/text.h"
#include "report/paragraph.h"
#include "serve/json.h"
#include "serve/prediction.h"
#include "serve/prefetch.h"

namespace cangong {
namespace {

// Text of a record inside Markdown: nothing in it is markup.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\`*_{}[]()#+-.!|<>~&").find(c) != std::string_view::npos) out += '\\';
    out += c == '\n' || c == '\r' ? ' ' : c;
  }
  return out;
}

std::vector<ModelPtr> champions(const Call& call) {
  std::vector<ModelPtr> all;
  for (const ModelPtr& model : call.hospital().models()->served)
    if (model->alias == "champion") all.push_back(model);
  return all;
}

Json discovery_of(const ModelPtr& model) {
  Json prefetch = Json::object();
  for (const auto& [key, query] : prefetch_of(model->pipeline)) prefetch[key] = query;
  return {{"hook", "patient-view"},
          {"id", model->name},
          {"title", model->told.task},
          {"description", model->told.task + " (model " + model->id() + ")"},
          {"usageRequirements", "FHIR R4"},
          {"prefetch", prefetch}};
}

struct HookRequest {
  std::string hook, instance, patient;
  std::vector<std::string> resources;
  bool prefetched = false;
  std::vector<std::string> absent;  // keys that were not sent
};

// What the EHR could not fetch is not known; null says that there is none.
void take_prefetched(const ServedModel& model, const std::string& prefetch, HookRequest& hook) {
  const JsonMembers sent = json_members(prefetch);
  hook.prefetched = !sent.empty();
  if (!hook.prefetched) return;
  for (const auto& [key, query] : prefetch_of(model.pipeline)) {
    const std::string* value = find_member(sent, key);
    if (!value || fhir_type_of(*value) == "OperationOutcome")
      hook.absent.push_back(key);
    else if (value->starts_with('{'))
      hook.resources.push_back(*value);
  }
}

HookRequest hook_of(const Call& call, const ServedModel& model) {
  static const Pattern kUuid = Pattern::require(
      "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$", "UUIDs");
  // The prefetch is large: it goes to the reader of FHIR as it was written.
  const JsonMembers members = json_members(call.request.body);
  Json body = Json::object();
  for (const auto& [key, value] : members)
    if (key != "prefetch") body[key] = Json::parse(value);
  HookRequest hook;
  hook.hook = body.value("hook", ""), hook.instance = body.value("hookInstance", "");
  if (hook.hook != "patient-view") throw HttpError{400, "hook: this service is for patient-view"};
  if (!kUuid.in(hook.instance)) throw HttpError{400, "hookInstance is a UUID"};
  if (!body.contains("context") || !body["context"].is_object())
    throw HttpError{400, "context is missing"};
  const Json& context = body["context"];
  for (const char* key : {"userId", "patientId"})
    if (!context.contains(key) || !context[key].is_string() ||
        context[key].get<std::string>().empty())
      throw HttpError{400, std::string("context.") + key + " is missing"};
  if (body.contains("fhirAuthorization") && !body.contains("fhirServer"))
    throw HttpError{400, "fhirAuthorization without fhirServer"};
  hook.patient = context["patientId"];
  const std::string* prefetch = find_member(members, "prefetch");
  if (prefetch && prefetch->starts_with('{')) take_prefetched(model, *prefetch, hook);
  return hook;
}

const CardThreshold* threshold_of(const Call& call, const ServedModel& model) {
  for (const CardThreshold& threshold : call.service.config().cards)
    if (threshold.model == model.name) return &threshold;
  return nullptr;
}

std::string detail_of(const Call& call, const Got& got, const Prediction& p) {
  std::string text;
  if (!p.reasons.empty()) {
    const Words words = clinician_paragraph(p, got.model->told);
    text = plain(wants_chinese(call.request) ? words.chinese : words.english) + "\n\n";
    for (std::size_t k = 0; k < std::min<std::size_t>(5, p.reasons.size()); ++k) {
      const Reason& reason = p.reasons[k];
      text += "- " + plain(reason.description.empty() ? reason.feature : reason.description) + ": ";
      text += reason.value ? plain(format_short(*reason.value, 4) + " " + reason.unit) : "missing";
      text += reason.contribution > 0 ? " (raises it)" : " (lowers it)";
      if (!reason.evidence.empty() && !reason.evidence.front().source.empty())
        text += ", " + plain(reason.evidence.front().source);
      text += "\n";
    }
  }
  if (const auto* threshold = threshold_of(call, *got.model))
    text += "\nWarns from " + format_number(threshold->warning) + ": " + plain(threshold->reason) +
            "\n";
  if (got.answered.synthetic)
    text += "\n**Synthetic**: this patient, or those behind the model, do not exist\\.\n";
  return text + "\nModel " + plain(got.model->id()) + ", data to " +
         plain(format_time(got.answered.as_of)) + ", answer " + plain(got.answered.id) + "\n";
}

Json source_of(const Call& call, const ServedModel& model) {
  return {{"label", "cangong at " + call.service.config().organisation},
          {"topic", {{"system", call.service.public_url() + "/models"}, {"code", model.name}}}};
}

Json override_reasons(const Call& call) {
  const std::string system = call.service.public_url() + "/override";
  const auto one = [&](const char* code, const char* display) {
    return Json{{"system", system}, {"code", code}, {"display", display}};
  };
  return Json::array({one("already-known", "Already known"),
                      one("not-relevant", "Not relevant now"),
                      one("disagree", "I judge it otherwise")});
}

Json card_of(const Call& call, const Got& got) {
  // The answer's own id: what is said of the card leads to the trail's record.
  Json card{{"uuid", uuid_of(got.answered.id)}};
  if (const auto* none = std::get_if<Abstention>(&got.answered.reply)) {
    card["summary"] = std::string("No answer from ") + got.model->name + ": " + none->reason;
    card["indicator"] = "info";
    std::string missing;
    for (const std::string& feature : none->missing) missing += "- " + plain(feature) + "\n";
    if (!missing.empty()) card["detail"] = "Missing:\n\n" + missing;
  } else {
    const auto& p = std::get<Prediction>(got.answered.reply);
    const CardThreshold* threshold = threshold_of(call, *got.model);
    card["summary"] = headline(*got.model, p);
    card["indicator"] = threshold && p.value >= threshold->critical  ? "critical"
                        : threshold && p.value >= threshold->warning ? "warning"
                                                                     : "info";
    card["detail"] = detail_of(call, got, p);
    card["overrideReasons"] = override_reasons(call);
  }
  card["source"] = source_of(call, *got.model);
  return card;
}

}  // namespace

Response cds_discovery(Call& call) {
  Json services = Json::array();
  for (const ModelPtr& model : champions(call)) services.push_back(discovery_of(model));
  Response response = json_response({{"services", services}});
  const std::string tag = "\"" + digest_of(response.body).substr(0, 32) + "\"";
  response.headers.emplace_back("ETag", tag);
  response.headers.emplace_back("Cache-Control", "private, no-cache");
  if (call.request.header("if-none-match") == tag) response.status = 304, response.body.clear();
  return response;
}

Response cds_service(Call& call) {
  const ModelPtr model = call.hospital().model(call.parts[0] + "@champion");
  const HookRequest hook = hook_of(call, *model);
  Ask wanted;
  wanted.model = model->name;
  wanted.explain.method = "shap";
  call.asker.why = "patient-view " + hook.instance;
  if (hook.prefetched) {
    if (!hook.absent.empty())
      throw HttpError{412, "the prefetch lacks what the model needs: " + join(hook.absent, ", ")};
    if (hook.resources.empty()) throw HttpError{412, "the prefetch holds no data"};
    wanted.resources = hook.resources;
    wanted.about = hook.patient;
  } else {
    if (!call.hospital().find(hook.patient))
      throw HttpError{412, "no prefetch was sent, and the patient is not known here"};
    wanted.subject = hook.patient;
  }
  const Got got = ask(call, wanted);
  Json cards = Json::array();
  const auto* none = std::get_if<Abstention>(&got.answered.reply);
  if (!none || none->why != Abstention::Why::deceased) cards.push_back(card_of(call, got));
  return json_response({{"cards", cards}});
}

// May come twice: kept once for each card and moment.
Response cds_feedback(Call& call) {
  (void)call.hospital().model(call.parts[0] + "@champion");
  const Json body = Json::parse(call.request.body, nullptr, false);
  if (!body.is_object() || !body.contains("feedback") || !body["feedback"].is_array())
    throw HttpError{400, "feedback is a list"};
  struct One {
    std::string card, outcome, at, text;
  };
  std::vector<One> all;
  for (const Json& item : body["feedback"]) {
    One one{item.value("card", ""), item.value("outcome", ""), item.value("outcomeTimestamp", ""),
            item.dump()};
    if (one.card.empty() || (one.outcome != "accepted" && one.outcome != "overridden") ||
        !parse_moment(one.at, Zone()))
      throw HttpError{400,
                      "an item has card, outcome (accepted or overridden) and outcomeTimestamp"};
    all.push_back(std::move(one));
  }
  call.hospital().live().write([&](Database& db) {
    for (const One& one : all)
      db.run("INSERT INTO feedback VALUES(?, ?, ?, ?) ON CONFLICT DO NOTHING",
             {one.card, one.at, one.outcome, one.text});
  });
  note(call, "feedback", Json{{"model", call.parts[0]}, {"items", all.size()}});
  return json_response(Json::object());
}

}  // namespace cangong
