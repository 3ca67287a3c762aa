#include <cstdio>

#include "base/text.h"
#include "cli/args.h"
#include "engine/engine.h"

namespace cangong {

int run_check_task(const Args& args) {
  TaskCheckRequest request;
  request.task = args.positional(0);
  if (const auto file = args.find("--predicates")) request.predicates = *file;
  request.store = args.need("--store");
  request.report = args.get("--report", "");
  request.threads = args.threads();
  const TaskCheckReply reply = check_task(request);
  if (args.flag("--json")) {
    std::puts(check_task_json(reply).c_str());
    return kOk;
  }
  std::printf("%s\n", reply.task.c_str());
  for (const AttritionStep& step : reply.steps)
    std::printf("%12s patients  %12s rows  %s\n", format_count(step.patients).c_str(),
                step.rows ? format_count(step.rows).c_str() : "", step.english.c_str());
  for (const auto& warning : reply.warnings) std::printf("warning: %s\n", warning.c_str());
  std::printf("\nsigns of leakage, %zu kinds looked for in %s examples (%s cases): %s\n",
              leak_checks().size(), format_count(reply.leaks.examples).c_str(),
              format_count(reply.leaks.cases).c_str(), reply.leaks.findings.empty() ? "none" : "");
  for (const Leak& leak : reply.leaks.findings)
    std::printf("  %-20s %s: %s (%s)\n", leak.kind.c_str(), leak.what.c_str(), leak.english.c_str(),
                format_count(leak.count).c_str());
  return kOk;
}

}  // namespace cangong
