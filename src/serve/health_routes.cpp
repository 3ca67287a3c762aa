// Whether the service works, what it is, and what it did.
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "serve/json.h"
#include "timeline/store.h"

namespace cangong {
Response live(Call&) {
  return {200, "text/plain", "lives\n"};
}

Response ready(Call& call) {
  const Service::Readiness now = call.service.readiness();
  Json body{{"ready", now.whole()}};
  if (call.request.asked("verbose"))
    body["parts"] = {{"record", now.record ? "writable" : "cannot be written"},
                     {"models", now.models},
                     {"model_problems", now.not_served},
                     {"device", "cpu"}};
  return json_response(body, now.whole() ? 200 : 503);
}

Response version(Call& call) {
  return json_response({{"program", kProgram},
                        {"store_format", kStoreFormat},
                        {"bundle_format", kBundleFormat},
                        {"store", call.hospital().store_digest()}});
}

Response metrics(Call& call) {
  return {200, "text/plain; version=0.0.4", call.service.metrics()};
}

namespace {

constexpr std::size_t kMostAuditEvents = 1000;

// The last records of the trail that fit, newest first.
std::vector<Json> last_events(const Call& call) {
  constexpr std::array kKnown{"subject", "patient", "who", "what", "_count"};
  for (const auto& [name, value] : call.request.query)
    if (std::find(kKnown.begin(), kKnown.end(), name) == kKnown.end())
      throw HttpError{400, "the trail is not sought by " + name +
                               "; known are subject, patient, who, what and _count"};
  auto subject = call.request.asked("subject");
  if (!subject) subject = call.request.asked("patient");
  const auto who = call.request.asked("who");
  const auto what = call.request.asked("what");
  const auto most = parse_integer(call.request.asked("_count").value_or("100"));
  if (!most || *most < 1 || *most > static_cast<std::int64_t>(kMostAuditEvents))
    throw HttpError{400, "_count is 1 to 1000"};
  std::deque<Json> kept;
  LineReader lines(call.hospital().home().trail());
  const auto fits = [](const Json& record, const char* key,
                       const std::optional<std::string>& want) {
    return !want || record.value(key, "") == *want;
  };
  while (const auto line = lines.next()) {
    if (is_checkpoint(line->text)) continue;
    Json record = Json::parse(line->text, nullptr, false);
    if (!record.is_object()) continue;
    const bool among = subject && record.contains("subjects") && record["subjects"].is_array() &&
                       std::find(record["subjects"].begin(), record["subjects"].end(),
                                 Json(*subject)) != record["subjects"].end();
    if ((!among && !fits(record, "subject", subject)) || !fits(record, "who", who) ||
        !fits(record, "what", what))
      continue;
    kept.push_front(std::move(record));
    if (kept.size() > static_cast<std::size_t>(*most)) kept.pop_back();
  }
  return {kept.begin(), kept.end()};
}

// FHIR R4 AuditEvent of one record.
Json audit_event(const Json& record) {
  const std::string what = record.value("what", "");
  const char* action = what == "predict"                        ? "E"
                       : what == "read" || what == "search"     ? "R"
                       : what == "create" || what == "add_care" ? "C"
                       : what == "update"                       ? "U"
                       : what == "delete"                       ? "D"
                                                                : "E";
  const bool failed = what == "denied" || what == "sign_in_failed";
  Json event{{"resourceType", "AuditEvent"},
             {"id", std::to_string(record.value("n", 0))},
             {"type",
              {{"system", "http://terminology.hl7.org/CodeSystem/audit-event-type"},
               {"code", what.starts_with("sign") ? "110114" : "rest"}}},
             {"subtype", Json::array({{{"code", what}}})},
             {"action", action},
             {"recorded", record.value("at", "")},
             {"outcome", failed ? "4" : "0"},
             {"agent", Json::array({{{"requestor", true}, {"name", record.value("who", "")}}})},
             {"source", {{"observer", {{"display", "cangong"}}}}}};
  if (record.contains("from"))
    event["agent"][0]["network"] = {{"address", record["from"]}, {"type", "2"}};
  Json entities = Json::array();
  if (!record.value("subject", "").empty())
    entities.push_back({{"what", {{"reference", "Patient/" + record.value("subject", "")}}},
                        {"role", {{"code", "1"}}}});
  for (const Json& one : record.value("subjects", Json::array()))
    if (one.is_string())
      entities.push_back({{"what", {{"reference", "Patient/" + one.get<std::string>()}}},
                          {"role", {{"code", "1"}}}});
  if (!record.value("reason", "").empty())
    event["purposeOfEvent"] = Json::array({{{"text", record["reason"]}}});
  if (record.contains("model"))
    entities.push_back(
        {{"name", record.value("name", "")},
         {"detail",
          Json::array({{{"type", "model"}, {"valueString", record["model"]}},
                       {{"type", "prediction"}, {"valueString", record.value("id", "")}}})}});
  if (!entities.empty()) event["entity"] = entities;
  return event;
}

}  // namespace

Response audit_events(Call& call) {
  const auto events = last_events(call);
  note(call, "read_trail");
  return json_response({{"events", events}});
}

Response fhir_audit(Call& call) {
  const auto events = last_events(call);
  note(call, "read_trail");
  Json entries = Json::array();
  for (const Json& record : events)
    entries.push_back({{"fullUrl", call.service.public_url() + "/fhir/AuditEvent/" +
                                       std::to_string(record.value("n", 0))},
                       {"resource", audit_event(record)}});
  Json bundle{{"resourceType", "Bundle"}, {"type", "searchset"}};
  if (!entries.empty()) bundle["entry"] = entries;
  Response response = json_response(bundle);
  response.type = "application/fhir+json";
  return response;
}

Response audit_verify(Call& call) {
  call.hospital().trail().checkpoint(format_time(call.now));
  const Home& home = call.hospital().home();
  const AuditCheck check =
      verify_audit(home.trail(), SigningKey::open(home.keys() / "audit.key").public_key());
  note(call, "verify_trail");
  return json_response({{"holds", check.holds()},
                        {"records", check.records},
                        {"checkpoints", check.checkpoints},
                        {"head", check.head},
                        {"key", check.key},
                        {"first_bad_line", check.first_bad_line},
                        {"problem", check.problem}});
}

}  // namespace cangong
