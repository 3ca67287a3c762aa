#include "train/fitter.h"

#include <cmath>
#include <numeric>

#include "base/progress.h"
#include "evaluate/competing.h"
#include "evaluate/survival.h"
#include "model/state_encoder.h"

namespace cangong {
namespace {

// The last value of a recorded age counts, not how often it was recorded.
bool is_age_or_sex(const Column& column) {
  const bool named = column.code == "AGE" || column.code.starts_with("AGE//") ||
                     column.code.starts_with("SEX//") || column.code.starts_with("GENDER//");
  return named && (column.window.empty() || column.aggregate == "last");
}

Dataset without_also(Dataset data) {
  data.also.clear();
  return data;
}

Dataset selected(const Fitted& fitted, const Dataset& data) {
  Dataset part = data;
  part.x = fitted.select(data.x);
  if (!fitted.columns.empty()) part.layout = {fitted.columns.size(), 0, 0};
  return part;
}

}  // namespace

std::unique_ptr<JoinedEncoder> Fitter::fit_encoder(const std::vector<std::size_t>& train) const {
  std::vector<LabelRow> rows;
  for (const std::size_t i : train) rows.push_back(examples_.rows[i]);
  const auto fitted = [&] {
    const std::string& timelines = input_.recipe.encoder.timelines;
    auto encoder = std::make_unique<JoinedEncoder>(
        input_.recipe.encoder,
        timelines.empty() ? nullptr : StateEncoder::open(Bundle::open(timelines)));
    encoder->fit(StoreHistories(input_.store, rows));
    return encoder;
  };
  auto encoder = at_place(input_.recipe.encoder.where, fitted);
  if (encoder->columns().empty())
    fail(Fault::input,
         "the encoder finds no features on the training patients; widen its "
         "windows, lower min_patients or loosen include/exclude");
  if (encoder->left_out() > 0)
    context_.say("encoder: " + std::to_string(encoder->left_out()) +
                 " rarer codes left out; raise `encoder: max_codes` to keep them");
  return encoder;
}

namespace {

std::string kind_of(const Node& options) {
  const auto kind = options.find("kind");
  return kind ? kind->scalar() : "trees";
}

}  // namespace

std::vector<Fitted> Fitter::fit(const Encoder& encoder, const Dataset& train,
                                const Dataset& tuning) const {
  const Recipe& recipe = input_.recipe;
  const Node own = recipe.model ? *recipe.model : Node::parse("kind: trees", "recipe");
  if (!train.also.empty() && !learner_named(kind_of(own)).several_tasks)
    fail(Fault::config,
         "model " + kind_of(own) +
             " learns one task; `also:` is for networks (mlp, gru, lstm, transformer)");
  std::vector<Fitted> models;
  at_place(own.where(), [&] { models.push_back(fit_own(own, {train, tuning})); });
  const bool several = !train.also.empty();
  const Dataset one = several ? without_also(train) : Dataset();
  const Data alone{several ? one : train, tuning};
  for (const auto& baseline : recipe.baselines)
    if (baseline != kind_of(own))
      if (auto fitted = fit_baseline(baseline, encoder, alone))
        models.push_back(std::move(*fitted));
  return models;
}

std::vector<std::size_t> Fitter::columns_of(const Dataset& train) const {
  const SelectOptions& select = input_.recipe.select;
  return select.keep > 0 ? select_columns(train, select) : std::vector<std::size_t>();
}

Fitted Fitter::fit_own(const Node& options, const Data& data) const {
  if (!input_.recipe.search)
    return fit_one(options, columns_of(data.train), data, context_of(options, data));
  const SearchResult found = search_settings(options, data);
  Fitted fitted = fit_one(found.best, columns_of(data.train), data, context_of(found.best, data));
  fitted.search = search_json(found);
  return fitted;
}

// Columns are selected anew in each part, so that the judged patients have no say in it.
SearchResult Fitter::search_settings(const Node& options, const Data& data) const {
  const SearchOptions& how = *input_.recipe.search;
  fs::path file;
  if (!context_.work.empty())
    file = context_.work / (digest_of_fit(data, options).substr(0, 24) + ".search");
  FitContext quiet;
  quiet.seed = input_.recipe.seed;
  quiet.threads = context_.threads;
  const auto loss = [&](const Node& trial, Dataset part, Dataset judge) {
    draw_left(part.y, input_.recipe.seed);  // each by its own patients
    draw_left(judge.y, input_.recipe.seed);
    return loss_of(fit_one(trial, columns_of(part), {part, data.tuning}, quiet), judge);
  };
  SearchResult found = search(options, how, data.train, input_.recipe.seed, file, loss);
  const Trial& best = found.trials[found.chosen];
  std::string settings;
  for (const auto& [option, value] : best.settings) settings += " " + option + ": " + value;
  context_.say("search: " + std::to_string(found.trials.size()) + " settings tried, best" +
               (settings.empty() ? " the model's own" : settings) + " (loss " +
               format_fixed(best.mean_loss(), 4) + ")");
  return found;
}

namespace {

// With few tuning patients a fitted map is noise: `auto` wants 100 events and 100 others.
Recalibration::Kind automatic_recalibration(const Dataset& tuning) {
  double events = 0;
  for (const double v : tuning.y.values) events += v;
  const double others = static_cast<double>(tuning.rows()) - events;
  return events >= 100 && others >= 100 ? Recalibration::Kind::platt : Recalibration::Kind::none;
}

}  // namespace

std::vector<Fitted> Fitter::take_also(Fitted& own, const Dataset& train,
                                      const Dataset& tuning) const {
  std::vector<Fitted> further;
  auto models = own.model->take_also();
  for (std::size_t t = 0; t < models.size(); ++t) {
    Fitted fitted;
    fitted.name = own.name;
    fitted.columns = own.columns;
    fitted.model = std::move(models[t]);
    const Dataset learn = selected(fitted, train.of_further(t));
    const Dataset judge = tuning.rows() ? selected(fitted, tuning.of_further(t)) : Dataset{};
    const double horizon = static_cast<double>(input_.recipe.horizon.count()) / 86400e6;
    fitted.readout =
        Readout::fit(*fitted.model, learn, judge, automatic_recalibration(judge), horizon);
    further.push_back(std::move(fitted));
  }
  return further;
}

Fitted Fitter::refit(const Fitted& own, Dataset part, const Dataset& tuning) const {
  draw_left(part.y, input_.recipe.seed);
  FitContext quiet;
  quiet.seed = input_.recipe.seed;
  quiet.threads = context_.threads;
  part.also.clear();
  return fit_one(Node::parse(own.options, "model"), own.columns, {part, tuning}, quiet);
}

std::optional<Fitted> Fitter::fit_baseline(const std::string& name, const Encoder& encoder,
                                           const Data& data) const {
  std::string options = "kind: " + name;
  std::vector<std::size_t> columns;
  const std::size_t facts = encoder.layout().facts;
  if (name == "prevalence") {
    options = "{kind: linear, penalty: 1e12, l1_share: 1}";
  } else if (name == "age_sex") {
    options = "{kind: linear, penalty: 0}";
    for (std::size_t j = 0; j < facts; ++j)
      if (is_age_or_sex(encoder.columns()[j])) columns.push_back(j);
    if (columns.empty()) return std::nullopt;
  } else if (facts < encoder.columns().size()) {  // visits are for models that read them in order
    columns.resize(facts);
    std::iota(columns.begin(), columns.end(), std::size_t{0});
    if (columns.empty()) return std::nullopt;
  }
  const Node node = Node::parse(options, "baseline");
  Fitted fitted = fit_one(node, std::move(columns), data, context_of(node, data));
  fitted.name = name;
  return fitted;
}

FitContext Fitter::context_of(const Node& options, const Data& data) const {
  FitContext context;
  context.seed = input_.recipe.seed;
  context.threads = context_.threads;
  context.say = context_.say;
  if (!context_.work.empty())
    context.checkpoint =
        context_.work / (digest_of_fit(data, options).substr(0, 24) + ".checkpoint");
  return context;
}

Fitted Fitter::fit_one(const Node& options, std::vector<std::size_t> columns, const Data& data,
                       const FitContext& context) const {
  Fitted fitted;
  fitted.name = kind_of(options);
  fitted.options = options.text();
  fitted.columns = std::move(columns);
  const Dataset train = selected(fitted, data.train), tuning = selected(fitted, data.tuning);
  const Learner& learner = learner_named(fitted.name);
  fitted.model = learner.fit(options, train, tuning, context);
  const double horizon = static_cast<double>(input_.recipe.horizon.count()) / 86400e6;
  fitted.readout = Readout::fit(*fitted.model, train, tuning, recalibration_of(tuning), horizon);
  stop_if_interrupted();
  return fitted;
}

namespace {

std::vector<const Targets*> answers_in(const Dataset& data) {
  std::vector<const Targets*> all{&data.y};
  for (const FurtherTargets& further : data.also) all.push_back(&further.y);
  return all;
}

}  // namespace

// A checkpoint belongs to one fit: the same rows, answers, options and seed, or none.
Digest Fitter::digest_of_fit(const Data& data, const Node& options) const {
  Hasher hasher;
  const auto add = [&](const auto& values) {
    hasher.add({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0])});
  };
  for (const Dataset* part : {&data.train, &data.tuning})
    for (const auto* y : answers_in(*part)) add(y->values), add(y->events);
  for (const Dataset* part : {&data.train, &data.tuning}) add(part->x.values);
  hasher.add(input_.recipe.text + options.text() + std::to_string(input_.recipe.seed) +
             program_digest());
  return hasher.finish();
}

Recalibration::Kind Fitter::recalibration_of(const Dataset& tuning) const {
  const std::string& said = input_.recipe.recalibrate;
  for (const auto& [name, kind] : Recalibration::kinds())
    if (said == name) return kind;
  return automatic_recalibration(tuning);
}

}  // namespace cangong
