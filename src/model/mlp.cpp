#include "model/mlp.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

class MlpModel : public NetworkModel {
 public:
  Normaliser normaliser;
  std::vector<std::vector<std::size_t>> groups;  // the normaliser's
  Network network;

  std::string kind() const override { return "mlp"; }
  std::size_t outputs() const override { return network.outputs(); }
  RealMatrix margins(const Matrix& x) const override {
    return scale.margins(network.forward(normaliser.apply(x)));
  }
  RealMatrix walk(std::span<const float> from, std::span<const float> to,
                  std::span<const std::size_t> order) const override {
    const RealMatrix z = normalised(from, to);
    return scale.margins(network.walk(z.row(0), z.row(1), order, groups));
  }
  std::optional<std::vector<double>> path_parts(std::span<const float> from,
                                                std::span<const float> to,
                                                std::size_t output) const override {
    const RealMatrix z = normalised(from, to);
    const auto gradient = network.mean_gradient(z.row(0), z.row(1), output);
    std::vector<double> parts(from.size());
    for (std::size_t k = 0; k < gradient.size(); ++k)
      parts[normaliser.source(k)] += scale.scale * gradient[k] * (z.at(1, k) - z.at(0, k));
    return parts;
  }
  OnnxGraph::Tensor add_to(OnnxGraph& graph) const override {
    return scale.add_to(graph, network.add_to(graph, normaliser.add_to(graph)));
  }
  std::string save() const override {
    Json json{{"format", 1},
              {"kind", "mlp"},
              {"activation", name_of(network.activation())},
              {"epochs", epochs}};
    json.update(Json::parse(scale.save()));
    json["normaliser"] = Json::parse(normaliser.save());
    json["layers"] = Json::parse(save_layers(network.layers()));
    return json.dump() + "\n";
  }

 private:
  RealMatrix normalised(std::span<const float> from, std::span<const float> to) const {
    Matrix ends(2, from.size());
    std::copy(from.begin(), from.end(), ends.row(0).begin());
    std::copy(to.begin(), to.end(), ends.row(1).begin());
    return normaliser.apply(ends);
  }
};

NetworkRows rows_of(const Dataset& data, const Normaliser& normaliser, const NetworkTasks& tasks) {
  NetworkRows rows;
  const RealMatrix z = normaliser.apply(data.x);
  rows.x = Matrix(z.rows, z.columns);
  std::copy(z.values.begin(), z.values.end(), rows.x.values.begin());
  rows.answers = tasks.answers(data);
  return rows;
}

}  // namespace

void check_hidden(const std::vector<std::size_t>& hidden, const std::string& kind) {
  if (hidden.size() > 20) fail(Fault::config, "model " + kind + ": hidden has 20 layers at most");
  for (const std::size_t units : hidden)
    if (units < 1 || units > 16384)
      fail(Fault::config, "model " + kind + ": a hidden layer has 1 to 16384 units");
}

std::unique_ptr<Model> fit_mlp(const Node& node, const Dataset& train, const Dataset& tuning,
                               const FitContext& context) {
  MlpOptions options;
  read_value(node, options);
  check_options(options, options.kind);
  check_hidden(options.hidden, options.kind);
  NetworkProblem problem;
  problem.options = options;
  problem.shape.activation = activation_named(options.activation);
  problem.shape.hidden = options.hidden;
  problem.shape.batch_norm = options.batch_norm;
  Normaliser normaliser;
  const NetworkTasks tasks(options, train);
  normaliser.fit(train.x, options.prepare);
  problem.shape.facts = normaliser.outputs();
  problem.tasks = tasks.tasks;
  problem.train = rows_of(train, normaliser, tasks);
  problem.tuning = rows_of(tuning, normaliser, tasks);
  const Activation activation = problem.shape.activation;
  const auto forward = [&](const std::vector<Layer>& layers, const Matrix& x) {
    RealMatrix z(x.rows, x.columns);
    std::copy(x.values.begin(), x.values.end(), z.values.begin());
    return Network(activation, layers).forward(z);
  };
  const NetworkResult result = train_network(std::move(problem), context, forward);
  const auto of_task = [&](std::size_t task) {
    auto one = std::make_unique<MlpModel>();
    one->normaliser = normaliser;
    one->groups = normaliser.groups();
    one->scale = tasks.scales[task];
    one->network = Network(activation, layers_of_task(result.layers, tasks.tasks, task));
    one->epochs = result.best_epoch;
    return one;
  };
  auto own = of_task(0);
  for (std::size_t t = 1; t < tasks.tasks.size(); ++t) own->also.push_back(of_task(t));
  return own;
}

std::unique_ptr<Model> load_mlp(const std::string& saved) {
  const Json json = Json::parse(saved);
  auto model = std::make_unique<MlpModel>();
  model->epochs = json.at("epochs");
  model->scale = AnswerScale::load(json.dump());
  model->normaliser = Normaliser::load(json.at("normaliser").dump());
  model->groups = model->normaliser.groups();
  model->network = Network(activation_named(json.at("activation").get<std::string>()),
                           load_layers(json.at("layers").dump()));
  return model;
}

}  // namespace cangong
