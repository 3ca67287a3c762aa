// CDS Hooks 2.0: discovery, cards, feedback. A service for each approved champion.
#include "base/digest.h"
#include "base/error.h"
#include "serve/cds.h"
#include "serve/prefetch.h"

namespace cangong {
namespace {

std::vector<ModelPtr> champions(const Call& call) {
  std::vector<ModelPtr> all;
  for (const ModelPtr& model : call.hospital().models()->served)
    if (model->alias == "champion") all.push_back(model);
  return all;
}

Json discovery_of(const ModelPtr& model, const char* hook) {
  Json prefetch = Json::object();
  for (const auto& [key, query] : prefetch_of(model->pipeline)) prefetch[key] = query;
  return {{"hook", hook},
          {"id", model->name},
          {"title", model->told.task},
          {"description", model->told.task + " (model " + model->id() + ")"},
          {"usageRequirements", "FHIR R4"},
          {"prefetch", prefetch}};
}

}  // namespace

Response cds_discovery(Call& call) {
  Json services = Json::array();
  for (const ModelPtr& model : champions(call)) {
    services.push_back(discovery_of(model, "patient-view"));
    if (!looks_at_orders(model->pipeline)) continue;
    for (const char* hook : {"order-select", "order-sign"})
      services.push_back(discovery_of(model, hook));
  }
  Response response = json_response({{"services", services}});
  const std::string tag = "\"" + digest_of(response.body).substr(0, 32) + "\"";
  response.headers.emplace_back("ETag", tag);
  response.headers.emplace_back("Cache-Control", "private, no-cache");
  if (call.request.header("if-none-match") == tag) response.status = 304, response.body.clear();
  return response;
}

namespace {

Ask asked_of(Call& call, const ServedModel& model, const HookRequest& hook) {
  Ask wanted;
  wanted.model = model.name;
  wanted.explain.method = "shap";
  if (hook.has_data) {
    wanted.resources = hook.resources;
    wanted.about = hook.patient;
  } else {
    if (!call.hospital().find_outside(hook.patient))
      throw HttpError{412, "no prefetch was sent, and the patient is not known here"};
    wanted.subject = hook.patient;
  }
  return wanted;
}

bool is_deceased(const Got& got) {
  const auto* none = std::get_if<Abstention>(&got.answered.reply);
  return none && none->why == Abstention::Why::deceased;
}

}  // namespace

Response cds_service(Call& call) {
  const ModelPtr model = call.hospital().model(call.parts[0] + "@champion");
  const HookRequest hook = hook_request(call, *model);
  call.asker.why = hook.hook + " " + hook.instance;
  Json cards = Json::array();
  if (!hook.about_orders()) {
    const Got got = ask(call, asked_of(call, *model, hook));
    if (!is_deceased(got)) cards.push_back(answer_card(call, got, hook.patient));
  } else if (!hook.orders.empty()) {
    Ask wanted = asked_of(call, *model, hook);
    wanted.explain.method.clear();
    const Got without = ask(call, wanted);
    wanted.explain.method = "shap", wanted.orders = hook.orders;
    const Got with = ask(call, wanted);
    if (const Json card = orders_card(call, without, with); !card.is_null()) cards.push_back(card);
  }
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
