// FHIR R4 Subscription: create, read, list, delete.
#include "base/error.h"
#include "serve/fhir_rest.h"
#include "serve/json.h"
#include "serve/subscriptions.h"

namespace cangong {
namespace {

using namespace rest;

// Headers may hold a secret of the other side: they are told to nobody.
Json told(const Subscriptions::Kept& kept) {
  Json json{{"resourceType", "Subscription"}, {"id", kept.id}, {"status", kept.status}};
  json.update(Json::parse(kept.body));
  if (json["channel"].contains("header"))
    for (Json& header : json["channel"]["header"]) {
      const std::string text = header;
      header = text.substr(0, text.find(':')) + ": ***";
    }
  if (!kept.error.empty()) json["error"] = kept.error;
  return json;
}

Subscriptions::Kept known(const Call& call) {
  auto kept = call.service.subscriptions().find(call.parts[0]);
  if (!kept) throw HttpError{404, "no such Subscription"};
  return std::move(*kept);
}

}  // namespace

Response create_subscription(Call& call) {
  const Hook hook = hook_of(call.request.body);
  // A model's answer is of the whole record.
  if (call.scopes && !call.scopes->allow_all(hook.model.empty() ? hook.type : "*", "rs"))
    throw HttpError{403, "the token's scopes do not reach what the Subscription tells"};
  note(call, "subscribe", {{"type", hook.type}, {"name", hook.model}});
  const auto kept =
      call.service.subscriptions().add(call.request.body, call.account.name, call.now);
  Response response = fhir(text_of(told(kept)), 201);
  response.headers.emplace_back("Location",
                                call.service.public_url() + "/fhir/Subscription/" + kept.id);
  return response;
}

Response read_subscription(Call& call) {
  return fhir(text_of(told(known(call))));
}

Response list_subscriptions(Call& call) {
  const auto all = call.service.subscriptions().all();
  BundleText bundle("searchset", all.size());
  for (const auto& kept : all)
    bundle.add(call.service.public_url() + "/fhir/Subscription/" + kept.id, text_of(told(kept)));
  return fhir(bundle.text());
}

Response delete_subscription(Call& call) {
  const auto kept = known(call);
  note(call, "unsubscribe", {{"subscription", kept.id}});
  call.service.subscriptions().remove(kept.id);
  return {204, "", ""};
}

}  // namespace cangong
