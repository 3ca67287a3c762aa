#include "train/train.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/progress.h"
#include "base/random.h"
#include "evaluate/interval.h"

namespace cangong {

Examples examples_of(const std::vector<LabelRow>& rows, std::size_t cause,
                     const std::vector<std::string>& classes) {
  Examples out;
  Targets& y = out.targets;
  std::set<std::string> names;
  for (const auto& row : rows)
    if (row.label)
      if (const auto* word = std::get_if<std::string>(&*row.label)) names.insert(*word);
  y.classes = classes.empty() ? std::vector<std::string>(names.begin(), names.end()) : classes;
  for (const auto& row : rows) {
    if (!row.label) continue;
    if (const auto* yes = std::get_if<bool>(&*row.label)) {
      y.answer = Answer::boolean;
      y.values.push_back(*yes ? 1 : 0);
    } else if (const auto* survival = std::get_if<Survival>(&*row.label)) {
      y.answer = Answer::survival;
      y.values.push_back(survival->days);
      y.events.push_back(survival->cause == static_cast<int>(cause) ? 1 : 0);
    } else if (const auto* word = std::get_if<std::string>(&*row.label)) {
      y.answer = Answer::category;
      const auto at = std::find(y.classes.begin(), y.classes.end(), *word);
      if (at == y.classes.end()) continue;  // a class that training never saw
      y.values.push_back(static_cast<double>(at - y.classes.begin()));
    } else {
      y.answer = Answer::real;
      const auto* n = std::get_if<std::int64_t>(&*row.label);
      y.values.push_back(n ? static_cast<double>(*n) : std::get<double>(*row.label));
    }
    out.rows.push_back(row);
  }
  if (out.rows.empty()) fail(Fault::input, "no example has a label");
  return out;
}

Dataset dataset_of(const Store& store, const Encoder& encoder, const Examples& examples,
                   std::size_t threads) {
  Dataset data;
  data.y = examples.targets;
  for (const auto& row : examples.rows) data.patients.push_back(row.patient);
  const StoreHistories histories(store, examples.rows);
  const Batch batch = encode(encoder, histories, threads);
  data.x = dense(batch, encoder.columns());
  return data;
}

namespace {

struct Parts {
  std::vector<std::size_t> train, tuning, held_out;
};

// The last value of a recorded age counts, not how often it was recorded.
bool is_age_or_sex(const Column& column) {
  const bool named = column.code == "AGE" || column.code.starts_with("AGE//") ||
                     column.code.starts_with("SEX//") || column.code.starts_with("GENDER//");
  return named && (column.window.empty() || column.aggregate == "last");
}

Node options_of(const char* kind) {
  return Node::parse(std::string("kind: ") + kind, "baseline");
}

// Fits the recipe's model and the baselines on one split of the examples.
class Fitter {
 public:
  Fitter(const TrainInput& input, const TrainContext& context, const Examples& examples)
      : input_(input), context_(context), examples_(examples) {}

  std::unique_ptr<Encoder> fit_encoder(const std::vector<std::size_t>& train) const {
    std::vector<LabelRow> rows;
    for (const std::size_t i : train) rows.push_back(examples_.rows[i]);
    auto encoder = std::make_unique<WindowedEncoder>(input_.recipe.encoder);
    encoder->fit(StoreHistories(input_.store, rows));
    if (encoder->columns().empty())
      fail(Fault::input,
           "the encoder finds no features on the training patients; widen its "
           "windows, lower min_patients or loosen include/exclude");
    return encoder;
  }

  std::vector<Fitted> fit(const Encoder& encoder, const Dataset& train,
                          const Dataset& tuning) const {
    std::vector<Fitted> models;
    const Recipe& recipe = input_.recipe;
    const Node own = recipe.model ? *recipe.model : options_of("trees");
    const auto kind = own.find("kind");
    const std::string name = kind ? kind->scalar() : "trees";
    models.push_back(fit_one(name, own, {}, {train, tuning}));
    for (const auto& baseline : recipe.baselines) {
      if (baseline == name) continue;
      if (baseline == "prevalence") {
        const Node flat = Node::parse("{kind: linear, penalty: 1e12, l1_share: 1}", "baseline");
        models.push_back(fit_one("linear", flat, {}, {train, tuning}));
      } else if (baseline == "age_sex") {
        std::vector<std::size_t> columns;
        for (std::size_t j = 0; j < encoder.columns().size(); ++j)
          if (is_age_or_sex(encoder.columns()[j])) columns.push_back(j);
        if (columns.empty()) continue;
        models.push_back(fit_one("linear", Node::parse("{kind: linear, penalty: 0}", "baseline"),
                                 columns, {train, tuning}));
      } else {
        models.push_back(fit_one(baseline, options_of(baseline.c_str()), {}, {train, tuning}));
      }
      models.back().name = baseline;
    }
    return models;
  }

 private:
  struct Data {
    const Dataset& train;
    const Dataset& tuning;
  };

  static Dataset selected(const Fitted& fitted, const Dataset& data) {
    Dataset part = data;
    part.x = fitted.select(data.x);
    return part;
  }

  Fitted fit_one(const std::string& kind, const Node& options, std::vector<std::size_t> columns,
                 const Data& data) const {
    const Recipe& recipe = input_.recipe;
    Fitted fitted;
    fitted.name = kind;
    fitted.columns = std::move(columns);
    const Dataset train = selected(fitted, data.train), tuning = selected(fitted, data.tuning);
    FitContext context;
    context.seed = recipe.seed;
    context.threads = context_.threads;
    context.say = context_.say;
    if (!context_.work.empty())
      context.checkpoint =
          context_.work / (digest_of_fit(train, tuning, options).substr(0, 24) + ".checkpoint");
    fitted.model = learner_named(kind).fit(options, train, tuning, context);
    const auto recalibrate = recalibration_of(tuning);
    const double horizon = static_cast<double>(recipe.horizon.count()) / 86400e6;
    fitted.readout = Readout::fit(*fitted.model, train, tuning, recalibrate, horizon);
    stop_if_interrupted();
    return fitted;
  }

  // A checkpoint belongs to one fit: the same rows, answers, options and seed, or none.
  Digest digest_of_fit(const Dataset& train, const Dataset& tuning, const Node& options) const {
    Hasher hasher;
    const auto add = [&](const auto& values) {
      hasher.add({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0])});
    };
    for (const Dataset* data : {&train, &tuning})
      add(data->x.values), add(data->y.values), add(data->y.events);
    hasher.add(input_.recipe.text + options.where() + std::to_string(input_.recipe.seed));
    return hasher.finish();
  }

  // With few tuning patients a fitted map is noise: `auto` wants 100 events and 100 others.
  Recalibration::Kind recalibration_of(const Dataset& tuning) const {
    const std::string& said = input_.recipe.recalibrate;
    if (said == "platt") return Recalibration::Kind::platt;
    if (said == "isotonic") return Recalibration::Kind::isotonic;
    double events = 0;
    for (const double v : tuning.y.values) events += v;
    const double others = static_cast<double>(tuning.rows()) - events;
    const bool enough = events >= 100 && others >= 100;
    return said == "auto" && enough ? Recalibration::Kind::platt : Recalibration::Kind::none;
  }

  const TrainInput& input_;
  const TrainContext& context_;
  const Examples& examples_;
};

// 20 days between the 5th and the 90th percentile of the event times.
std::vector<double> time_grid(const Targets& y) {
  std::vector<double> times;
  for (std::size_t i = 0; i < y.values.size(); ++i)
    if (y.events[i] > 0.5) times.push_back(y.values[i]);
  if (times.empty()) fail(Fault::input, "no event among the training patients");
  const double low = quantile(times, 0.05), high = quantile(times, 0.9);
  std::vector<double> grid;
  for (int i = 0; i < 20; ++i) grid.push_back(low + (high - low) * i / 19);
  grid.erase(std::unique(grid.begin(), grid.end()), grid.end());
  return grid;
}

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
Parts parts_of(const Examples& examples, const Splits& splits, const SplitOptions& options) {
  Parts parts;
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

Examples take(const Examples& examples, const std::vector<std::size_t>& chosen) {
  Examples part;
  part.targets.answer = examples.targets.answer;
  part.targets.classes = examples.targets.classes;
  for (const std::size_t i : chosen) {
    part.rows.push_back(examples.rows[i]);
    part.targets.values.push_back(examples.targets.values[i]);
    if (!examples.targets.events.empty()) part.targets.events.push_back(examples.targets.events[i]);
  }
  return part;
}

void append(Scored& all, const Scored& part) {
  all.value.insert(all.value.end(), part.value.begin(), part.value.end());
  all.risk.insert(all.risk.end(), part.risk.begin(), part.risk.end());
  const auto rows = [](RealMatrix& to, const RealMatrix& from) {
    to.columns = from.columns;
    to.rows += from.rows;
    to.values.insert(to.values.end(), from.values.begin(), from.values.end());
  };
  rows(all.probabilities, part.probabilities);
  rows(all.survival, part.survival);
  all.times = part.times;
}

// Every patient is judged by models that saw neither them nor, for tuning, the next fold.
OutOfFold cross_validate(const Fitter& fitter, const TrainInput& input, const Examples& examples,
                         const TrainContext& context) {
  const std::size_t folds = input.recipe.validation.folds;
  const auto fold_of = fold_patients(examples.rows, folds, input.recipe.seed);
  const auto grid = examples.targets.answer == Answer::survival ? time_grid(examples.targets)
                                                                : std::vector<double>();
  OutOfFold oof;
  Progress progress("cross-validating", folds);
  for (std::size_t fold = 0; fold < folds; ++fold) {
    Parts parts;
    for (std::size_t i = 0; i < examples.rows.size(); ++i) {
      const std::size_t own = fold_of.at(examples.rows[i].patient);
      (own == fold                 ? parts.held_out
       : own == (fold + 1) % folds ? parts.tuning
                                   : parts.train)
          .push_back(i);
    }
    const auto encoder = fitter.fit_encoder(parts.train);
    const auto data = [&](const std::vector<std::size_t>& rows) {
      return dataset_of(input.store, *encoder, take(examples, rows), context.threads);
    };
    const auto models = fitter.fit(*encoder, data(parts.train), data(parts.tuning));
    const Dataset held_out = data(parts.held_out);
    oof.scored.resize(models.size());
    oof.models.clear();
    for (std::size_t m = 0; m < models.size(); ++m) {
      oof.models.push_back(models[m].name);
      append(oof.scored[m], score(models[m], held_out.x, grid));
    }
    oof.examples.insert(oof.examples.end(), parts.held_out.begin(), parts.held_out.end());
    progress.at(fold + 1);
  }
  return oof;
}

// What cannot give an honest model is refused before anything is fitted.
void refuse_unfit(const TrainInput& input, const Examples& examples, const Parts& parts) {
  const Targets& y = examples.targets;
  const Recipe& recipe = input.recipe;
  const bool fitted = recipe.recalibrate == "platt" || recipe.recalibrate == "isotonic";
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
  if (events_in(parts.train) == 0) fail(Fault::input, "no event among the training patients");
  if (events_in(parts.tuning) == 0)
    fail(Fault::input,
         "no event among the tuning patients, who choose how far the model goes; "
         "raise split: tuning");
  if (y.answer != Answer::survival) return;
  double longest = 0;
  for (const std::size_t i : parts.train) longest = std::max(longest, y.values[i]);
  const double horizon = static_cast<double>(recipe.horizon.count()) / 86400e6;
  if (horizon > longest)
    fail(Fault::config, "the horizon of " + format_number(horizon) +
                            " days is beyond the longest " +
                            "follow-up of the training patients (" + format_fixed(longest, 1) +
                            " days); set `horizon:` in the recipe");
}

// Answers and truths for the interval around later answers: out of fold, else of the tuning
// patients, else of the training patients themselves.
void keep_judged(const Examples& examples, const Dataset& tuning, Pipeline& p) {
  std::set<PatientId> patients;
  for (const auto& row : examples.rows) patients.insert(row.patient);
  p.judged_rows_per_patient =
      static_cast<double>(examples.rows.size()) / static_cast<double>(patients.size());
  if (p.out_of_fold) {
    p.judged_value = p.out_of_fold->scored.front().value;
    for (const std::size_t i : p.out_of_fold->examples) {
      p.judged_truth.push_back(examples.targets.values[i]);
      if (!examples.targets.events.empty()) p.judged_event.push_back(examples.targets.events[i]);
    }
    return;
  }
  if (tuning.rows() == 0) return;
  p.judged_value = score(p.main(), tuning.x, {}).value;
  p.judged_truth = tuning.y.values;
  p.judged_event = tuning.y.events;
}

}  // namespace

Digest digest_of_rows(const std::vector<LabelRow>& rows) {
  Hasher hasher;
  for (const auto& row : rows) {
    hasher.add(std::to_string(row.patient.for_storage()) + " " +
               std::to_string(row.when.time_since_epoch().count()) + "\n");
    if (!row.label) continue;
    std::visit(
        [&](const auto& label) {
          using T = std::decay_t<decltype(label)>;
          if constexpr (std::is_same_v<T, std::string>)
            hasher.add(label);
          else if constexpr (std::is_same_v<T, Survival>)
            hasher.add(format_number(label.days) + "/" + std::to_string(label.cause));
          else
            hasher.add(format_number(static_cast<double>(label)));
        },
        *row.label);
  }
  return hasher.finish();
}

Pipeline train(const TrainInput& input, const TrainContext& context) {
  const Examples examples = examples_of(input.rows, input.recipe.cause);
  Pipeline p;
  p.recipe = input.recipe;
  p.task_name = input.task_name;
  p.task_text = input.task_text;
  p.store_digest = input.store.digest();
  p.labels_digest = digest_of_rows(input.rows);
  const Fitter fitter(input, context, examples);
  SplitOptions split = input.recipe.split;
  if (input.recipe.validation.folds > 0) {
    context.say("cross-validating, " + std::to_string(input.recipe.validation.folds) + " folds");
    p.out_of_fold = cross_validate(fitter, input, examples, context);
    split.by = "random";  // the model that is kept learns from everyone
    split.held_out = 0;
  }
  p.splits = split_patients(examples.rows, input.store, split);
  const Parts parts = parts_of(examples, p.splits, split);
  refuse_unfit(input, examples, parts);
  p.encoder = fitter.fit_encoder(parts.train);
  context.say("encoder: " + std::to_string(p.encoder->columns().size()) + " columns");
  const Dataset train =
      dataset_of(input.store, *p.encoder, take(examples, parts.train), context.threads);
  Dataset tuning;
  tuning.y = take(examples, {}).targets;
  tuning.x = Matrix(0, train.x.columns);
  if (!parts.tuning.empty())
    tuning = dataset_of(input.store, *p.encoder, take(examples, parts.tuning), context.threads);
  p.models = fitter.fit(*p.encoder, train, tuning);
  p.training_rows = train.rows();
  keep_judged(examples, tuning, p);
  p.ranges = ranges_of(train.x);
  p.background = train.take(sample_rows(train.rows(), 100, input.recipe.seed)).x;
  if (train.y.answer == Answer::survival) {
    p.grid = time_grid(train.y);
    p.training_days = train.y.values;
    p.training_events = train.y.events;
  }
  return p;
}

}  // namespace cangong
