#include <cstdio>

#include "cli/args.h"
#include "cli/show.h"

namespace cangong {

int run_predict(const Args& args) {
  PredictRequest request;
  request.bundle = args.positional(0);
  request.store = args.need("--store");
  request.subject = args.need("--subject");
  request.as_of = args.need("--as-of");
  request.zone = args.get("--zone", "UTC");
  request.explain = args.flag("--explain");
  const PredictReply reply = predict(request);
  std::fputs((args.flag("--json") ? prediction_json(reply) + "\n" : prediction_text(reply)).c_str(),
             stdout);
  return kOk;
}

}  // namespace cangong
