// The request of an EHR: every rule of CDS Hooks 2.0 about it that a service has to keep.
#include <algorithm>

#include "base/error.h"
#include "base/json_members.h"
#include "base/pattern.h"
#include "base/text.h"
#include "serve/cds.h"
#include "serve/fhir_server.h"
#include "serve/prefetch.h"

namespace cangong {
namespace {

constexpr std::string_view kOrder = "MedicationRequest";

std::string need(const Json& context, const char* key) {
  const auto found = context.find(key);
  if (found == context.end() || !found->is_string() || found->get_ref<const std::string&>().empty())
    throw HttpError{400, std::string("context.") + key + " is missing"};
  return found->get<std::string>();
}

// The server, with what its token says; none where the EHR did not offer one.
std::optional<FhirServer> server_of(Call& call, const Json& body) {
  const Json authorization = body.value("fhirAuthorization", Json());
  if (!body.contains("fhirServer")) {
    if (!authorization.is_null()) throw HttpError{400, "fhirAuthorization without fhirServer"};
    return std::nullopt;
  }
  if (!body["fhirServer"].is_string()) throw HttpError{400, "fhirServer is a URL"};
  std::string token;
  if (!authorization.is_null()) {
    if (!authorization.is_object() || !authorization.contains("access_token") ||
        !authorization["access_token"].is_string() ||
        lower(authorization.value("token_type", "")) != "bearer")
      throw HttpError{400, "fhirAuthorization has access_token and token_type Bearer"};
    token = authorization["access_token"];
    if (token.find_first_of("\r\n ") != std::string::npos || token.size() > 8192)
      throw HttpError{400, "fhirAuthorization.access_token is no token"};
  }
  return FhirServer(call, body["fhirServer"], token);
}

std::string filled(std::string query, const std::string& patient) {
  constexpr std::string_view kHole = "{{context.patientId}}";
  for (std::size_t at; (at = query.find(kHole)) != std::string::npos;)
    query.replace(at, kHole.size(), encode_url(patient));
  return query;
}

// What the EHR could not fetch is not known; null says that there is none. What it did not send is
// fetched where it may be; of a searchset every page, or the model would not see what it thinks.
void take_data(const Call& call, const ServedModel& model, const std::string_view* prefetch,
               std::optional<FhirServer>& server, HookRequest& hook) {
  if (prefetch && !prefetch->starts_with('{') && *prefetch != "null")
    throw HttpError{400, "prefetch is an object: what discovery asks for, by its keys"};
  const JsonMembers sent =
      prefetch && prefetch->starts_with('{') ? json_members(*prefetch) : JsonMembers();
  const bool fetches = server && server->is_listed();
  if (sent.empty() && (!fetches || call.hospital().find_outside(hook.patient))) return;
  hook.has_data = true;
  std::vector<std::string> lacking;
  for (const auto& [key, query] : prefetch_of(model.pipeline)) {
    const std::string_view* value = find_member(sent, key);
    const bool is_known = value && fhir_type_of(*value) != "OperationOutcome";
    try {
      if (is_known && value->starts_with('{')) {
        hook.resources.emplace_back(*value);
        if (next_page(*value).empty()) continue;
        if (!fetches) fail(Fault::missing, "it has further pages");
        for (std::string& page : server->pages_after(*value))
          hook.resources.push_back(std::move(page));
      } else if (!is_known) {
        if (!fetches) fail(Fault::missing, "not sent");
        for (std::string& page : server->get(filled(query, hook.patient)))
          hook.resources.push_back(std::move(page));
      }
    } catch (const Error& error) {
      if (error.fault == Fault::storage) throw;
      lacking.push_back(key + " (" + error.what() + ")");
    }
  }
  if (!lacking.empty())
    throw HttpError{412, "what the model needs cannot be had: " + join(lacking, ", ")};
  if (hook.resources.empty()) throw HttpError{412, "the prefetch holds no data"};
}

// The drafts that are looked at: of order-select those that were selected.
void take_orders(const Call& call, const Json& context, HookRequest& hook) {
  const Json drafts = context.value("draftOrders", Json());
  if (!drafts.is_object() || drafts.value("resourceType", "") != "Bundle")
    throw HttpError{400, "context.draftOrders is a Bundle"};
  const Json selections = context.value("selections", Json());
  const bool selects = hook.hook == "order-select";
  if (selects && (!selections.is_array() || selections.empty()))
    throw HttpError{400, "context.selections is a list of references"};
  const Json none = Json::array(), entries = drafts.value("entry", none);
  if (!entries.is_array()) throw HttpError{400, "context.draftOrders.entry is a list"};
  for (const Json& entry : entries) {
    Json order = entry.is_object() ? entry.value("resource", Json()) : Json();
    if (!order.is_object()) throw HttpError{400, "an entry of context.draftOrders has a resource"};
    if (order.value("resourceType", "") != kOrder) continue;
    const std::string name = std::string(kOrder) + "/" + order.value("id", "");
    const auto is_this = [&](const Json& selected) {
      return selected.is_string() && selected.get_ref<const std::string&>().ends_with(name);
    };
    if (selects && std::none_of(selections.begin(), selections.end(), is_this)) continue;
    const std::string whose = order.value("/subject/reference"_json_pointer, "");
    if (!whose.empty() && !("/" + whose).ends_with("/Patient/" + hook.patient))
      throw HttpError{400, "a draft order is of another patient than context.patientId"};
    order["status"] = "active", order["intent"] = "order";
    order["authoredOn"] = format_time(call.now);
    order["subject"] = {{"reference", "Patient/" + hook.patient}};
    hook.orders.push_back(text_of(order));
  }
}

}  // namespace

bool looks_at_orders(const Pipeline& pipeline) {
  const auto wanted = prefetch_of(pipeline);
  return std::any_of(wanted.begin(), wanted.end(),
                     [](const auto& one) { return one.second.starts_with(kOrder); });
}

HookRequest hook_request(Call& call, const ServedModel& model) {
  static const Pattern kUuid = Pattern::require(
      "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$", "UUIDs");
  // The prefetch is large: it goes to the reader of FHIR as it was written.
  const JsonMembers members = json_members(call.request.body);
  Json body = Json::object();
  for (const auto& [key, value] : members)
    if (key != "prefetch") body[key] = Json::parse(value);
  HookRequest hook;
  hook.hook = body.value("hook", ""), hook.instance = body.value("hookInstance", "");
  const bool on_orders = hook.hook == "order-select" || hook.hook == "order-sign";
  if (hook.hook != "patient-view" && !(on_orders && looks_at_orders(model.pipeline)))
    throw HttpError{400, "hook: discovery lists those that this service is for"};
  if (!kUuid.in(hook.instance)) throw HttpError{400, "hookInstance is a UUID"};
  if (!body.contains("context") || !body["context"].is_object())
    throw HttpError{400, "context is missing"};
  const Json& context = body["context"];
  (void)need(context, "userId");
  hook.patient = need(context, "patientId");
  if (on_orders) take_orders(call, context, hook);
  std::optional<FhirServer> server = server_of(call, body);
  // Without an order to look at nothing is asked of anybody.
  if (!on_orders || !hook.orders.empty())
    take_data(call, model, find_member(members, "prefetch"), server, hook);
  return hook;
}

}  // namespace cangong
