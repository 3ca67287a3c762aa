// What is out of bounds now.
#include "serve/alerts.h"
#include "serve/json.h"

namespace cangong {

Response list_alerts(Call& call) {
  Json all = Json::array();
  for (const Alert& alert : call.service.alerts().current())
    all.push_back({{"kind", alert.kind},
                   {"about", alert.model},
                   {"text", alert.text},
                   {"since", format_time(alert.since)}});
  return json_response({{"alerts", all}, {"told", call.service.config().alerts.size()}});
}

Response look_for_alerts(Call& call) {
  note(call, "look_for_alerts");
  const Alerts::Looked looked = call.service.alerts().look(call.now);
  return json_response({{"begun", looked.begun},
                        {"over", looked.over},
                        {"sent", looked.sent},
                        {"waiting", looked.waiting}});
}

}  // namespace cangong
