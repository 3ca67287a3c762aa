#include <algorithm>
#include <array>

#include "serve/route.h"

namespace cangong {
namespace {

using enum Permission;
constexpr std::size_t kNone = 0, kSmall = 64 << 10, kResource = 4 << 20, kBundle = 32 << 20;

// A new address is one handler and one line here.
constexpr std::array kRoutes{
    Route{"GET", "/livez", anyone, kNone, live, "whether the process lives"},
    Route{"GET", "/readyz", anyone, kNone, ready, "whether it can answer; ?verbose says more"},
    Route{"GET", "/version", signed_in, kNone, version, "program and format versions"},
    Route{"GET", "/metrics", read_metrics, kNone, metrics, "Prometheus metrics"},
    Route{"GET", "/openapi.json", anyone, kNone, openapi, "this list (OpenAPI 3.1)"},

    Route{"POST", "/auth/sign-in", anyone, kSmall, sign_in, "a session for name and password"},
    Route{"POST", "/auth/sign-out", signed_in, kSmall, sign_out, "ends the session"},
    Route{"GET", "/auth/me", signed_in, kNone, who_am_i, "account, roles, token against forgery"},
    Route{"POST", "/auth/second-factor", signed_in, kSmall, begin_second_factor,
          "a secret for an authenticator; asked for once it is confirmed"},
    Route{"PUT", "/auth/second-factor", signed_in, kSmall, change_second_factor,
          "confirms the secret with a code, or removes it"},
    Route{"POST", "/auth/break-glass", read_patients, kSmall, break_glass,
          "an hour's access to one patient, with a reason; recorded"},
    Route{"POST", "/auth/token", anyone, kSmall, give_token,
          "SMART Backend Services: a token for a signed assertion"},
    Route{"GET", "/.well-known/jwks.json", anyone, kNone, own_keys,
          "the public key by which this service asks others (SMART Backend Services)"},
    Route{"GET", "/auth/sign-on/names", anyone, kNone, list_sign_on,
          "whom people may sign in with"},
    Route{"GET", "/auth/sign-on/with/{name}", anyone, kNone, begin_sign_on,
          "to where that is done (OpenID Connect)"},
    Route{"GET", "/auth/sign-on", anyone, kNone, finish_sign_on, "and back from there"},
    Route{"GET", "/launch", anyone, kNone, begin_launch, "SMART App Launch from an EHR"},

    Route{"GET", "/admin/accounts", manage, kNone, list_accounts, "who may sign in"},
    Route{"POST", "/admin/accounts", manage, kSmall, add_account, "a new account"},
    Route{"DELETE", "/admin/accounts/{name}", manage, kNone, remove_account,
          "removes an account with its sessions and tokens"},
    Route{"DELETE", "/admin/accounts/{name}/second-factor", manage, kNone, remove_second_factor,
          "takes the second factor away, where the device is lost"},
    Route{"POST", "/admin/accounts/{name}/tokens", manage, kSmall, add_token,
          "a token for a program; told once"},
    Route{"PUT", "/admin/accounts/{name}/patients/{id}", manage, kSmall, add_care,
          "puts the account into a patient's care team"},
    Route{"DELETE", "/admin/accounts/{name}/patients/{id}", manage, kNone, remove_care,
          "takes it out again"},
    Route{"POST", "/admin/outbound/trial", manage, kSmall, try_outbound,
          "whether a listed host can be asked"},

    Route{"GET", "/", anyone, kNone, home_page, "the pages"},
    Route{"GET", "/assets/{name}", anyone, kNone, page_asset, "a script or style of theirs"},
    Route{"GET", "/reports/{name}/{file}", read_models, kNone, report_file,
          "a study's report or model card"},

    Route{"GET", "/api/models", read_models, kNone, list_models, "approved models"},
    Route{"GET", "/api/models/proposals", read_models, kNone, list_proposals,
          "what was proposed, and bundles that can be"},
    Route{"POST", "/api/models/proposals", propose_models, kSmall, propose_model,
          "proposes a bundle under a name; its card has to be complete"},
    Route{"POST", "/api/models/proposals/{id}/decision", approve_models, kSmall, decide_proposal,
          "approve or refuse, by another person than who proposed"},
    Route{"POST", "/api/models/{name}/withdraw", approve_models, kSmall, withdraw_model,
          "nobody is answered under the name any more"},
    Route{"POST", "/api/models/{name}/rollback", approve_models, kSmall, roll_back_model,
          "a bundle that was approved under the name before answers again"},
    Route{"GET", "/api/models/{name}", read_models, kNone, show_model,
          "a model's features, calibration and history"},
    Route{"GET", "/api/reports", read_models, kNone, list_reports, "the reports of studies"},
    Route{"GET", "/api/monitoring", read_metrics, kNone, monitoring,
          "answers by day, and whether they drift"},
    Route{"GET", "/api/alerts", read_metrics, kNone, list_alerts, "what is out of bounds"},
    Route{"POST", "/api/alerts/look", manage, kSmall, look_for_alerts,
          "looks now, and tells whom config.yaml names"},
    Route{"GET", "/api/patients", read_patients, kNone, list_patients,
          "patients by risk (?model=), or found (?q=)"},
    Route{"GET", "/api/patients/{id}/timeline", read_patients, kNone, patient_timeline,
          "what was known at ?as_of="},
    Route{"POST", "/api/patients/{id}/predict", predict, kSmall, answer_for_page,
          "an answer with reasons, as the pages show it"},
    Route{"GET", "/api/patients/{id}/trend", predict, kNone, answer_trend,
          "a model's answers over the last three years"},
    Route{"POST", "/api/patients/{id}/coming-years", predict, kSmall, coming_years,
          "what a model of timelines foretells, year by year"},
    Route{"POST", "/api/patients/{id}/drivers", predict, kSmall, coming_drivers,
          "the past events that a code's rate hangs on"},
    Route{"PUT", "/api/answers/{id}/opinion", predict, kSmall, give_opinion,
          "agree, disagree, not_relevant"},
    Route{"GET", "/api/jobs", run_jobs, kNone, list_jobs, "long work, latest first"},
    Route{"POST", "/api/jobs", run_jobs, kSmall, start_job, "begins long work"},
    Route{"GET", "/api/jobs/{id}", run_jobs, kNone, show_job, "how far it is"},
    Route{"DELETE", "/api/jobs/{id}", run_jobs, kNone, cancel_job, "ends it"},
    Route{"GET", "/api/inbox", write_patients, kNone, list_inbox, "files that imports may read"},
    Route{"PUT", "/api/inbox/{name}", write_patients, kBundle, put_inbox, "a file for an import"},
    Route{"DELETE", "/api/inbox/{name}", write_patients, kNone, delete_inbox, "takes it away"},
    Route{"GET", "/api/audit", read_trail, kNone, audit_events, "the trail, newest first"},
    Route{"POST", "/api/audit/verify", read_trail, kSmall, audit_verify, "verifies the chain"},

    Route{"GET", "/fhir/metadata", anyone, kNone, fhir_metadata, "CapabilityStatement"},
    Route{"GET", "/fhir/.well-known/smart-configuration", anyone, kNone, smart_configuration,
          "how programs get a token (SMART)"},
    Route{"GET", "/fhir/OperationDefinition/predict", anyone, kNone, predict_definition,
          "what $predict takes and gives"},
    Route{"GET", "/fhir/AuditEvent", read_trail, kNone, fhir_audit, "the trail as AuditEvents"},
    Route{"POST", "/fhir", write_patients, kBundle, fhir_bundle, "a transaction or batch"},
    Route{"POST", "/fhir/$predict", predict, kBundle, predict_inline, "predicts from data at hand"},
    Route{"POST", "/fhir/Patient/{id}/$predict", predict, kBundle, predict_patient,
          "predicts for a patient of the record"},
    Route{"POST", "/fhir/Group/{id}/$predict", write_patients, kSmall, predict_group,
          "predicts for the members of a Group, in the background"},
    Route{"GET", "/fhir/$export", write_patients, kNone, bulk_export,
          "Bulk Data: all resources as NDJSON, in the background"},
    Route{"POST", "/fhir/$export", write_patients, kSmall, bulk_export, "the same"},
    Route{"GET", "/fhir/Patient/$export", write_patients, kNone, bulk_export_patients,
          "Bulk Data: the resources of patients"},
    Route{"POST", "/fhir/Patient/$export", write_patients, kSmall, bulk_export_patients,
          "the same"},
    Route{"GET", "/fhir/Group/{id}/$export", write_patients, kNone, bulk_export_group,
          "Bulk Data: those of a Group's members"},
    Route{"POST", "/fhir/Group/{id}/$export", write_patients, kSmall, bulk_export_group,
          "the same"},
    Route{"POST", "/fhir/$import", write_patients, kBundle, bulk_import,
          "NDJSON into the live record, in the background"},
    Route{"GET", "/fhir/$job/{id}", write_patients, kNone, bulk_status,
          "how far such work is; its files"},
    Route{"DELETE", "/fhir/$job/{id}", write_patients, kNone, bulk_delete, "ends it"},
    Route{"GET", "/fhir/$job/{id}/{name}", write_patients, kNone, bulk_file, "one of its files"},
    Route{"GET", "/fhir/Patient/{id}/$everything", read_patients, kNone, fhir_everything,
          "all resources of a patient"},
    Route{"POST", "/fhir/Subscription", write_patients, kSmall, create_subscription,
          "calls a listed host when such resources come"},
    Route{"GET", "/fhir/Subscription", write_patients, kNone, list_subscriptions, "all of them"},
    Route{"GET", "/fhir/Subscription/{id}", write_patients, kNone, read_subscription,
          "one, with its state"},
    Route{"DELETE", "/fhir/Subscription/{id}", write_patients, kNone, delete_subscription,
          "ends it"},
    Route{"POST", "/fhir/{type}", write_patients, kResource, fhir_create, "a new resource"},
    Route{"GET", "/fhir/{type}", read_patients, kNone, fhir_search, "search"},
    Route{"POST", "/fhir/{type}/_search", read_patients, kSmall, fhir_search_form,
          "search, with the parameters as a form"},
    Route{"GET", "/fhir/{type}/{id}", read_patients, kNone, fhir_read, "read"},
    Route{"PUT", "/fhir/{type}/{id}", write_patients, kResource, fhir_update, "update or create"},
    Route{"DELETE", "/fhir/{type}/{id}", write_patients, kNone, fhir_delete,
          "deletes; earlier versions stay"},
    Route{"GET", "/fhir/{type}/{id}/_history", read_patients, kNone, fhir_history, "all versions"},
    Route{"GET", "/fhir/{type}/{id}/_history/{version}", read_patients, kNone, fhir_version,
          "one version"},

    Route{"GET", "/cds-services", ask_cards, kNone, cds_discovery, "CDS Hooks: what there is"},
    Route{"POST", "/cds-services/{id}", ask_cards, kBundle, cds_service, "CDS Hooks: cards"},
    Route{"POST", "/cds-services/{id}/feedback", ask_cards, kResource, cds_feedback,
          "CDS Hooks: what became of cards"},

    Route{"GET", "/v2", predict, kNone, inference_server, "Open Inference Protocol: server"},
    Route{"GET", "/v2/health/live", anyone, kNone, inference_health, "lives"},
    Route{"GET", "/v2/health/ready", anyone, kNone, inference_health, "ready"},
    Route{"GET", "/v2/models/{model}", predict, kNone, inference_model, "inputs and outputs"},
    Route{"GET", "/v2/models/{model}/ready", predict, kNone, inference_ready, "model ready"},
    Route{"POST", "/v2/models/{model}/infer", predict, kBundle, inference_infer, "an answer"},
    Route{"GET", "/v2/models/{model}/versions/{version}", predict, kNone, inference_model,
          "inputs and outputs of a version"},
    Route{"GET", "/v2/models/{model}/versions/{version}/ready", predict, kNone, inference_ready,
          "version ready"},
    Route{"POST", "/v2/models/{model}/versions/{version}/infer", predict, kBundle, inference_infer,
          "an answer of a version"},
};

// What stands for the braces of a pattern; nothing where the path is another.
std::optional<std::vector<std::string>> fit(std::string_view pattern, std::string_view path) {
  std::vector<std::string> parts;
  while (!pattern.empty() || !path.empty()) {
    if (pattern.empty() || path.empty()) return std::nullopt;
    pattern.remove_prefix(1), path.remove_prefix(1);  // slashes
    const std::string_view want = pattern.substr(0, pattern.find('/'));
    const std::string_view have = path.substr(0, path.find('/'));
    if (want.starts_with('{')) {
      // What begins with "$" or "_" is an operation, never a name.
      const auto text = decode_url(have, '+');
      if (!text || text->empty() || text->front() == '$' || text->front() == '_')
        return std::nullopt;
      parts.push_back(*text);
    } else if (want != have) {
      return std::nullopt;
    }
    pattern.remove_prefix(want.size()), path.remove_prefix(have.size());
  }
  return parts;
}

}  // namespace

std::span<const Route> routes() {
  return kRoutes;
}

Match match_route(std::string_view method, std::string_view path) {
  Match match;
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  if (!path.starts_with('/')) return match;
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Route& route : kRoutes) {
    auto parts = fit(route.pattern, path);
    if (!parts) continue;
    match.methods.push_back(route.method);
    if (match.route || route.method != wanted) continue;
    match.route = &route;
    match.parts = std::move(*parts);
  }
  return match;
}

}  // namespace cangong
