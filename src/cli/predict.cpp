#include <cstdio>

#include "base/text.h"
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
  if (args.flag("--explain")) request.explain.method = args.get("--method", "shap");
  if (args.find("--method") && !args.flag("--explain"))
    throw UsageError{"--method says how to explain; add --explain"};
  request.explain.what_if = args.get("--what-if", "");
  if (const auto target = args.find("--target")) {
    request.explain.target = parse_number(*target);
    if (!request.explain.target) throw UsageError{"--target is a number such as 0.1"};
  }
  const PredictReply reply = predict(request);
  std::fputs((args.flag("--json") ? prediction_json(reply) + "\n" : prediction_text(reply)).c_str(),
             stdout);
  return kOk;
}

}  // namespace cangong
