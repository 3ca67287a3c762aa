#include "train/pipeline.h"

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "evaluate/survival.h"
#include "model/state_encoder.h"

namespace cangong {

using Json = nlohmann::ordered_json;

Scored score(const Fitted& fitted, const Dataset& data, const std::vector<double>& grid) {
  const Matrix& x = data.x;
  const RealMatrix margins = fitted.margins(x);
  const Readout& readout = fitted.readout;
  Scored scored;
  const bool classes = readout.answer() == Answer::category;
  const bool curves = readout.answer() == Answer::survival;
  if (classes) scored.probabilities = RealMatrix(x.rows, readout.classes().size());
  if (curves) scored.times = grid, scored.survival = RealMatrix(x.rows, grid.size());
  for (std::size_t i = 0; i < x.rows; ++i) {
    const auto m = margins.row(i);
    scored.value.push_back(readout.value(m));
    scored.risk.push_back(readout.risk(m));
    if (classes) {
      const auto p = readout.probabilities(m);
      std::copy(p.begin(), p.end(), scored.probabilities.row(i).begin());
    }
    if (curves) scored.free_at_end.push_back(readout.survival(m, data.y.values[i]));
    for (std::size_t t = 0; curves && t < grid.size(); ++t)
      scored.survival.at(i, t) = readout.survival(m, grid[t]);
  }
  return scored;
}

double loss_of(const Fitted& fitted, const Dataset& judge) {
  const Scored scored = score(fitted, judge, {});
  const auto n = static_cast<double>(judge.rows());
  double sum = 0;
  switch (judge.y.answer) {
    case Answer::survival: {
      const std::vector<double> ones(judge.rows(), 1.0);
      return 1 - Concordance(scored.risk, judge.y.values, judge.y.events).harrell(ones);
    }
    case Answer::real:
      for (std::size_t i = 0; i < judge.rows(); ++i)
        sum += std::pow(scored.value[i] - judge.y.values[i], 2);
      return sum / n;
    case Answer::boolean:
    case Answer::category:
      break;
  }
  for (std::size_t i = 0; i < judge.rows(); ++i) {
    const double truth = judge.y.values[i];
    const double given = judge.y.answer == Answer::category
                             ? scored.probabilities.at(i, static_cast<std::size_t>(truth))
                         : truth > 0.5 ? scored.value[i]
                                       : 1 - scored.value[i];
    sum -= std::log(std::max(given, 1e-6));
  }
  return sum / n;
}

namespace {

Json json_of(const Fitted& fitted) {
  Json json{{"name", fitted.name},
            {"columns", fitted.columns},
            {"kind", fitted.model->kind()},
            {"options", fitted.options},
            {"readout", Json::parse(fitted.readout.save())},
            {"model", Json::parse(fitted.model->save())}};
  if (!fitted.search.empty()) json["search"] = Json::parse(fitted.search);
  return json;
}

Fitted fitted_of(const Json& json) {
  Fitted fitted;
  fitted.name = json.at("name");
  fitted.columns = json.at("columns").get<std::vector<std::size_t>>();
  fitted.model = learner_named(json.at("kind").get<std::string>()).load(json.at("model").dump());
  fitted.readout = Readout::load(json.at("readout").dump());
  fitted.options = json.value("options", std::string());
  if (json.contains("search")) fitted.search = json.at("search").dump();
  return fitted;
}

Json json_of(const RealMatrix& m) {
  return {{"rows", m.rows}, {"columns", m.columns}, {"values", m.values}};
}

RealMatrix matrix_of(const Json& json) {
  RealMatrix m(json.at("rows"), json.at("columns"));
  m.values = json.at("values").get<std::vector<double>>();
  return m;
}

// Training rows as raw floats, so that NaN survives.
std::string bytes_of(const Matrix& m) {
  std::string bytes(m.values.size() * sizeof(float), '\0');
  if (!bytes.empty()) std::memcpy(bytes.data(), m.values.data(), bytes.size());
  return bytes;
}

Matrix matrix_of(const std::string& bytes, std::size_t columns) {
  Matrix m(columns ? bytes.size() / sizeof(float) / columns : 0, columns);
  if (!m.values.empty())
    std::memcpy(m.values.data(), bytes.data(), m.values.size() * sizeof(float));
  return m;
}

Json json_of(const OutOfFold& oof) {
  Json scored = Json::array();
  for (const auto& s : oof.scored)
    scored.push_back({{"value", s.value},
                      {"risk", s.risk},
                      {"free_at_end", s.free_at_end},
                      {"times", s.times},
                      {"probabilities", json_of(s.probabilities)},
                      {"survival", json_of(s.survival)}});
  return {
      {"folds", oof.folds}, {"models", oof.models}, {"examples", oof.examples}, {"scored", scored}};
}

OutOfFold out_of_fold_of(const Json& json) {
  OutOfFold oof;
  oof.folds = json.at("folds");
  oof.models = json.at("models").get<std::vector<std::string>>();
  oof.examples = json.at("examples").get<std::vector<std::size_t>>();
  for (const auto& item : json.at("scored")) {
    Scored s;
    s.value = item.at("value").get<std::vector<double>>();
    s.risk = item.at("risk").get<std::vector<double>>();
    s.free_at_end = item.value("free_at_end", std::vector<double>());
    s.times = item.at("times").get<std::vector<double>>();
    s.probabilities = matrix_of(item.at("probabilities"));
    s.survival = matrix_of(item.at("survival"));
    oof.scored.push_back(std::move(s));
  }
  return oof;
}

}  // namespace

std::string save_out_of_fold(const OutOfFold& oof) {
  return json_of(oof).dump() + "\n";
}

OutOfFold load_out_of_fold(const std::string& text, const fs::path& file) {
  try {
    return out_of_fold_of(Json::parse(text));
  } catch (const nlohmann::json::exception& error) {
    fail(Fault::storage, file.string() + ": damaged: " + error.what() + "; remove it");
  }
}

void write_pipeline(const Pipeline& p, BundleWriter& bundle) {
  bundle.add("recipe.yaml", p.recipe.text);
  bundle.add("task.yaml", p.task_text);
  bundle.add("encoder.json", p.encoder->save());
  if (const auto* state = dynamic_cast<const StateEncoder*>(p.encoder->state()))
    state->write(bundle);
  Json models = Json::array();
  for (const auto& fitted : p.models) models.push_back(json_of(fitted));
  bundle.add("models.json", models.dump() + "\n");
  Json also = Json::array();
  for (const auto& [task, text, fitted] : p.also)
    also.push_back({{"task", task}, {"text", text}, {"model", json_of(fitted)}});
  if (!p.also.empty()) bundle.add("also.json", also.dump() + "\n");
  Json ranges = Json::array();
  for (std::size_t j = 0; j < p.ranges.size(); ++j)
    ranges.push_back({{"column", p.encoder->columns()[j].name()},
                      {"low", p.ranges[j].low},
                      {"high", p.ranges[j].high},
                      {"missing", p.ranges[j].missing},
                      {"importance", p.ranges[j].importance}});
  Json splits = Json::object();
  for (const auto& [patient, split] : p.splits) splits[split].push_back(patient.for_storage());
  bundle.add("background.f32", bytes_of(p.background));
  bundle.add("splits.json", splits.dump() + "\n");
  if (p.stability) bundle.add("stability.json", save_stability(*p.stability));
  if (p.out_of_fold) bundle.add("out_of_fold.json", save_out_of_fold(*p.out_of_fold));
  const Json training{{"recipe_name", p.recipe.name},
                      {"task_name", p.task_name},
                      {"store_digest", p.store_digest},
                      {"labels_digest", p.labels_digest},
                      {"training_rows", p.training_rows},
                      {"synthetic", p.synthetic},
                      {"grid", p.grid},
                      {"training_days", p.training_days},
                      {"training_events", p.training_events},
                      {"ranges", ranges}};
  bundle.add("training.json", training.dump(1) + "\n");
  bundle.add("leakage.json", leakage_json(p.leakage) + "\n");
  bundle.add("judged.json", Json{{"value", p.judged_value},
                                 {"truth", p.judged_truth},
                                 {"event", p.judged_event},
                                 {"free", p.judged_free},
                                 {"rows_per_patient", p.judged_rows_per_patient}}
                                    .dump() +
                                "\n");
}

Pipeline read_pipeline(const Bundle& bundle) {
  Pipeline p;
  try {
    const Json training = Json::parse(bundle.read("training.json"));
    p.recipe = parse_recipe(bundle.read("recipe.yaml"), "recipe.yaml");
    p.recipe.name = training.at("recipe_name");
    p.task_name = training.at("task_name");
    p.task_text = bundle.read("task.yaml");
    p.encoder =
        JoinedEncoder::load(bundle.read("encoder.json"),
                            StateEncoder::is_in(bundle) ? StateEncoder::load(bundle) : nullptr);
    for (const auto& json : Json::parse(bundle.read("models.json")))
      p.models.push_back(fitted_of(json));
    if (bundle.has("also.json"))
      for (const auto& json : Json::parse(bundle.read("also.json")))
        p.also.push_back({json.at("task"), json.at("text"), fitted_of(json.at("model"))});
    for (const auto& json : training.at("ranges"))
      p.ranges.push_back(
          {json.at("low"), json.at("high"), json.at("missing"), json.at("importance")});
    p.background = matrix_of(bundle.read("background.f32"), p.encoder->columns().size());
    p.grid = training.at("grid").get<std::vector<double>>();
    p.training_days = training.at("training_days").get<std::vector<double>>();
    p.training_events = training.at("training_events").get<std::vector<double>>();
    p.training_rows = training.at("training_rows");
    p.synthetic = training.value("synthetic", false);
    p.store_digest = training.at("store_digest");
    p.labels_digest = training.at("labels_digest");
    const Json judged = Json::parse(bundle.read("judged.json"));
    p.judged_value = judged.at("value").get<std::vector<double>>();
    p.judged_truth = judged.at("truth").get<std::vector<double>>();
    p.judged_event = judged.at("event").get<std::vector<double>>();
    p.judged_free = judged.value("free", std::vector<double>());
    p.judged_rows_per_patient = judged.at("rows_per_patient");
    if (bundle.has("leakage.json")) p.leakage = load_leakage(bundle.read("leakage.json"));
    const Json splits = Json::parse(bundle.read("splits.json"));
    for (const auto& [split, patients] : splits.items())
      for (const auto& patient : patients) p.splits[PatientId(patient.get<std::int64_t>())] = split;
    if (bundle.has("stability.json")) p.stability = load_stability(bundle.read("stability.json"));
    if (bundle.has("out_of_fold.json"))
      p.out_of_fold = load_out_of_fold(bundle.read("out_of_fold.json"), bundle.folder());
  } catch (const nlohmann::json::exception& error) {
    fail(Fault::storage, bundle.folder().string() + ": damaged: " + error.what());
  }
  return p;
}

}  // namespace cangong
