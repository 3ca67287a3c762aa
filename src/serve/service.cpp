#include "serve/service.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <map>
#include <mutex>

#include "base/digest.h"
#include "base/error.h"
#include "base/json_members.h"
#include "base/pattern.h"
#include "base/text.h"
#include "engine/judge.h"
#include "serve/alerts.h"
#include "serve/clients.h"
#include "serve/cors.h"
#include "serve/daily.h"
#include "serve/job_kinds.h"
#include "serve/json.h"
#include "serve/live_database.h"
#include "serve/metrics.h"
#include "serve/outbound.h"
#include "serve/scoped.h"
#include "serve/session_cookie.h"
#include "serve/sign_on.h"
#include "serve/subscriptions.h"

namespace cangong {

using Clock = std::chrono::steady_clock;

struct Service::State {
  ServiceConfig config;
  std::string public_url;
  Hospital hospital;
  Accounts accounts;
  Tallies tallies;
  Outbound outbound;
  Clients clients;
  SignOn sign_on;
  std::string secret = random_bytes(32);
  Metrics metrics;
  std::mutex log;
  Watch watch;
  Jobs jobs;  // ended before what it uses
  Daily daily;
  Alerts alerts;
  Subscriptions subscriptions;  // last made, first ended

  State(const fs::path& home, ServiceConfig given)
      : config(std::move(given)),
        hospital(home, database_of_service(Home{home}, config)),
        accounts(
            hospital.live(),
            {static_cast<int>(config.failures_before_lock), static_cast<int>(config.minutes_locked),
             static_cast<int>(config.minutes_idle), static_cast<int>(config.hours_signed_in)}),
        tallies(hospital.live()),
        outbound(config.outbound, hospital),
        clients(config.clients, {hospital, accounts, outbound}),
        sign_on(config.sign_on, {hospital, outbound}),
        watch(hospital, tallies),
        jobs(hospital, job_kinds()),
        daily(hospital, jobs),
        alerts(config, {hospital, tallies, outbound}),
        subscriptions({hospital, accounts, outbound, config, public_url}) {}

  // What the last judgements found; of one name one after the other.
  void add_outcomes(const Hospital::Models& models, std::vector<Metrics::Gauge>& gauges) {
    constexpr std::array<std::array<const char*, 3>, 4> kTold{
        {{"auroc", "cangong_outcomes_auroc", "discrimination of what was answered"},
         {"c_index", "cangong_outcomes_c_index", "discrimination of what was answered"},
         {"observed_to_expected", "cangong_outcomes_observed_to_expected",
          "what happened, by what was told"},
         {"calibration_slope", "cangong_outcomes_calibration_slope", "of what was answered"}}};
    std::map<std::string, Json> bodies;
    hospital.live().read([&](Database& db) {
      for (const ModelPtr& model : models.served)
        bodies[model->id()] =
            Json::parse(last_judgement(db, model->id(), model->approval.bundle), nullptr, false);
    });
    for (const auto& [metric, name, help] : kTold)
      for (const auto& [model, body] : bodies)
        if (body.is_object() && body.contains("metrics") && body["metrics"].contains(metric) &&
            body["metrics"][metric]["value"].is_number())
          gauges.push_back({name, help, "model=\"" + model + "\"",
                            body["metrics"][metric]["value"].get<double>()});
  }

  // One JSON line; of the address its pattern alone, which names no patient.
  void write_log(const Json& line) {
    const std::lock_guard lock(log);
    std::fputs((text_of(line) + "\n").c_str(), stderr);
  }
};

namespace {

constexpr const char* kServiceTables = R"(
CREATE TABLE IF NOT EXISTS feedback(card TEXT NOT NULL, at TEXT NOT NULL, outcome TEXT NOT NULL,
  body TEXT NOT NULL, PRIMARY KEY(card, at));
CREATE TABLE IF NOT EXISTS opinion(answer TEXT NOT NULL, who TEXT NOT NULL, patient BIGINT NOT NULL,
  model TEXT NOT NULL, bundle TEXT NOT NULL, opinion TEXT NOT NULL, comment TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY(answer, who));
)";

}  // namespace

Service::Service(const fs::path& home, ServiceConfig config)
    : state_(std::make_unique<State>(home, std::move(config))) {
  state_->hospital.live().write([](Database& db) { db.script(kServiceTables); });
  state_->public_url = state_->config.public_url;
  while (state_->public_url.ends_with('/')) state_->public_url.pop_back();
}
Service::~Service() = default;

Hospital& Service::hospital() {
  return state_->hospital;
}
Accounts& Service::accounts() {
  return state_->accounts;
}
const ServiceConfig& Service::config() const {
  return state_->config;
}
const std::string& Service::public_url() const {
  return state_->public_url;
}
void Service::set_public_url(std::string url) {
  if (state_->public_url.empty()) state_->public_url = std::move(url);
}
Service::Readiness Service::readiness() {
  Readiness now;
  try {
    state_->hospital.live().write([](Database&) {});
    now.record = true;
  } catch (const Error&) {
    // It says so.
  }
  const auto models = state_->hospital.models();
  now.models = models->served.size() + models->timelines.size();
  now.not_served = models->problems.size();
  return now;
}

std::string Service::metrics() {
  std::vector<Metrics::Gauge> gauges;
  const auto records = static_cast<double>(state_->hospital.trail().head().records);
  gauges.push_back({"cangong_audit_chain_length", "records of the trail", "", records});
  const auto models = state_->hospital.models();
  constexpr std::int64_t kDays = 7;
  const auto today = std::chrono::floor<std::chrono::days>(now()).time_since_epoch().count();
  const auto tallies = state_->tallies.since(today - kDays + 1);
  gauges.push_back({"cangong_ready",
                    "1 where the record is written and every approved model served", "",
                    readiness().whole() ? 1.0 : 0.0});
  for (const ModelPtr& model : models->served) {
    const AnswerDrift drift = compare_with_expected(by_decile(tallies, *model), model->shares);
    if (std::isfinite(drift.psi))
      gauges.push_back({"cangong_answers_psi", "stability of the answers of seven days",
                        "model=\"" + model->id() + "\"", drift.psi});
  }
  state_->add_outcomes(*models, gauges);
  for (const auto& [state, count] : state_->jobs.by_state())
    gauges.push_back({"cangong_jobs", "jobs by state",
                      std::string("state=\"") + name_of(state) + "\"", static_cast<double>(count)});
  gauges.push_back(
      {"cangong_alerts", "that hold", "", static_cast<double>(state_->alerts.current().size())});
  return state_->metrics.text(gauges);
}
void Service::count_answer(const ServedModel& model, const Answered& answered, double seconds) {
  std::string outcome = "ok";
  if (const auto* none = std::get_if<Abstention>(&answered.reply))
    outcome = none->why == Abstention::Why::unlike_training ? "ood" : "data_required";
  state_->metrics.count_answer(model.id(), outcome, seconds);
  state_->tallies.count(model, answered, seconds);
}
std::string Service::seal(const std::string& text) const {
  return digest_of(state_->secret + text + state_->secret);
}
Tallies& Service::tallies() {
  return state_->tallies;
}
Jobs& Service::jobs() {
  return state_->jobs;
}
Outbound& Service::outbound() {
  return state_->outbound;
}
Clients& Service::clients() {
  return state_->clients;
}
SignOn& Service::sign_on() {
  return state_->sign_on;
}
Alerts& Service::alerts() {
  return state_->alerts;
}
Subscriptions& Service::subscriptions() {
  return state_->subscriptions;
}
Watch& Service::watch() {
  return state_->watch;
}

Hospital& Call::hospital() const {
  return service.hospital();
}

bool Call::sees_everybody() const {
  return service.config().patient_access == "all" ||
         (account.roles & static_cast<Roles>(Role::integrator));
}

void Call::require_patient(PatientId patient) const {
  if (sees_everybody() || service.accounts().cares_for(account.name, patient, now)) return;
  note(*this, "denied", {{"subject", hospital().fhir_id(patient)}});
  fail(Fault::denied, kNotYours);
}

Subject Call::patient(const std::string& id) const {
  const auto found = id.size() <= 200 ? hospital().find(id) : std::nullopt;
  if (!found && sees_everybody()) throw HttpError{404, "no such patient"};
  if (!found) {  // recorded as the other is, and as slowly
    note(*this, "denied", {{"unknown", id.substr(0, 200)}});
    fail(Fault::denied, kNotYours);
  }
  require_patient(*found);
  return {*found, hospital().fhir_id(*found)};
}

namespace {

// W3C trace context: the caller's trace, else a new one.
std::string trace_of(const Request& request) {
  static const Pattern kParent =
      Pattern::require("^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$", "traceparent");
  if (const auto trace = kParent.group_in(request.header("traceparent")))
    if (*trace != std::string(32, '0')) return *trace;
  return hexadecimal(random_bytes(16));
}

std::string path_of(const Request& request) {
  return request.target.substr(0, request.target.find('?'));
}

// A program's token: one that was given by hand, one with scopes, or a signature of each call.
void identify_bearer(Call& call, const std::string& token) {
  const std::string path = path_of(call.request);
  std::optional<Clients::Program> program;
  if (token.starts_with("cgs_")) {
    program = call.service.clients().token(token, call.now);
  } else if (std::count(token.begin(), token.end(), '.') != 2) {
    if (const auto account = call.service.accounts().token(token, call.now))
      program = Clients::Program{*account, std::nullopt, ""};
  } else if (path == "/cds-services" || path.starts_with("/cds-services/")) {
    try {
      program = call.service.clients().caller(token, call.service.public_url() + path,
                                              {"", "", call.request.peer, ""}, call.now);
    } catch (const Error& error) {
      if (error.fault != Fault::denied) throw;
      throw HttpError{401, error.what()};
    }
  }
  if (!program)
    throw HttpError{401, "the token is unknown or over; ask an administrator for another"};
  call.account = program->account, call.scopes = program->scopes;
}

// Who asks; throws where a token or a session is no good, or a change could be forged.
void identify(Call& call) {
  const std::string& bearer = call.request.header("authorization");
  if (!bearer.empty()) {
    if (!lower(bearer).starts_with("bearer "))
      throw HttpError{401, "send: Authorization: Bearer TOKEN"};
    identify_bearer(call, std::string(trim(std::string_view(bearer).substr(7))));
    return;
  }
  const std::string id = cookie_of(call.request, "__Host-cangong");
  if (id.empty()) return;
  const auto session = call.service.accounts().session(id, call.now);
  if (!session) return;
  const std::string& method = call.request.method;
  const bool changes = method != "GET" && method != "HEAD";
  if (changes && !same_secret(call.request.header("x-csrf-token"), session->csrf))
    throw HttpError{403, "send the session's token in X-CSRF-Token (GET /auth/me tells it)"};
  call.account = session->account;
  call.session = id;
}

void authorise(const Call& call, const Route& route) {
  if (route.permission == Permission::anyone) return;
  if (call.account.name.empty())
    throw HttpError{401, "sign in first (POST /auth/sign-in), or send a token"};
  if (allows(call.account.roles, route.permission)) {
    if (call.scopes) require_scopes(*call.scopes, route, call);
    return;
  }
  note(call, "denied", {{"route", route.pattern}});
  throw HttpError{403, "your roles do not allow this; it needs: " +
                           join(names_of(roles_with(route.permission)), " or ")};
}

int status_of(Fault fault) {
  switch (fault) {
    case Fault::input:
    case Fault::config:
      return 400;
    case Fault::missing:
      return 404;
    case Fault::denied:
      return 403;
    case Fault::model:
      return 422;
    case Fault::storage:
      return 503;
    case Fault::internal:
      break;
  }
  return 500;
}

bool is_fhir(std::string_view path) {
  return path == "/fhir" || path.starts_with("/fhir/");
}

void secure(Response& response, const std::string& trace) {
  const auto add = [&](const char* name, const char* value) {
    for (const auto& [known, ignored] : response.headers)
      if (lower(known) == lower(name)) return;
    response.headers.emplace_back(name, value);
  };
  add("Cache-Control", "no-store");
  add("Expires", "0");
  add("Strict-Transport-Security", "max-age=31536000");
  add("X-Content-Type-Options", "nosniff");
  add("Referrer-Policy", "no-referrer");
  add("X-Frame-Options", "DENY");
  add("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  response.headers.emplace_back("X-Trace-Id", trace);
}

}  // namespace

void require_shallow(std::string_view json) {
  if (!is_shallow(json)) throw HttpError{400, "the body is nested deeper than 100 levels"};
}

void require_json_format(const Pairs& parameters) {
  constexpr std::string_view kJson[] = {"json", "application/json", "application/fhir+json",
                                        "application/json+fhir", "text/json"};
  for (const auto& [name, value] : parameters) {
    if (name != "_format") continue;
    std::string format = lower(trim(std::string_view(value).substr(0, value.find(';'))));
    std::replace(format.begin(), format.end(), ' ', '+');  // a plus that was not encoded
    if (std::find(std::begin(kJson), std::end(kJson), format) == std::end(kJson))
      throw HttpError{406, "_format is json; nothing else is written"};
  }
}

Response error_response(const std::string& path, const HttpError& error, const std::string& trace) {
  Response response;
  response.status = error.status;
  if (is_fhir(path)) {
    constexpr std::pair<int, const char*> kCodes[] = {
        {400, "invalid"},       {401, "login"},    {403, "forbidden"},     {404, "not-found"},
        {405, "not-supported"}, {409, "conflict"}, {410, "deleted"},       {412, "conflict"},
        {406, "not-supported"}, {413, "too-long"}, {415, "not-supported"}, {422, "processing"},
        {429, "throttled"},     {503, "transient"}};
    const char* code = "exception";
    for (const auto& [status, name] : kCodes)
      if (status == error.status) code = name;
    Json issue{{"severity", "error"}, {"code", code}, {"diagnostics", error.message}};
    if (!error.where.empty()) issue["expression"] = {error.where};
    response.type = "application/fhir+json";
    response.body = text_of(Json{{"resourceType", "OperationOutcome"}, {"issue", {issue}}});
  } else if (path == "/v2" || path.starts_with("/v2/")) {
    response.body = text_of(Json{{"error", error.message}});
  } else {
    response.type = "application/problem+json";
    response.body = text_of({{"type", "about:blank"},
                             {"title", status_text(error.status)},
                             {"status", error.status},
                             {"detail", error.message},
                             {"trace_id", trace}});
  }
  if (error.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

namespace {

// What a caller learns of a failure; the rest goes to the log.
HttpError told(const Error& error, Json& line) {
  line["fault"] = error.what();
  if (error.fault == Fault::storage)
    return {
        503,
        "the service cannot keep or read data now; the administrator finds the cause in the log"};
  if (error.fault == Fault::internal)
    return {500, "a mistake of the service; the administrator finds it in the log"};
  line.erase("fault");
  return {status_of(error.fault), error.what()};
}

// What no handler could take apart, said before one tries.
void require_readable(const Request& request, const Route& route) {
  const std::string packed = lower(request.header("content-encoding"));
  if (!packed.empty() && packed != "identity")
    throw HttpError{415, "send the body as it is, without Content-Encoding"};
  const bool takes_files = route.pattern.starts_with("/api/inbox");
  if (!request.body.empty() && !takes_files && media_type(request, "content-type").ends_with("xml"))
    throw HttpError{415, "XML is not read; send JSON (application/fhir+json)"};
  if (!is_fhir(request.path)) return;
  const std::string accepts = lower(request.header("accept"));
  const auto takes = [&](const char* type) { return accepts.find(type) != std::string::npos; };
  if (takes("xml") && !takes("json") && !takes("*/*") && !takes("application/*"))
    throw HttpError{406, "JSON is what is written here; Accept: application/fhir+json"};
  require_json_format(request.query);
}

Response handled(Service& service, const Request& request, const Match& match,
                 const std::string& trace) {
  if (match.methods.empty()) throw HttpError{404, "no such address; GET /openapi.json lists them"};
  if (!match.route) throw HttpError{405, "this address does not know the method"};
  Call call{service, request, Account(), match.parts, Asker(), now(), std::string()};
  identify(call);
  call.asker = {call.account.name, request.header("x-purpose"), request.peer, trace};
  authorise(call, *match.route);
  require_readable(request, *match.route);
  require_shallow(request.body);
  return match.route->handle(call);
}

}  // namespace

Response Service::answer(const Request& request) {
  const auto started = Clock::now();
  const std::string trace = trace_of(request), path = path_of(request);
  Json line{{"at", format_time(now())}, {"level", "info"}, {"method", request.method}};
  Response response;
  if (auto allowed = preflight(state_->config.origins, request)) {
    allow_origin(state_->config.origins, request, *allowed);
    secure(*allowed, trace);
    return std::move(*allowed);
  }
  const Match match = match_route(request.method, path);
  const std::string pattern = match.route ? std::string(match.route->pattern) : "(none)";
  try {
    response = handled(*this, request, match, trace);
  } catch (const HttpError& error) {
    response = error_response(path, error, trace);
  } catch (const Error& error) {
    response = error_response(path, told(error, line), trace);
  } catch (const nlohmann::json::exception&) {
    response = error_response(
        path, {400, "the body is not JSON of the form that this address takes"}, trace);
  } catch (const std::exception& error) {
    response = error_response(path, {500, "a mistake of the service; the log says more"}, trace);
    line["fault"] = error.what();
  }
  if (response.status == 405)
    for (const auto method : match.methods)
      response.headers.emplace_back("Allow", std::string(method));
  allow_origin(state_->config.origins, request, response);
  secure(response, trace);
  const double seconds = std::chrono::duration<double>(Clock::now() - started).count();
  state_->metrics.count_request(request.method, pattern, response.status, seconds);
  if (response.status >= 500) line["level"] = "error";
  line["route"] = pattern, line["status"] = response.status;
  line["ms"] = std::round(seconds * 1e5) / 100, line["trace"] = trace;
  state_->write_log(line);
  return response;
}

HttpHandlers Service::handlers() {
  HttpHandlers handlers;
  handlers.answer = [this](const Request& request) { return answer(request); };
  handlers.body_limit = [](const Request& head) {
    const Match match = match_route(head.method, path_of(head));
    return match.route ? match.route->most_body : std::size_t{1024};
  };
  handlers.refuse = [this](int status, const std::string& what) {
    state_->metrics.count_request("", "(refused)", status, 0);
    Response response = error_response("", {status, what}, "");
    secure(response, hexadecimal(random_bytes(16)));
    return response;
  };
  return handlers;
}

}  // namespace cangong
