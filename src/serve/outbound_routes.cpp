// An administrator tries whether a listed host can be asked.
#include "base/error.h"
#include "serve/json.h"
#include "serve/outbound.h"

namespace cangong {

// Tells what came of it, never the answer itself.
Response try_outbound(Call& call) {
  const Json body = body_of(call, {"url", "seconds", "follow"});
  const Json seconds = body.value("seconds", Json(10)), follow = body.value("follow", Json(false));
  if (!seconds.is_number_integer() || seconds < 1 || seconds > 10)
    throw HttpError{400, "seconds is 1 to 10"};
  if (!follow.is_boolean()) throw HttpError{400, "follow is true or false"};
  OutboundRequest request;
  request.url = text_in(body, "url"), request.purpose = "trial";
  request.within = std::chrono::seconds(seconds.get<int>());
  request.most_redirects = follow.get<bool>() ? 3 : 0;
  try {
    const OutboundResponse got = call.service.outbound().ask(request, call.asker);
    return json_response(
        {{"status", got.status}, {"type", got.header("content-type")}, {"bytes", got.body.size()}});
  } catch (const Error& error) {
    if (error.fault != Fault::missing) throw;
    throw HttpError{502, error.what()};
  }
}

}  // namespace cangong
