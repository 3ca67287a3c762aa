#include "engine/judged_outcome.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "evaluate/binary.h"
#include "evaluate/calibration.h"
#include "registry/audit.h"

namespace cangong {
namespace {

std::optional<JudgedOutcome::Truth> beside_truth(const OutcomeTold& told) {
  double n = 0, sum = 0, risk_sum = 0, squares = 0, products = 0, distance = 0;
  for (std::size_t i = 0; i < told.true_risk.size(); ++i) {
    const double p = told.chance[i], risk = told.true_risk[i];
    if (!std::isfinite(risk)) continue;
    n += 1, sum += p, risk_sum += risk, distance += std::abs(p - risk);
    squares += risk * risk, products += p * risk;
  }
  if (n < 2 || !(risk_sum > 0)) return std::nullopt;
  const double mean = risk_sum / n, spread = squares / n - mean * mean;
  return JudgedOutcome::Truth{mean, sum / risk_sum,
                              spread > 0 ? (products / n - mean * sum / n) / spread : kNaN,
                              distance / risk_sum};
}

}  // namespace

JudgedOutcome judged(const OutcomeTold& told) {
  JudgedOutcome outcome;
  outcome.patients = told.chance.size();
  std::vector<double> kept;  // off 0 and 1
  for (std::size_t i = 0; i < told.chance.size(); ++i) {
    outcome.expected += told.chance[i], outcome.observed += told.truth[i];
    constexpr double kLeast = 1e-7;
    kept.push_back(std::clamp(told.chance[i], kLeast, 1 - kLeast));
  }
  outcome.ratio = observed_to_expected(outcome.observed, outcome.expected);
  outcome.truth = beside_truth(told);
  outcome.auroc = {kNaN, kNaN, kNaN};
  if (outcome.observed == 0 || outcome.observed == static_cast<double>(outcome.patients))
    return outcome;
  outcome.auroc = auroc_delong(told.chance, told.truth);
  const std::vector<double> weights(kept.size(), 1.0);
  outcome.slope = calibration_line(kept, told.truth, weights).slope;
  return outcome;
}

TimelinesReport begin_judging(const Bundle& bundle, const TimelineModel& model, const Store& store,
                              const JudgeTimelinesRequest& request) {
  TimelinesReport report;
  report.bundle = bundle.digest(), report.store = store.digest();
  report.model = model.facts().name;
  report.synthetic = store.inventory().synthetic || model.facts().synthetic;
  report.futures = request.futures;
  const std::string& judges = model.facts().judged_by;  // of weights from elsewhere nobody knows
  report.judged_by = request.another || judges.empty() ? "everybody" : judges;
  return report;
}

std::function<bool(PatientId)> judges_of(const TimelinesReport& report, const SplitOf& split) {
  if (report.judged_by == "everybody") return [](PatientId) { return true; };
  const TokenSplit part = report.judged_by == "tuning" ? TokenSplit::tuning : TokenSplit::held_out;
  return [&split, part](PatientId who) { return split(who) == part; };
}

void end_judging(const TimelinesReport& report, const JudgeTimelinesRequest& request) {
  nlohmann::ordered_json record{{"what", "evaluate"},
                                {"model", report.bundle},
                                {"store", report.store},
                                {"patients", report.patients}};
  if (report.task.empty())
    record["as_of"] = format_time(report.as_of);
  else
    record["task"] = report.task;
  const Time now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
  append_audit(request.store / "audit.ndjson", format_time(now), record.dump());
  if (request.report.empty()) return;
  fs::create_directories(request.report);
  write_file(request.report / "report.json", timelines_report_json(report));
  write_file(request.report / "index.html", timelines_report_html(report));
}

}  // namespace cangong
