// The one table of addresses. A route says who may use it, or it does not compile.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "serve/access.h"
#include "serve/http.h"
#include "serve/service.h"

namespace cangong {

struct Route {
  std::string_view method, pattern;  // "/fhir/{type}/{id}"
  Permission permission;
  std::size_t most_body;  // bytes
  Response (*handle)(Call& call);
  std::string_view summary;

  consteval Route(std::string_view method, std::string_view pattern, Permission permission,
                  std::size_t most_body, Response (*handle)(Call&), std::string_view summary)
      : method(method),
        pattern(pattern),
        permission(permission),
        most_body(most_body),
        handle(handle),
        summary(summary) {}
};

std::span<const Route> routes();

struct Match {
  const Route* route = nullptr;
  std::vector<std::string> parts;
  std::vector<std::string_view> methods;  // that the address knows
};
// `path` is undecoded: a slash inside a part stays %2F.
Match match_route(std::string_view method, std::string_view path);

// Handlers, by file.
Response sign_in(Call&);
Response sign_out(Call&);
Response who_am_i(Call&);
Response begin_second_factor(Call&);
Response change_second_factor(Call&);
Response remove_second_factor(Call&);
Response break_glass(Call&);
Response list_accounts(Call&);
Response add_account(Call&);
Response remove_account(Call&);
Response add_token(Call&);
Response add_care(Call&);
Response remove_care(Call&);
Response try_outbound(Call&);
Response give_token(Call&);
Response smart_configuration(Call&);
Response own_keys(Call&);
Response create_subscription(Call&);
Response read_subscription(Call&);
Response list_subscriptions(Call&);
Response delete_subscription(Call&);
Response list_sign_on(Call&);
Response begin_sign_on(Call&);
Response finish_sign_on(Call&);
Response begin_launch(Call&);
Response list_alerts(Call&);
Response look_for_alerts(Call&);
Response live(Call&);
Response ready(Call&);
Response version(Call&);
Response metrics(Call&);
Response openapi(Call&);
Response list_models(Call&);
Response show_model(Call&);
Response list_proposals(Call&);
Response propose_model(Call&);
Response decide_proposal(Call&);
Response withdraw_model(Call&);
Response roll_back_model(Call&);
Response monitoring(Call&);
Response list_patients(Call&);
Response patient_timeline(Call&);
Response answer_for_page(Call&);
Response answer_trend(Call&);
Response give_opinion(Call&);
Response coming_years(Call&);
Response coming_drivers(Call&);
Response list_jobs(Call&);
Response start_job(Call&);
Response show_job(Call&);
Response cancel_job(Call&);
Response home_page(Call&);
Response page_asset(Call&);
Response list_reports(Call&);
Response report_file(Call&);
Response audit_events(Call&);
Response audit_verify(Call&);
Response fhir_metadata(Call&);
Response predict_definition(Call&);
Response fhir_bundle(Call&);
Response fhir_create(Call&);
Response fhir_read(Call&);
Response fhir_update(Call&);
Response fhir_delete(Call&);
Response fhir_history(Call&);
Response fhir_version(Call&);
Response fhir_search(Call&);
Response fhir_search_form(Call&);
Response fhir_everything(Call&);
Response fhir_audit(Call&);
Response predict_patient(Call&);
Response predict_inline(Call&);
Response predict_group(Call&);
Response bulk_export(Call&);
Response bulk_export_patients(Call&);
Response bulk_export_group(Call&);
Response bulk_import(Call&);
Response bulk_status(Call&);
Response bulk_file(Call&);
Response bulk_delete(Call&);
Response list_inbox(Call&);
Response put_inbox(Call&);
Response delete_inbox(Call&);
Response cds_discovery(Call&);
Response cds_service(Call&);
Response cds_feedback(Call&);
Response inference_server(Call&);
Response inference_health(Call&);
Response inference_model(Call&);
Response inference_ready(Call&);
Response inference_infer(Call&);

}  // namespace cangong
