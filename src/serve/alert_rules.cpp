// When a figure is out of bounds.
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "engine/jobs.h"
#include "engine/judge.h"
#include "serve/alerts.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kDays = 7;  // of answers that are looked at together
// A stability index above .25 is read as a large shift (Siddiqi 2006); the test keeps chance away.
constexpr double kLargeShift = 0.25, kChance = 0.001;
constexpr double kMoreMissing = 0.3;  // share of answers, above the training's
constexpr double kFewObserved = 0.8, kManyObserved = 1.25;  // by what was told
constexpr double kPoorDiscrimination = 0.6;

void look_at_answers(const ServedModel& model, const std::vector<DayTally>& tallies,
                     std::vector<Alert>& all) {
  const AnswerDrift drift = compare_with_expected(by_decile(tallies, model), model.shares);
  if (drift.psi > kLargeShift && drift.p < kChance)
    all.push_back({"drift " + model.id(), "drift", model.id(),
                   "the answers of seven days are distributed otherwise than expected (stability "
                   "index " +
                       format_fixed(drift.psi, 2) + ")"});
  for (const WatchedColumn& one : missing_shares(tallies, model)) {
    if (!(one.share - one.expected > kMoreMissing)) continue;
    const std::string feature = model.pipeline.encoder->columns()[one.column].name();
    all.push_back({"missing " + model.id() + " " + feature, "missing", model.id(),
                   feature + " has no value in " + format_fixed(100 * one.share, 0) +
                       " % of the answers, in the training " + format_fixed(100 * one.expected, 0) +
                       " %"});
  }
}

// An interval tells chance from a shift; the bounds, a shift that matters.
void look_at_outcomes(Hospital& hospital, const ServedModel& model, std::vector<Alert>& all) {
  std::string body;
  hospital.live().read(
      [&](Database& db) { body = last_judgement(db, model.id(), model.approval.bundle); });
  const Json judged = Json::parse(body.empty() ? "{}" : body, nullptr, false);
  if (!judged.is_object() || !judged.contains("metrics")) return;
  const auto bound = [&](const char* metric, const char* end) {
    const Json none, one = judged["metrics"].value(metric, none);
    return one.is_object() && one.contains(end) && one[end].is_number() ? one[end].get<double>()
                                                                        : std::nan("");
  };
  const double ratio = bound("observed_to_expected", "value");
  const bool fewer = ratio < kFewObserved && bound("observed_to_expected", "high") < 1;
  const bool more = ratio > kManyObserved && bound("observed_to_expected", "low") > 1;
  if (fewer || more)
    all.push_back({"calibration " + model.id(), "outcomes", model.id(),
                   "of what was told, " + format_fixed(ratio, 2) + " times as much happened"});
  for (const char* metric : {"auroc", "c_index"})
    if (bound(metric, "high") < kPoorDiscrimination)
      all.push_back({std::string(metric) + " " + model.id(), "outcomes", model.id(),
                     std::string(metric) + " is " + format_fixed(bound(metric, "value"), 3) +
                         " as outcomes arrive"});
}

// Of the last day.
void look_at_jobs(Hospital& hospital, Time now, std::vector<Alert>& all) {
  const std::int64_t since = (now - std::chrono::days(1)).time_since_epoch().count();
  constexpr auto kFailed = static_cast<std::int64_t>(Job::State::failed);
  hospital.live().read([&](Database& db) {
    db.each("SELECT id, kind FROM job WHERE state = ? AND ended > ? ORDER BY id", {kFailed, since},
            [&](const Row& row) {
              all.push_back({"job " + std::string(row.text(0)), "job", std::string(row.text(1)),
                             "a job failed; its page says why"});
            });
  });
}

}  // namespace

std::vector<Alert> alerts_of(Hospital& hospital, Tallies& tallies, Time now) {
  std::vector<Alert> all;
  const std::int64_t today = std::chrono::floor<std::chrono::days>(now).time_since_epoch().count();
  const auto counted = tallies.since(today - kDays + 1);
  const auto models = hospital.models();
  for (const ModelPtr& model : models->served) {
    look_at_answers(*model, counted, all);
    look_at_outcomes(hospital, *model, all);
  }
  if (!models->problems.empty())
    all.push_back({"models", "model", "",
                   std::to_string(models->problems.size()) +
                       " approved models cannot be served; `cangong doctor` says why"});
  look_at_jobs(hospital, now, all);
  return all;
}

}  // namespace cangong
