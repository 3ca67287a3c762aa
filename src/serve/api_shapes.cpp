#include "serve/api_shapes.h"

#include <string>
#include <vector>

#include "base/error.h"

namespace cangong {
namespace {

const std::string kText = "text/plain", kPage = "text/html", kFhir = "application/fhir+json",
                  kLines = "application/fhir+ndjson", kNothing = "",
                  kForm = "application/x-www-form-urlencoded";

const std::string kJob =
    "id! kind! model! by! state! done!:int total!:int created! started ended problem "
    "seconds_left:num";
const std::string kModel =
    "name! alias! bundle! asks! approved_by! approved_at! note! synthetic!:bool answer! "
    "horizon_days:num usual:num";
const std::string kTimelines =
    "name! alias! bundle! describes! approved_by! approved_at! note! synthetic!:bool people!:int "
    "events!:int tokens!:int judged_by! nats:num?";
const std::string kProposal =
    "id! name! bundle! by! at! note! state! decided_by decided_at decision_note";
const std::string kComing =
    "{alive!:[num] events!:[[num]] codes!:[{code! meaning! lane! yearly_rate!:num share!:num "
    "low!:num high!:num method! by!:[num]}] futures_cut!:int}";
const std::string kTensors = "[{name! datatype! shape!:[int]}]";
const std::string kInfer =
    "id parameters:{as_of explain:bool} inputs!:[{name! datatype! shape:[int] data!:any}] "
    "outputs:[{name!}]";
const std::string kInferred =
    "model_name! model_version! id parameters!:{calibrated!:bool device! inference_id! "
    "synthetic!:bool base:num reasons} outputs!:[{name! datatype! shape!:[int] data!:[num?]}]";

const std::vector<Described> kDescribed{
    {"GET /livez", 200, "", "", "", kText},
    {"GET /readyz", 200, "verbose", "", "ready!:bool parts:{}", "application/json", "", 503},
    {"GET /version", 200, "", "", "program! store_format!:int bundle_format!:int store!"},
    {"GET /metrics", 200, "", "", "", kText},
    {"GET /openapi.json", 200, "", "", "openapi! info!:{} paths!:{}"},

    {"POST /auth/sign-in", 200, "", "name! password! new_password code",
     "name! roles!:[text] csrf! minutes_idle!:int"},
    {"POST /auth/sign-out", 200, "", "", "ANYTHING"},
    {"GET /auth/me", 200, "", "", "name! roles!:[text] minutes_idle!:int second_factor!:bool csrf"},
    {"POST /auth/second-factor", 201, "", "password!", "secret! uri!"},
    {"PUT /auth/second-factor", 204, "", "code! remove:bool", "", kNothing},
    {"POST /auth/break-glass", 200, "", "patient! reason!", "minutes!:int"},
    {"POST /auth/token", 200, "", "grant_type! client_assertion_type! client_assertion! scope",
     "access_token! token_type! expires_in!:int scope!", "application/json", kForm},
    {"GET /.well-known/jwks.json", 200, "", "", "keys!:[{kty!}]"},
    {"GET /auth/sign-on/names", 200, "", "", "names!:[text]"},
    {"GET /auth/sign-on/with/{name}", 302, "", "", "", kNothing},
    {"GET /auth/sign-on", 302, "state code error", "", "", kNothing},
    {"GET /launch", 302, "iss launch", "", "", kNothing},

    {"GET /admin/accounts", 200, "", "", "accounts!:[{name! roles!:[text]}]"},
    {"POST /admin/accounts", 201, "", "name! password! roles!:[text]", "name! roles!:[text]"},
    {"DELETE /admin/accounts/{name}", 204, "", "", "", kNothing},
    {"DELETE /admin/accounts/{name}/second-factor", 204, "", "", "", kNothing},
    {"POST /admin/accounts/{name}/tokens", 201, "", "label days:int", "token! days!:int"},
    {"PUT /admin/accounts/{name}/patients/{id}", 204, "", "", "", kNothing},
    {"DELETE /admin/accounts/{name}/patients/{id}", 204, "", "", "", kNothing},
    {"POST /admin/outbound/trial", 200, "", "url! seconds:num follow:bool", "ANYTHING"},

    {"GET /", 200, "", "", "", kPage},
    {"GET /assets/{name}", 200, "", "", "", "*/*"},
    {"GET /reports/{name}/{file}", 200, "", "", "", "*/*"},

    {"GET /api/models", 200, "", "",
     "models!:[{" + kModel + "}] timelines!:[{" + kTimelines + "}] not_served!:int"},
    {"GET /api/models/proposals", 200, "", "",
     "proposals!:[{" + kProposal +
         "}] second_approval!:bool "
         "bundles!:[{bundle! aliases!:[text] damaged!:bool card_lacks:[text]}]"},
    {"POST /api/models/proposals", 201, "", "name! bundle! note", kProposal},
    {"POST /api/models/proposals/{id}/decision", 204, "", "decision! note", "", kNothing},
    {"POST /api/models/{name}/withdraw", 204, "", "note", "", kNothing},
    {"POST /api/models/{name}/rollback", 204, "", "bundle! note", "", kNothing},
    {"GET /api/models/{name}", 200, "", "",
     kModel + " recipe! learner! options! task! training_rows!:int judged_rows!:int columns!:int "
              "features!:[{feature! meaning unit share!:num? low!:num? high!:num? missing!:num?}] "
              "calibration!:[{told!:num seen!:num? low!:num? high!:num? count!:int}] "
              "history!:[{bundle! by! at! note! how! proposed_by!}]"},
    {"GET /api/reports", 200, "", "", "reports!:[{name! files!:[text] title patients:int}]"},
    {"GET /api/monitoring", 200, "days", "",
     "days!:int models!:[{model! days!:[{day! answers!:int missing_data!:int unlike_training!:int "
     "deceased!:int mean_ms!:num? slowest_ms!:num?}] by_tenth!:[int] expected!:[num] psi!:num? "
     "p!:num? bundle! missing!:[{feature! expected!:num? share!:num?}] judgement!:any "
     "opinions!:{}}]"},
    {"GET /api/alerts", 200, "", "", "alerts!:[{}] told!:int"},
    {"POST /api/alerts/look", 200, "", "", "begun!:int over!:int sent!:int waiting!:int"},
    {"GET /api/patients", 200, "model q _count _offset", "",
     "patients!:[{id! name birthDate gender value:num? low:num? high:num? as_of}] total!:int "
     "unscored!:int model unit"},
    {"GET /api/patients/{id}/timeline", 200, "as_of", "",
     "person!:{id! name birthDate gender} as_of! synthetic!:bool first:int last:int "
     "codes!:[{code! meaning! lane!}] "
     "events!:[{code!:int time!:int? number:num unit text source}] earlier_left_out!:int"},
    {"POST /api/patients/{id}/predict", 200, "", "model! as_of explain:bool what_if target:num",
     "id! model! asks! as_of! synthetic!:bool horizon_days:num usual:num headline reply!:{answer!} "
     "person!:{id!} seal!"},
    {"GET /api/patients/{id}/trend", 200, "model as_of", "",
     "model! trend!:[{time!:int value!:num? low!:num? high!:num?}]"},
    {"POST /api/patients/{id}/coming-years", 200, "",
     "model! as_of years:num futures:int with:[text] without:[text] shift:[text]",
     "id! model! as_of! synthetic!:bool age_years!:num years!:[num] futures!:int "
     "unknown_events!:int as_recorded!:" +
         kComing + " supposed:" + kComing + " warnings!:[text]"},
    {"POST /api/patients/{id}/drivers", 200, "", "model! as_of code!",
     "model! code! events!:[{code! meaning! age_years!:num ratio!:num?}]"},
    {"PUT /api/answers/{id}/opinion", 204, "", "patient! model! opinion! comment seal!", "",
     kNothing},
    {"GET /api/jobs", 200, "", "", "jobs!:[{" + kJob + "}]"},
    {"POST /api/jobs", 201, "",
     "kind! model name task recipe format path mapping zone most_rejected:num source "
     "as_of explain:bool",
     kJob},
    {"GET /api/jobs/{id}", 200, "", "",
     kJob + " request!:{} result:any log!:[{at! text!}] curve!:[{series! step!:num value!:num?}]"},
    {"DELETE /api/jobs/{id}", 200, "", "", kJob},
    {"GET /api/inbox", 200, "", "", "files!:[{name! bytes!:int}]"},
    {"PUT /api/inbox/{name}", 204, "", "", "", kNothing, "application/octet-stream"},
    {"DELETE /api/inbox/{name}", 204, "", "", "", kNothing},
    {"GET /api/audit", 200, "subject what who _count", "",
     "events!:[{n!:int at! previous! what! digest!}]"},
    {"POST /api/audit/verify", 200, "", "",
     "holds!:bool records!:int checkpoints!:int head! key! first_bad_line!:int problem!"},

    {"GET /fhir/.well-known/smart-configuration", 200, "", "", "token_endpoint!"},
    {"POST /fhir/Group/{id}/$predict", 202, "", "", "", kNothing, kFhir},
    {"GET /fhir/$export", 202, "_type _since _outputFormat", "", "", kNothing},
    {"POST /fhir/$export", 202, "", "", "", kNothing, kFhir},
    {"GET /fhir/Patient/$export", 202, "_type _since _outputFormat", "", "", kNothing},
    {"POST /fhir/Patient/$export", 202, "", "", "", kNothing, kFhir},
    {"GET /fhir/Group/{id}/$export", 202, "_type _since _outputFormat", "", "", kNothing},
    {"POST /fhir/Group/{id}/$export", 202, "", "", "", kNothing, kFhir},
    {"POST /fhir/$import", 202, "", "", "", kNothing, kLines},
    {"GET /fhir/$job/{id}", 200, "", "", "output!:[{}]", "application/json", kFhir, 202},
    {"DELETE /fhir/$job/{id}", 202, "", "", "", kNothing},
    {"GET /fhir/$job/{id}/{name}", 200, "", "", "", kLines},
    {"DELETE /fhir/Subscription/{id}", 204, "", "", "", kNothing},
    {"DELETE /fhir/{type}/{id}", 204, "", "", "", kNothing},
    {"GET /fhir/Patient/{id}/$everything", 200, "_count _after", "", "", kFhir},
    {"POST /fhir/{type}/_search", 200, "", "ANYTHING", "", kFhir, kForm},
    {"POST /fhir/{type}", 201, "", "", "", kFhir, kFhir, 200},
    {"PUT /fhir/{type}/{id}", 200, "", "", "", kFhir, kFhir, 201},
    {"POST /fhir/Subscription", 201, "", "", "", kFhir, kFhir},

    {"GET /cds-services", 200, "", "",
     "services!:[{hook! id! title! description! usageRequirements prefetch:{}}]"},
    {"POST /cds-services/{id}", 200, "", "ANYTHING",
     "cards!:[{uuid! summary! indicator! detail source!:{label!} overrideReasons:[{}] links:[{}] "
     "suggestions:[{}]}]"},
    {"POST /cds-services/{id}/feedback", 200, "", "feedback!:[any] ...", "ANYTHING"},

    {"GET /v2", 200, "", "", "name! version! extensions!:[text]"},
    {"GET /v2/health/live", 200, "", "", "ANYTHING"},
    {"GET /v2/health/ready", 200, "", "", "ANYTHING"},
    {"GET /v2/models/{model}", 200, "", "",
     "name! versions!:[text] platform! inputs!:" + kTensors + " outputs!:" + kTensors},
    {"GET /v2/models/{model}/ready", 200, "", "", "name! ready!:bool"},
    {"POST /v2/models/{model}/infer", 200, "", kInfer, kInferred},
    {"GET /v2/models/{model}/versions/{version}", 200, "", "",
     "name! versions!:[text] platform! inputs!:" + kTensors + " outputs!:" + kTensors},
    {"GET /v2/models/{model}/versions/{version}/ready", 200, "", "", "name! ready!:bool"},
    {"POST /v2/models/{model}/versions/{version}/infer", 200, "", kInfer, kInferred},
};

// Of the FHIR addresses that are not in the table: a resource in, a resource out.
const Described kResource{"", 200, "", "", "", kFhir, kFhir};

}  // namespace

const Described& described(const Route& route) {
  const std::string wanted = std::string(route.method) + " " + std::string(route.pattern);
  for (const Described& one : kDescribed)
    if (one.route == wanted) return one;
  ensure(route.pattern.starts_with("/fhir"), "every address outside of /fhir is described");
  return kResource;
}

}  // namespace cangong
