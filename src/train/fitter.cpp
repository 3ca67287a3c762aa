#include "train/fitter.h"

#include "base/progress.h"

namespace cangong {
namespace {

// The last value of a recorded age counts, not how often it was recorded.
bool is_age_or_sex(const Column& column) {
  const bool named = column.code == "AGE" || column.code.starts_with("AGE//") ||
                     column.code.starts_with("SEX//") || column.code.starts_with("GENDER//");
  return named && (column.window.empty() || column.aggregate == "last");
}

Dataset selected(const Fitted& fitted, const Dataset& data) {
  Dataset part = data;
  part.x = fitted.select(data.x);
  return part;
}

}  // namespace

std::unique_ptr<Encoder> Fitter::fit_encoder(const std::vector<std::size_t>& train) const {
  std::vector<LabelRow> rows;
  for (const std::size_t i : train) rows.push_back(examples_.rows[i]);
  const auto fitted = [&] {
    auto encoder = std::make_unique<WindowedEncoder>(input_.recipe.encoder);
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

std::vector<Fitted> Fitter::fit(const Encoder& encoder, const Dataset& train,
                                const Dataset& tuning) const {
  const Recipe& recipe = input_.recipe;
  const Node own = recipe.model ? *recipe.model : Node::parse("kind: trees", "recipe");
  const auto kind = own.find("kind");
  const std::string name = kind ? kind->scalar() : "trees";
  std::vector<Fitted> models;
  const auto fit_own = [&] {
    std::vector<std::size_t> columns;
    if (recipe.select.keep > 0) columns = select_columns(train, recipe.select);
    models.push_back(fit_one(name, own, std::move(columns), {train, tuning}));
  };
  at_place(own.where(), fit_own);
  for (const auto& baseline : recipe.baselines)
    if (baseline != name)
      if (auto fitted = fit_baseline(baseline, encoder, {train, tuning}))
        models.push_back(std::move(*fitted));
  return models;
}

std::optional<Fitted> Fitter::fit_baseline(const std::string& name, const Encoder& encoder,
                                           const Data& data) const {
  std::string kind = name, options = "kind: " + name;
  std::vector<std::size_t> columns;
  if (name == "prevalence") {
    kind = "linear", options = "{kind: linear, penalty: 1e12, l1_share: 1}";
  } else if (name == "age_sex") {
    kind = "linear", options = "{kind: linear, penalty: 0}";
    for (std::size_t j = 0; j < encoder.columns().size(); ++j)
      if (is_age_or_sex(encoder.columns()[j])) columns.push_back(j);
    if (columns.empty()) return std::nullopt;
  }
  Fitted fitted = fit_one(kind, Node::parse(options, "baseline"), std::move(columns), data);
  fitted.name = name;
  return fitted;
}

Fitted Fitter::fit_one(const std::string& kind, const Node& options,
                       std::vector<std::size_t> columns, const Data& data) const {
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
        context_.work / (digest_of_fit({train, tuning}, options).substr(0, 24) + ".checkpoint");
  fitted.model = learner_named(kind).fit(options, train, tuning, context);
  const double horizon = static_cast<double>(recipe.horizon.count()) / 86400e6;
  fitted.readout = Readout::fit(*fitted.model, train, tuning, recalibration_of(tuning), horizon);
  stop_if_interrupted();
  return fitted;
}

// A checkpoint belongs to one fit: the same rows, answers, options and seed, or none.
Digest Fitter::digest_of_fit(const Data& data, const Node& options) const {
  Hasher hasher;
  const auto add = [&](const auto& values) {
    hasher.add({reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0])});
  };
  for (const Dataset* part : {&data.train, &data.tuning})
    add(part->x.values), add(part->y.values), add(part->y.events);
  hasher.add(input_.recipe.text + options.where() + std::to_string(input_.recipe.seed));
  return hasher.finish();
}

// With few tuning patients a fitted map is noise: `auto` wants 100 events and 100 others.
Recalibration::Kind Fitter::recalibration_of(const Dataset& tuning) const {
  const std::string& said = input_.recipe.recalibrate;
  if (said == "platt") return Recalibration::Kind::platt;
  if (said == "isotonic") return Recalibration::Kind::isotonic;
  double events = 0;
  for (const double v : tuning.y.values) events += v;
  const double others = static_cast<double>(tuning.rows()) - events;
  const bool enough = events >= 100 && others >= 100;
  return said == "auto" && enough ? Recalibration::Kind::platt : Recalibration::Kind::none;
}

}  // namespace cangong
