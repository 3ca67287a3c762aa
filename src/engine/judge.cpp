#include "engine/judge.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>

#include "base/error.h"
#include "base/json_values.h"
#include "cohort/label.h"
#include "decide/uncertainty.h"
#include "engine/groupings.h"
#include "engine/jobs.h"
#include "engine/kept_answers.h"
#include "evaluate/assess.h"
#include "evaluate/binary.h"
#include "evaluate/calibration.h"
#include "evaluate/competing.h"
#include "evaluate/subgroups.h"
#include "train/examples.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kJudgeTables = R"(
CREATE TABLE IF NOT EXISTS judgement(model TEXT NOT NULL, bundle TEXT NOT NULL, at BIGINT NOT NULL,
  body TEXT NOT NULL, PRIMARY KEY(model, bundle, at));
)";
constexpr const char* kAsked = "CANGONG//ASKED";
constexpr std::size_t kReplicates = 500, kTenths = 10;
constexpr std::size_t kFewestPatients = 20, kFewestEvents = 5;

// The task with its question put at any moment: by an event of ours. Conditions on its own trigger
// say when it is put, and fall away; the others say about whom.
Task asked_any_time(Task task) {
  const std::size_t trigger = task.trigger;
  for (Window& window : task.windows)
    std::erase_if(window.has, [&](const Bound& bound) { return bound.predicate == trigger; });
  Predicate asked;
  asked.name = "_asked", asked.codes = {kAsked};
  task.predicates.push_back(asked);
  task.trigger = task.predicates.size() - 1;
  return task;
}

// How long after its trigger the task's prediction is.
Duration delay_of(const Task& task) {
  Duration delay{0};
  for (std::size_t e = task.index_endpoint; e != 0; e = task.endpoints[e].parent) {
    const Endpoint& endpoint = task.endpoints[e];
    if (endpoint.edge != Endpoint::Edge::same && endpoint.edge != Endpoint::Edge::plus)
      fail(Fault::input,
           "the task's moment of prediction hangs on an event: its answers to other "
           "moments cannot be judged");
    delay += endpoint.plus;
  }
  return delay;
}

// Answers that have come true or not, with the rows of the task that say so.
struct JudgedAnswers {
  std::vector<LabelRow> rows;
  std::vector<KeptAnswer> answers;
  GroupMembers groups;
  std::size_t waiting = 0, not_asked = 0, trained = 0;  // left out, and why
};

class Judge {
 public:
  Judge(Hospital& hospital, const ServedModel& model)
      : hospital_(hospital),
        model_(model),
        task_(parse_task(model.pipeline.task_text, "task.yaml")),
        delay_(delay_of(task_)),
        present_(now()) {
    const auto approved = parse_moment(model.approval.at, Zone());
    if (approved) approved_ = approved->first;
    task_ = asked_any_time(std::move(task_));
  }

  JudgedAnswers all(const std::vector<KeptAnswer>& kept, const JudgeProgress& progress) {
    JudgedAnswers judged;
    std::size_t done = 0;
    std::optional<PatientId> patient;
    for (const KeptAnswer& answer : kept) {
      if (done++ % 256 == 0) progress(done - 1, kept.size());
      if (saw_in_training(answer)) {
        ++judged.trained;
        continue;
      }
      if (patient != answer.patient) read(answer.patient);
      patient = answer.patient;
      add(answer, judged);
    }
    progress(kept.size(), kept.size());
    return judged;
  }

 private:
  bool saw_in_training(const KeptAnswer& answer) const {
    const auto split = model_.pipeline.splits.find(answer.patient);
    return split != model_.pipeline.splits.end() && split->second != kHeldOut &&
           answer.as_of < approved_;
  }

  // What is known now: of facts that were corrected, the last version.
  void read(PatientId patient) {
    record_ = std::make_unique<Timeline>(hospital_.record(patient).timeline);
    history_ = std::make_unique<History>(record_->until(present_));
    facts_.clear();
    for (const Event& event : history_->events()) {
      LiveEvent fact;
      fact.time = event.time, fact.occurred = event.occurred, fact.number = event.number;
      fact.code = history_->codes().name(event.code);
      fact.unit = event.unit, fact.text = event.text;
      facts_.push_back(std::move(fact));
    }
  }

  void add(const KeptAnswer& answer, JudgedAnswers& judged) {
    std::vector<LiveEvent> events = facts_;
    LiveEvent asked;
    asked.time = answer.as_of - delay_, asked.code = kAsked;
    events.push_back(std::move(asked));
    const Timeline timeline = assemble(answer.patient, nullptr, std::move(events));
    const Labeller labeller({task_}, timeline.codes());
    const auto found = labeller.realise(timeline, 0);
    if (found.empty() || !found.front().row.label) {
      ++judged.not_asked;
      return;
    }
    if (!is_over(answer, found.front())) {
      ++judged.waiting;
      return;
    }
    judged.groups.add(judged.rows.size(), record_->until(answer.as_of));
    LabelRow row = found.front().row;
    row.when = answer.as_of;
    judged.rows.push_back(std::move(row));
    judged.answers.push_back(answer);
  }

  bool is_over(const KeptAnswer& answer, const Realisation& found) const {
    if (model_.told.horizon_days > 0)
      return answer.as_of + std::chrono::hours(static_cast<int>(24 * model_.told.horizon_days)) <=
             present_;
    const bool own = !task_.outcome.window.empty();
    if (!own && !task_.label_window) return false;
    return found.windows[own ? task_.outcome.window_index : *task_.label_window].end <= present_;
  }

  Hospital& hospital_;
  const ServedModel& model_;
  Task task_;
  Duration delay_;
  Time present_;
  Time approved_ = Time::min();
  std::unique_ptr<Timeline> record_;
  std::unique_ptr<History> history_;
  std::vector<LiveEvent> facts_;
};

// Yes or no at the horizon: 1 happened, 0 did not, NaN where nobody knows.
std::vector<double> happened(const Targets& y, double horizon) {
  if (y.answer == Answer::boolean) return y.values;
  std::vector<double> out;
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    const bool event = y.events[i] == 1 && y.values[i] <= horizon;
    const bool left = !y.left.empty() && y.left[i] >= 0;
    out.push_back(event ? 1 : left || y.values[i] >= horizon ? 0 : std::nan(""));
  }
  return out;
}

double slope_of(const std::vector<double>& p, const std::vector<double>& truth,
                std::span<const double> weights) {
  std::vector<double> known_p, known_y, known_w;
  for (std::size_t i = 0; i < p.size(); ++i)
    if (!std::isnan(truth[i]) && weights[i] > 0)
      known_p.push_back(p[i]), known_y.push_back(truth[i]), known_w.push_back(weights[i]);
  return calibration_line(known_p, known_y, known_w).slope;
}

Json intervals_json(const std::vector<NamedInterval>& metrics) {
  Json json = Json::object();
  for (const auto& [name, one] : metrics)
    json[name] = {
        {"value", number(one.value)}, {"low", number(one.low)}, {"high", number(one.high)}};
  return json;
}

Json tenths_json(const Scored& scored, const Targets& y, double horizon, double per_patient) {
  std::vector<std::size_t> order(scored.value.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return scored.value[a] < scored.value[b]; });
  const Reliability reliability{scored.value, y.values, y.events, per_patient};
  Json all = Json::array();
  for (std::size_t b = 0; b < kTenths; ++b) {
    const std::vector<std::size_t> rows(
        order.begin() + static_cast<std::ptrdiff_t>(b * order.size() / kTenths),
        order.begin() + static_cast<std::ptrdiff_t>((b + 1) * order.size() / kTenths));
    if (rows.empty()) continue;
    double told = 0;
    for (const std::size_t i : rows) told += scored.value[i] / static_cast<double>(rows.size());
    const Interval seen = observed_frequency(rows, y.answer, reliability, horizon);
    all.push_back({{"told", told},
                   {"seen", number(seen.value)},
                   {"low", number(seen.low)},
                   {"high", number(seen.high)},
                   {"count", rows.size()}});
  }
  return all;
}

Json subgroups_json(const std::vector<Subgroup>& subgroups) {
  Json all = Json::array();
  for (const Subgroup& one : subgroups)
    all.push_back({{"family", one.family},
                   {"name", one.name},
                   {"patients", one.patients},
                   {"answers", one.examples},
                   {"events", one.events},
                   {"metrics", intervals_json(one.metrics)}});
  return all;
}

// What people thought of answers, with what happened after them.
Json judged_by_people(Database& db, const JudgedAnswers& judged, const std::vector<double>& truth) {
  std::unordered_map<std::string, double> outcome;
  for (std::size_t i = 0; i < judged.answers.size(); ++i)
    outcome[judged.answers[i].id] = i < truth.size() ? truth[i] : std::nan("");
  Json all = Json::object();
  const auto count = [&](const Row& row) {
    Json& one = all[std::string(row.text(1))];
    if (one.is_null()) one = {{"answers", 0}, {"known", 0}, {"happened", 0}};
    one["answers"] = one["answers"].get<int>() + 1;
    const auto found = outcome.find(std::string(row.text(0)));
    if (found == outcome.end() || std::isnan(found->second)) return;
    one["known"] = one["known"].get<int>() + 1;
    one["happened"] = one["happened"].get<int>() + (found->second == 1);
  };
  const Values of{judged.answers.empty() ? std::string_view() : judged.answers.front().model,
                  judged.answers.empty() ? std::string_view() : judged.answers.front().bundle};
  db.each(
      "SELECT a.id, max(f.outcome) FROM answer a JOIN feedback f ON f.card = a.card WHERE "
      "a.model = ? AND a.bundle = ? GROUP BY a.id",
      of, count);
  db.each(
      "SELECT a.id, o.opinion FROM answer a JOIN opinion o ON o.answer = a.id WHERE a.model = "
      "? AND a.bundle = ?",
      of, count);
  return all;
}

// Metrics, tenths and subgroups; nothing where the patients or events are too few to say anything.
void assess_into(const ServedModel& model, const JudgedAnswers& judged, Targets& y, Json& body) {
  Scored scored;
  std::vector<PatientId> patients;
  for (const KeptAnswer& answer : judged.answers) {
    scored.value.push_back(*answer.value), scored.risk.push_back(*answer.value);
    patients.push_back(answer.patient);
  }
  const std::size_t distinct = std::set<PatientId>(patients.begin(), patients.end()).size();
  const double horizon = model.told.horizon_days;
  const std::vector<double> truth =
      y.answer == Answer::real ? std::vector<double>() : happened(y, horizon);
  const auto events = std::count(truth.begin(), truth.end(), 1.0);
  const auto without = std::count(truth.begin(), truth.end(), 0.0);
  body["patients"] = distinct, body["events"] = events;
  draw_left(y, model.pipeline.recipe.seed);
  const bool few = distinct < kFewestPatients ||
                   (y.answer != Answer::real && (events < static_cast<long>(kFewestEvents) ||
                                                 without < static_cast<long>(kFewestEvents)));
  body["enough"] = !few;
  if (few) return;
  AssessOptions options;
  options.bootstrap.replicates = kReplicates, options.horizon_days = horizon;
  const Examined examined{y, scored, patients};
  std::vector<Grouping> groups = judged.groups.of(judged.rows.size());
  groups.push_back({"ALL", "all", std::vector<bool>(judged.rows.size(), true)});
  auto subgroups = assess_subgroups(examined, groups, options);
  std::vector<NamedInterval> metrics = subgroups.back().metrics;
  subgroups.pop_back();
  if (y.answer != Answer::real) {
    MetricList slope;
    slope.add("calibration_slope", [&](auto w) { return slope_of(scored.value, truth, w); });
    for (auto& one : slope.run(patients, options.bootstrap)) metrics.push_back(std::move(one));
    const double each = static_cast<double>(patients.size()) / static_cast<double>(distinct);
    body["tenths"] = tenths_json(scored, y, horizon, each);
  }
  body["metrics"] = intervals_json(metrics);
  body["subgroups"] = subgroups_json(subgroups);
}

std::string about_judge(Hospital& hospital, const std::string& request) {
  const ModelPtr model = hospital.model(Json::parse(request).value("model", ""));
  if (model->pipeline.main().readout.answer() == Answer::category)
    fail(Fault::input, "the model tells classes, which are not judged yet");
  return model->id();
}

std::string run_judge(Hospital& hospital, JobRun& run) {
  const ModelPtr model = hospital.model(run.job().model);
  return judge(hospital, *model, [&](std::size_t done, std::size_t total) {
    if (run.is_stopping()) throw JobStopped();
    run.progress(done, total);
  });
}

}  // namespace

const JobKind kJudgeAnswers{"judge", Lane::brief, about_judge, run_judge};

void prepare_judgements(Database& database) {
  database.script(kJudgeTables);
}

std::string judge(Hospital& hospital, const ServedModel& model, const JudgeProgress& progress) {
  if (model.pipeline.task_text.empty())
    fail(Fault::input, "the bundle holds no task: nobody can say what happened");
  std::vector<KeptAnswer> kept;
  hospital.live().read(
      [&](Database& db) { kept = answers_kept(db, model.id(), model.approval.bundle); });
  const JudgedAnswers judged = Judge(hospital, model).all(kept, progress);
  Json body{{"at", format_time(now())},      {"answers", kept.size()},
            {"judged", judged.rows.size()},  {"waiting", judged.waiting},
            {"not_asked", judged.not_asked}, {"trained", judged.trained}};
  Targets y;
  std::vector<double> truth;
  if (!judged.rows.empty()) {
    y = examples_of(judged.rows, causes_of(model.pipeline.recipe)).targets;
    if (y.answer != Answer::real) truth = happened(y, model.told.horizon_days);
    assess_into(model, judged, y, body);
  }
  hospital.live().read([&](Database& db) { body["people"] = judged_by_people(db, judged, truth); });
  const std::string text = body.dump();
  hospital.note(
      {"(service)", "", "", ""}, "judge",
      Json{{"name", model.id()}, {"model", model.approval.bundle}, {"judged", judged.rows.size()}}
          .dump());
  hospital.live().write([&](Database& db) {
    db.run("INSERT INTO judgement VALUES(?, ?, ?, ?) ON CONFLICT DO NOTHING",
           {model.id(), model.approval.bundle, now().time_since_epoch().count(), text});
  });
  return Json{{"answers", kept.size()}, {"judged", judged.rows.size()}}.dump();
}

std::string last_judgement(Database& database, const std::string& model, const Digest& bundle) {
  std::string body;
  database.each(
      "SELECT body FROM judgement WHERE model = ? AND bundle = ? ORDER BY at DESC LIMIT 1",
      {model, bundle}, [&](const Row& row) { body = row.text(0); });
  return body;
}

}  // namespace cangong
