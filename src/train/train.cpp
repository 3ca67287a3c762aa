#include "train/train.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/random.h"
#include "evaluate/competing.h"
#include "train/cross_validation.h"
#include "train/token_split.h"

namespace cangong {

namespace {

struct SplitParts {
  std::vector<std::size_t> train, tuning, held_out;
};

std::vector<ReferenceRange> ranges_of(const Matrix& x) {
  std::vector<ReferenceRange> ranges(x.columns);
  for (std::size_t j = 0; j < x.columns; ++j) {
    std::size_t present = 0;
    for (std::size_t i = 0; i < x.rows; ++i) {
      const float v = x.at(i, j);
      if (std::isnan(v)) continue;
      ReferenceRange& range = ranges[j];
      if (present++ == 0) range.low = range.high = v;
      range.low = std::min(range.low, v);
      range.high = std::max(range.high, v);
    }
    ranges[j].missing = 1 - static_cast<double>(present) / static_cast<double>(x.rows);
  }
  return ranges;
}

// `count` rows drawn without replacement, in their order.
std::vector<std::size_t> sample_rows(std::size_t rows, std::size_t count, std::uint64_t seed) {
  std::vector<std::size_t> all(rows);
  for (std::size_t i = 0; i < rows; ++i) all[i] = i;
  Random random(seed);
  random.shuffle(std::span(all));
  all.resize(std::min(rows, count));
  std::sort(all.begin(), all.end());
  return all;
}

// In a split by time, examples of the others that lie on or after the cut are left out: they belong
// to the time that the model is judged on.
SplitParts parts_of(const Examples& examples, const Splits& splits, const SplitOptions& options) {
  SplitParts parts;
  const auto cut = options.by == "time" ? parse_moment(options.from, Zone()) : std::nullopt;
  for (std::size_t i = 0; i < examples.rows.size(); ++i) {
    const std::string& split = splits.at(examples.rows[i].patient);
    if (split == kHeldOut)
      parts.held_out.push_back(i);
    else if (cut && examples.rows[i].when >= cut->first)
      continue;
    else
      (split == kTrain ? parts.train : parts.tuning).push_back(i);
  }
  return parts;
}

// What cannot give an honest model is refused before anything is fitted.
void refuse_unfit(const TrainInput& input, const Examples& examples, const SplitParts& parts) {
  const Targets& y = examples.targets;
  const Recipe& recipe = input.recipe;
  const bool fitted = recipe.recalibrate != "auto" && recipe.recalibrate != "none";
  if (fitted && y.answer != Answer::boolean)
    fail(Fault::config, "recalibrate: " + recipe.recalibrate + " is for yes-or-no answers only");
  const auto events_in = [&](const std::vector<std::size_t>& rows) {
    double events = 0;
    for (const std::size_t i : rows)
      events += y.answer == Answer::survival  ? y.events[i]
                : y.answer == Answer::boolean ? y.values[i]
                                              : 1;
    return events;
  };
  if (y.answer == Answer::boolean &&
      events_in(parts.train) == static_cast<double>(parts.train.size()))
    fail(Fault::input, "every training patient has the event; there is nothing to tell apart");
  if (y.answer == Answer::category && y.classes.size() < 2)
    fail(Fault::input, "all examples are of one class; there is nothing to tell apart");
  if (events_in(parts.train) == 0) fail(Fault::input, "no event among the training patients");
  if (events_in(parts.tuning) == 0)
    fail(Fault::input,
         "no event among the tuning patients, who choose how far the model goes; "
         "raise split: tuning");
  if (y.answer != Answer::survival) return;
  double longest = 0, first = 1e300;
  for (const std::size_t i : parts.train) {
    longest = std::max(longest, y.values[i]);
    if (y.events[i] > 0.5) first = std::min(first, y.values[i]);
  }
  const double horizon = static_cast<double>(recipe.horizon.count()) / 86400e6;
  if (horizon < first)
    fail(Fault::config, "no event comes before the horizon of " + format_number(horizon) +
                            " days (the first is at day " + format_fixed(first, 1) +
                            "); set `horizon:` in the recipe");
  if (horizon > longest)
    fail(Fault::config, "the horizon of " + format_number(horizon) +
                            " days is beyond the longest " +
                            "follow-up of the training patients (" + format_fixed(longest, 1) +
                            " days); set `horizon:` in the recipe");
}

// What later intervals and sets are calibrated on: answers, or for classes the probability that the
// true one was given.
std::vector<double> judged_values(const Scored& scored, const std::vector<double>& truth,
                                  Answer answer) {
  if (answer != Answer::category) return scored.value;
  std::vector<double> given;
  for (std::size_t i = 0; i < truth.size(); ++i)
    given.push_back(scored.probabilities.at(i, static_cast<std::size_t>(truth[i])));
  return given;
}

// Answers and truths for the interval around later answers: out of fold, else of the tuning
// patients, else of the training patients themselves.
void keep_judged(const Examples& examples, const Dataset& tuning, Pipeline& p) {
  std::set<PatientId> patients;
  for (const auto& row : examples.rows) patients.insert(row.patient);
  p.judged_rows_per_patient =
      static_cast<double>(examples.rows.size()) / static_cast<double>(patients.size());
  if (p.out_of_fold) {
    Targets judged = take(examples, p.out_of_fold->examples).targets;
    draw_left(judged, p.recipe.seed);
    p.judged_truth = std::move(judged.values);
    p.judged_event = std::move(judged.events);
    const Scored& scored = p.out_of_fold->scored.front();
    p.judged_value = judged_values(scored, p.judged_truth, examples.targets.answer);
    p.judged_free = scored.free_at_end;
    return;
  }
  if (tuning.rows() == 0) return;
  p.judged_truth = tuning.y.values;
  const Scored scored = score(p.main(), tuning, {});
  p.judged_value = judged_values(scored, p.judged_truth, examples.targets.answer);
  p.judged_free = scored.free_at_end;
  p.judged_event = tuning.y.events;
}

// With the task's own events where the task can be read again by itself.
LeakageReport look_for_leaks(const TrainInput& input, const TrainContext& context) {
  std::optional<Labeller> labeller;
  try {
    labeller.emplace(std::vector{parse_task(input.task_text, "task.yaml")}, input.store.codes());
  } catch (const Error&) {  // labels from elsewhere, or codes given in another file
  }
  LeakageReport report =
      find_leaks({input.store, input.rows, labeller ? &*labeller : nullptr, input.recipe.seed});
  for (const Leak& leak : report.findings)
    context.say("leakage? " + leak.what + ": " + leak.english);
  return report;
}

// The further tasks, each of which must be able to teach something.
void add_further(const TrainInput& input, Examples& examples) {
  for (const auto& [task, text, rows] : input.also) {
    if (task == input.task_name) fail(Fault::config, "also: names the model's own task, " + task);
    for (const FurtherTargets& before : examples.also)
      if (before.task == task) fail(Fault::config, "also: names " + task + " twice");
    examples.also.push_back(further_targets(examples, task, rows, further_causes_of(input.recipe)));
  }
}

void refuse_unfit_further(const Examples& examples, const SplitParts& parts, double horizon) {
  for (const FurtherTargets& further : examples.also) {
    const Targets& y = further.y;
    std::vector<std::size_t> known;
    for (const std::size_t i : parts.train)
      if (!std::isnan(y.values[i])) known.push_back(i);
    const auto refuse = [&](const std::string& why) {
      fail(Fault::input, "also: " + further.task + ": " + why);
    };
    constexpr std::size_t kLeast = 20;
    if (known.size() < kLeast)
      refuse("only " + std::to_string(known.size()) + " training examples have a label; " +
             std::to_string(kLeast) + " at least are wanted");
    const Targets own = y.take(known);
    const auto& told = y.answer == Answer::survival ? own.events : own.values;
    const auto [least, most] = std::minmax_element(told.begin(), told.end());
    if (y.answer == Answer::survival ? *most < 0.5 : *least == *most)
      refuse("all training examples have the same answer");
    if (y.answer == Answer::survival &&
        horizon > *std::max_element(own.values.begin(), own.values.end()))
      refuse("the horizon lies beyond its follow-up; set `horizon:` in the recipe");
  }
}

// Who taught a model of timelines whose state is looked at does not judge what learns from it.
Splits splits_of(const TrainInput& input, const Examples& examples, const SplitOptions& options,
                 const TrainContext& context) {
  const std::string& timelines = input.recipe.encoder.timelines;
  if (timelines.empty()) return split_patients(examples.rows, input.store, options);
  if (options.by != "auto" && options.by != "store") {
    context.say("split: by " + options.by +
                ": patients who judge may have taught the model of timelines; what is measured "
                "may be too good");
    return split_patients(examples.rows, input.store, options);
  }
  if (options.by == "store" && input.store.splits().empty())
    return split_patients(examples.rows, input.store, options);  // says what is missing
  const Bundle bundle = Bundle::open(timelines);
  const TimelineFacts facts = TimelineModel::facts_in(bundle);
  if (facts.store != input.store.digest() || facts.judged_by.empty())
    context.say(
        "the model of timelines was trained on other records, or on another state of these: "
        "where they hold the same patients under other numbers or splits, who judges may "
        "have taught it");
  const SplitOf part(input.store,
                     parse_pretrain_recipe(bundle.read("recipe.yaml"), timelines + "/recipe.yaml"));
  constexpr const char* kNames[] = {kTrain, kTuning, kHeldOut};
  Splits splits;
  for (const LabelRow& row : examples.rows)
    splits.emplace(row.patient, kNames[static_cast<int>(part(row.patient))]);
  return splits;
}

}  // namespace

Pipeline train(const TrainInput& input, const TrainContext& context) {
  Examples examples = examples_of(input.rows, causes_of(input.recipe));
  add_further(input, examples);
  Pipeline p;
  p.recipe = input.recipe;
  p.task_name = input.task_name;
  p.task_text = input.task_text;
  p.store_digest = input.store.digest();
  const std::string& timelines = input.recipe.encoder.timelines;
  p.synthetic = input.store.inventory().synthetic ||
                (!timelines.empty() && TimelineModel::facts_in(Bundle::open(timelines)).synthetic);
  p.labels_digest = digest_of_rows(input.rows);
  p.leakage = look_for_leaks(input, context);
  const Fitter fitter(input, context, examples);
  SplitOptions split = input.recipe.split;
  if (input.recipe.validation.folds > 0) {
    context.say("cross-validating, " + std::to_string(input.recipe.validation.folds) + " folds");
    if (!context.dry_run) p.out_of_fold = cross_validate(input, examples, context);
    split.by = "random";  // the model that is kept learns from everyone
    split.held_out = 0;
  }
  p.splits = at_place(split.where, [&] { return splits_of(input, examples, split, context); });
  const SplitParts parts = parts_of(examples, p.splits, split);
  refuse_unfit(input, examples, parts);
  refuse_unfit_further(examples, parts,
                       static_cast<double>(input.recipe.horizon.count()) / 86400e6);
  p.encoder = fitter.fit_encoder(parts.train);
  context.say("encoder: " + std::to_string(p.encoder->columns().size()) + " columns");
  p.training_rows = parts.train.size();
  if (context.dry_run) return p;
  const Dataset train = dataset_of(input.store, *p.encoder, take(examples, parts.train),
                                   {context.threads, input.recipe.seed});
  Dataset tuning;
  tuning.y = take(examples, {}).targets;
  tuning.x = Matrix(0, train.x.columns);
  if (!parts.tuning.empty())
    tuning = dataset_of(input.store, *p.encoder, take(examples, parts.tuning),
                        {context.threads, input.recipe.seed});
  p.models = fitter.fit(*p.encoder, train, tuning);
  auto further = fitter.take_also(p.models.front(), train, tuning);
  for (std::size_t t = 0; t < further.size(); ++t)
    p.also.push_back({input.also[t].task, input.also[t].text, std::move(further[t])});
  if (train.y.answer == Answer::survival) {
    p.grid = time_grid(train.y);
    p.training_days = train.y.values;
    p.training_events = train.y.events;
  }
  keep_judged(examples, tuning, p);
  if (input.recipe.stability.refits > 0) {
    context.say("refitting, " + std::to_string(input.recipe.stability.refits) + " times");
    Dataset held_out;
    if (!parts.held_out.empty())
      held_out = dataset_of(input.store, *p.encoder, take(examples, parts.held_out),
                            {context.threads, input.recipe.seed});
    const bool held = held_out.rows() > 0, tuned = tuning.rows() > 0;
    p.stability = examine_stability(
        p.main(),
        {train,
         held    ? held_out
         : tuned ? tuning
                 : train,
         held    ? kHeldOut
         : tuned ? "tuning"
                 : kTrain},
        input.recipe.stability, input.recipe.seed,
        [&](const Dataset& part) { return fitter.refit(p.main(), part, tuning); });
  }
  p.ranges = ranges_of(train.x);
  p.background = train.take(sample_rows(train.rows(), 100, input.recipe.seed)).x;
  return p;
}

}  // namespace cangong
