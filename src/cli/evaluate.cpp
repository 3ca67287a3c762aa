#include <cstdio>

#include "base/progress.h"
#include "base/text.h"
#include "cli/args.h"
#include "cli/show.h"
#include "engine/engine.h"

namespace cangong {

namespace {

std::string told_of(const DrugEffect::Arm& arm) {
  return arm.people ? format_fixed(arm.log_ratio, 2) : "-";
}

// A model of whole timelines is judged by what came after a moment, or by a task's labels.
int evaluate_timelines(const Args& args) {
  JudgeTimelinesRequest request;
  request.bundle = args.positional(0);
  request.store = args.need("--store");
  request.truth = args.get("--truth", "");
  if (const std::string labels = args.get("--labels", ""); !labels.empty()) request.labels = labels;
  if (request.labels && (args.find("--as-of") || !request.truth.empty()))
    throw UsageError{"--labels say when each example is; --as-of and --truth are for all outcomes"};
  request.task = args.get("--task", "");
  if (request.truth.empty() && !request.labels) request.as_of = args.need("--as-of");
  request.zone = args.get("--zone", "UTC");
  request.another = args.flag("--another");
  request.report = args.get("--report", "");
  request.years = years_in(args, request.labels ? "1" : "5");
  request.patients = whole_in(args, "--patients", "2000");
  request.futures = whole_in(args, "--futures", "20");
  request.seed = whole_in(args, "--seed", "1");
  request.threads = args.threads();
  request.device = device_named(args.get("--device", "cpu"));
  if (args.flag("--bf16")) request.format = FloatFormat::bfloat16;
  const TimelinesReport report = request.labels ? judge_task(request) : judge_timelines(request);
  if (args.flag("--json")) {
    std::fputs(timelines_report_json(report).c_str(), stdout);
    return kOk;
  }
  const char* made_up = report.synthetic ? "SYNTHETIC. " : "";
  if (request.labels)
    std::printf("%s%s examples (%s), %s without an answer\n", made_up,
                format_count(report.patients).c_str(), report.judged_by.c_str(),
                format_count(report.not_asked + report.not_taken).c_str());
  else
    std::printf("%s%s patients (%s), %s years from %s on\n", made_up,
                format_count(report.patients).c_str(), report.judged_by.c_str(),
                format_short(report.years, 3).c_str(), format_time(report.as_of).c_str());
  std::printf("  had it  foretold   ratio (95 %%)         AUROC  slope  code\n");
  constexpr std::size_t kMost = 25;
  for (std::size_t i = 0; i < std::min(kMost, report.outcomes.size()); ++i) {
    const JudgedOutcome& one = report.outcomes[i];
    std::printf("%8.0f %9.1f   %4.2f (%4.2f - %4.2f)   %5.3f  %5.2f  %s  %s\n", one.observed,
                one.expected, one.ratio.value, one.ratio.low, one.ratio.high, one.auroc.value,
                one.slope, one.code.c_str(), one.description.c_str());
    if (one.truth)
      std::printf(
          "%22s true risk %.2f %%: foretold %.3f of it, slope %.3f, mean distance %.1f %%\n", "",
          100 * one.truth->mean, one.truth->ratio, one.truth->slope, 100 * one.truth->error);
  }
  if (!report.effects.empty())
    std::printf("  log hazard ratio: true; told where a coin decides; in usual care\n");
  for (const DrugEffect& one : report.effects)
    std::printf("%7.2f %7s %7s  %s on %s%s\n", one.truth, told_of(one.randomised).c_str(),
                told_of(one.usual).c_str(), one.drug.c_str(), one.outcome.c_str(),
                one.usual.people
                    ? ("; hardly ever given to " + format_fixed(100 * one.usual.hardly_given, 0) +
                       " % of usual care")
                          .c_str()
                    : "");
  if (!request.report.empty()) std::printf("report: %s\n", (request.report / "index.html").c_str());
  return kOk;
}

}  // namespace

int run_evaluate(const Args& args) {
  if (TimelineModel::is_in(Bundle::open(args.positional(0)))) return evaluate_timelines(args);
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
