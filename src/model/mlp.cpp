#include "model/mlp.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/progress.h"
#include "model/interval_ends.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

Loss loss_of(const MlpOptions& options, Answer answer) {
  const std::string& name = options.loss;
  const auto allow = [&](Answer needed, Loss loss) {
    if (answer != needed)
      fail(Fault::config,
           "model loss " + name + " does not fit an answer of the kind " + name_of(answer));
    return loss;
  };
  if (name == "mse") return allow(Answer::real, Loss::mse);
  if (name == "bce") return allow(Answer::boolean, Loss::bce);
  if (name == "cross_entropy") return allow(Answer::category, Loss::cross_entropy);
  if (name == "cox") return allow(Answer::survival, Loss::cox);
  if (name == "discrete_time") return allow(Answer::survival, Loss::discrete_time);
  if (name != "auto")
    fail(Fault::config,
         "unknown loss \"" + name + "\" (auto, mse, bce, cross_entropy, cox, discrete_time)");
  constexpr Loss kUsual[] = {Loss::bce, Loss::cross_entropy, Loss::mse, Loss::cox};
  return kUsual[static_cast<int>(answer)];
}

class MlpModel : public Model {
 public:
  Normaliser normaliser;
  std::vector<std::vector<std::size_t>> groups;  // the normaliser's
  Network network;
  std::vector<double> ends;    // discrete time
  double mean = 0, scale = 1;  // of a real answer, undone here
  std::size_t epochs = 0;

  std::string kind() const override { return "mlp"; }
  std::size_t outputs() const override { return network.outputs(); }
  std::vector<double> interval_ends() const override { return ends; }
  RealMatrix margins(const Matrix& x) const override {
    RealMatrix out = network.forward(normaliser.apply(x));
    return unscaled(std::move(out));
  }
  RealMatrix walk(std::span<const float> from, std::span<const float> to,
                  std::span<const std::size_t> order) const override {
    const RealMatrix z = normalised(from, to);
    return unscaled(network.walk(z.row(0), z.row(1), order, groups));
  }
  std::optional<std::vector<double>> path_parts(std::span<const float> from,
                                                std::span<const float> to,
                                                std::size_t output) const override {
    const RealMatrix z = normalised(from, to);
    const auto gradient = network.mean_gradient(z.row(0), z.row(1), output);
    std::vector<double> parts(from.size());
    for (std::size_t k = 0; k < gradient.size(); ++k)
      parts[normaliser.source(k)] += scale * gradient[k] * (z.at(1, k) - z.at(0, k));
    return parts;
  }
  std::optional<RealMatrix> contributions(const Matrix&, std::size_t) const override {
    return std::nullopt;
  }
  std::string save() const override {
    Json layers = Json::array();
    for (const Layer& layer : network.layers())
      layers.push_back(
          {{"in", layer.in}, {"out", layer.out}, {"weights", layer.weights}, {"bias", layer.bias}});
    return Json{{"format", 1},
                {"kind", "mlp"},
                {"activation", name_of(network.activation())},
                {"epochs", epochs},
                {"interval_ends", ends},
                {"mean", mean},
                {"scale", scale},
                {"normaliser", Json::parse(normaliser.save())},
                {"layers", layers}}
               .dump() +
           "\n";
  }

 private:
  RealMatrix normalised(std::span<const float> from, std::span<const float> to) const {
    Matrix ends(2, from.size());
    std::copy(from.begin(), from.end(), ends.row(0).begin());
    std::copy(to.begin(), to.end(), ends.row(1).begin());
    return normaliser.apply(ends);
  }
  RealMatrix unscaled(RealMatrix out) const {
    for (double& v : out.values) v = mean + scale * v;
    return out;
  }
};

MlpRows rows_of(const Dataset& data, const MlpModel& model) {
  MlpRows rows;
  const RealMatrix z = model.normaliser.apply(data.x);
  rows.x = Matrix(z.rows, z.columns);
  std::copy(z.values.begin(), z.values.end(), rows.x.values.begin());
  for (std::size_t i = 0; i < data.rows(); ++i) {
    double y = data.y.values[i];
    if (data.y.answer == Answer::real) y = (y - model.mean) / model.scale;
    if (!model.ends.empty()) {
      const auto k = static_cast<std::size_t>(
          std::lower_bound(model.ends.begin(), model.ends.end(), y) - model.ends.begin());
      const double start = k ? model.ends[k - 1] : 0;
      const bool inside = k < model.ends.size();
      rows.exposure.push_back(inside ? static_cast<float>((y - start) / (model.ends[k] - start))
                                     : 0.0f);
      y = static_cast<double>(k);
    }
    rows.y.push_back(static_cast<float>(y));
  }
  for (const double event : data.y.events) rows.events.push_back(static_cast<float>(event));
  return rows;
}

std::vector<float> balanced_weights(const Targets& y) {
  const std::size_t classes = y.answer == Answer::category ? y.classes.size() : 2;
  std::vector<float> counts(classes), weights;
  for (const double v : y.values) counts[static_cast<std::size_t>(v)] += 1;
  for (const float count : counts)
    weights.push_back(static_cast<float>(y.values.size()) /
                      (static_cast<float>(classes) * std::max(count, 1.0f)));
  return weights;
}

// Throws Fault::config where an option is out of its range.
void check_options(const MlpOptions& o) {
  const auto require = [](bool holds, const char* rule) {
    if (!holds) fail(Fault::config, std::string("model mlp: ") + rule);
  };
  require(o.batch_size >= 1 && o.epochs >= 1, "batch_size and epochs are at least 1");
  require(o.learning_rate > 0 && o.learning_rate <= 10, "learning_rate is above 0, 10 at most");
  require(o.dropout >= 0 && o.dropout < 1, "dropout is at least 0 and below 1");
  require(o.weight_decay >= 0 && o.weight_decay <= 100, "weight_decay is 0 to 100");
  require(o.class_weight == "none" || o.class_weight == "balanced",
          "class_weight is none or balanced");
  require(o.intervals >= 2 && o.intervals <= 1000, "intervals is 2 to 1000");
  require(o.hidden.size() <= 20, "hidden has 20 layers at most");
  for (const std::size_t units : o.hidden)
    require(units >= 1 && units <= 16384, "a hidden layer has 1 to 16384 units");
}

void centre_answer(const Targets& y, MlpModel& model) {
  double sum = 0, squares = 0;
  const auto n = static_cast<double>(y.values.size());
  for (const double v : y.values) sum += v;
  model.mean = sum / n;
  for (const double v : y.values) squares += (v - model.mean) * (v - model.mean);
  model.scale = squares > 0 ? std::sqrt(squares / n) : 1;
}

}  // namespace

std::unique_ptr<Model> fit_mlp(const Node& node, const Dataset& train, const Dataset& tuning,
                               const FitContext& context) {
  MlpProblem problem;
  read_value(node, problem.options);
  problem.activation = activation_named(problem.options.activation);
  problem.loss = loss_of(problem.options, train.y.answer);
  check_options(problem.options);
  auto model = std::make_unique<MlpModel>();
  model->normaliser.fit(train.x, problem.options.prepare);
  model->groups = model->normaliser.groups();
  if (train.y.answer == Answer::real) centre_answer(train.y, *model);
  if (problem.loss == Loss::discrete_time)
    model->ends = interval_ends(train.y, problem.options.intervals);
  problem.outputs = model->ends.empty() ? train.y.outputs() : model->ends.size();
  problem.train = rows_of(train, *model);
  problem.tuning = rows_of(tuning, *model);
  if (problem.options.class_weight == "balanced" &&
      (problem.loss == Loss::bce || problem.loss == Loss::cross_entropy))
    problem.class_weights = balanced_weights(train.y);
  problem.seed = context.seed;
  problem.threads = static_cast<int>(context.threads);
  if (!context.checkpoint.empty()) problem.checkpoint = context.checkpoint.string();
  problem.say = context.say;
  Progress progress("training the network", problem.options.epochs);
  problem.stop = [&] {
    progress.step();
    return interrupted();
  };
  MlpResult result;
  mlp_trainer()(problem, result);
  stop_if_interrupted();
  model->network = Network(problem.activation, std::move(result.layers));
  for (const Layer& layer : model->network.layers())
    for (const float w : layer.weights)
      if (!std::isfinite(w))
        fail(Fault::model, "the network's training diverged; lower learning_rate or weight_decay");
  model->epochs = result.best_epoch;
  context.say("mlp: best epoch " + std::to_string(result.best_epoch));
  return model;
}

std::unique_ptr<Model> load_mlp(const std::string& saved) {
  const Json json = Json::parse(saved);
  auto model = std::make_unique<MlpModel>();
  model->epochs = json.at("epochs");
  model->ends = json.at("interval_ends").get<std::vector<double>>();
  model->mean = json.at("mean");
  model->scale = json.at("scale");
  model->normaliser = Normaliser::load(json.at("normaliser").dump());
  model->groups = model->normaliser.groups();
  std::vector<Layer> layers;
  for (const auto& item : json.at("layers"))
    layers.push_back({item.at("in"), item.at("out"), item.at("weights").get<std::vector<float>>(),
                      item.at("bias").get<std::vector<float>>()});
  model->network =
      Network(activation_named(json.at("activation").get<std::string>()), std::move(layers));
  return model;
}

}  // namespace cangong
