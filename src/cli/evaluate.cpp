#include <cstdio>

#include "base/progress.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/show.h"
#include "engine/engine.h"

namespace cangong {

int run_evaluate(const Args& args) {
  EvaluateRequest request;
  request.bundle = args.positional(0);
  request.store = args.need("--store");
  request.labels = args.need("--labels");
  request.report = args.get("--report", "");
  request.task = args.get("--task", "");
  request.split = args.get("--split", "held_out");
  request.title = args.get("--title", "");
  request.threads = args.threads();
  const auto replicates = parse_integer(args.get("--replicates", "1000"));
  if (!replicates || *replicates < 20) throw UsageError{"--replicates is a number from 20"};
  request.replicates = static_cast<std::size_t>(*replicates);
  const StudyReport report = evaluate_model(request);
  if (args.find("--split") == "held_out" && report.split != "held_out")
    note("the model was cross-validated and has no held-out patients: judged out of fold");
  std::fputs((args.flag("--json") ? report_json(report) : metrics_text(report)).c_str(), stdout);
  if (!request.report.empty() && !args.flag("--json"))
    std::printf("report: %s\n", (request.report / "index.html").c_str());
  return kOk;
}

}  // namespace cangong
