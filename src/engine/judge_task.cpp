#include <map>
#include <nlohmann/json.hpp>

#include "base/progress.h"
#include "engine/judged_outcome.h"
#include "engine/zero_shot.h"
#include "registry/audit.h"

namespace cangong {
namespace {

constexpr std::size_t kAskedTogether = 32;  // examples whose futures are drawn at once

struct Example {
  AskedMoment moment;
  std::unique_ptr<Timeline> known;
  FutureRequest request;
  bool is_true = false;
};

Task task_of(const NamedLabels& labels) {
  if (labels.task_text.empty())
    fail(Fault::input,
         "the labels do not say what was asked: they have no task.yaml; make them "
         "with cangong label");
  Task task = parse_task(labels.task_text, "task.yaml", labels.predicates);
  if (task.outcome.kind != Outcome::Kind::boolean)
    fail(Fault::config, labels.task + ": only questions of yes or no can be asked yet");
  return task;
}

// Labelled rows of who judges, as many as are wanted, by lot.
std::vector<LabelRow> rows_of(const NamedLabels& labels,
                              const std::function<bool(PatientId)>& judges,
                              const JudgeTimelinesRequest& request) {
  std::vector<LabelRow> rows;
  for (const LabelRow& row : labels.rows)
    if (row.label && judges(row.patient)) rows.push_back(row);
  if (rows.empty()) fail(Fault::input, "none of the labelled examples is of who judges");
  Random random(request.seed);
  random.shuffle(std::span(rows));
  rows.resize(std::min(rows.size(), request.patients));
  std::stable_sort(rows.begin(), rows.end(), [](const LabelRow& a, const LabelRow& b) {
    return a.patient != b.patient ? a.patient < b.patient : a.when < b.when;
  });
  return rows;
}

// The end of the last window of a fixed length, or what the user says where an event ends one.
Duration horizon_of(const TaskEnd& end, const JudgeTimelinesRequest& request) {
  constexpr Duration kMoment = std::chrono::hours(1);
  if (end.by_event) return std::max(years_long(request.years), end.last + kMoment);
  return end.last + kMoment;
}

std::optional<Example> example_of(const Timeline& timeline, const LabelRow& row,
                                  const TimelineModel& model, const Tokenizer& tokenizer,
                                  Duration horizon) {
  const History history = timeline.until(row.when);
  const LifeSoFar life = life_so_far(history);
  if (!life.age_days || life.is_dead) return std::nullopt;
  Example one{{row.when, *life.age_days, tokenizer.tokens(history)},
              std::make_unique<Timeline>(timeline),
              {},
              std::get<bool>(*row.label)};
  one.request = question_of(model, one.moment.history, one.moment.age_days);
  one.request.until = one.moment.until(horizon);
  if (one.request.until > kOldestDays) return std::nullopt;
  return one;
}

}  // namespace

TimelinesReport judge_task(const JudgeTimelinesRequest& request) {
  require_enough(request.futures);
  const Bundle bundle = Bundle::open(request.bundle);
  TimelineModel model = TimelineModel::open(bundle);
  if (request.format != FloatFormat::float32) model.set_format(request.format);
  const Store store = Store::open(request.store);
  const NamedLabels labels = find_labels(*request.labels, request.task);
  const Task task = task_of(labels);
  const SplitOf split(store, parse_pretrain_recipe(bundle.read("recipe.yaml"), "recipe.yaml"));
  require_foretellable(task, model.vocabulary());
  TimelinesReport report = begin_judging(bundle, model, store, request);
  report.task = labels.task;
  const std::vector<LabelRow> rows = rows_of(labels, judges_of(report, split), request);
  const TaskEnd end = end_of(task, model.vocabulary());
  const Duration horizon = horizon_of(end, request);
  report.years = static_cast<double>(horizon.count()) / (kDaysOfYear * 86400e6);
  const FutureCodes codes(store.codes(), model.vocabulary());
  const Labeller labeller({task}, codes.codes());
  const Tokenizer tokenizer(model.vocabulary(), store.codes(), store.code_infos());
  const DecoderFutures simulator(model.weights(), model.rules(), request.device);
  OutcomeTold told;
  Progress progress("asking futures", rows.size());
  for (std::size_t from = 0; from < rows.size(); from += kAskedTogether) {
    stop_if_interrupted();
    std::vector<Example> examples;
    std::vector<FutureRequest> requests;
    const std::size_t last = std::min(rows.size(), from + kAskedTogether);
    std::optional<Timeline> timeline;
    for (std::size_t i = from; i < last; ++i) {
      if (!timeline || timeline->patient() != rows[i].patient)
        timeline.emplace(store.patient(rows[i].patient));
      auto one = example_of(*timeline, rows[i], model, tokenizer, horizon);
      if (!one) {
        ++report.not_asked;
        continue;
      }
      one->request.futures = request.futures, one->request.stops = end.stops;
      one->request.stops_from = one->moment.until(end.from);
      requests.push_back(one->request);
      examples.push_back(std::move(*one));
    }
    const auto drawn = simulator.draw(requests, request.seed + from, request.threads);
    for (std::size_t i = 0; i < examples.size(); ++i) {
      const Example& one = examples[i];
      const FutureRecord record(codes, *one.known, one.moment);
      const TaskShare share = share_of(labeller, record, one.moment.as_of, drawn[i], one.request);
      report.cut += share.cut;
      if (share.taken == 0) {
        ++report.not_taken;
        continue;
      }
      told.chance.push_back(static_cast<double>(share.yes) / static_cast<double>(share.taken));
      told.truth.push_back(one.is_true);
    }
    progress.at(last);
  }
  if (told.chance.empty())
    fail(Fault::input,
         "the task takes none of the futures; where an event ends its windows, --years "
         "has to reach as far");
  report.patients = told.chance.size();
  report.outcomes = {judged(told)};
  report.outcomes.front().code = labels.task;
  end_judging(report, request);
  return report;
}

}  // namespace cangong
