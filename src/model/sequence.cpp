#include "model/sequence.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "model/mlp.h"
#include "model/sequence_network.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::pair<const char*, Body> kBodies[] = {
    {"gru", Body::gru}, {"lstm", Body::lstm}, {"transformer", Body::transformer}};

// Features -> what a sequence network reads.
class Preparation {
 public:
  Layout layout;
  Normaliser facts, steps;

  void fit(const Matrix& x, const Layout& of, const PrepareOptions& options) {
    layout = of;
    Matrix first(x.rows, layout.facts);
    std::vector<float> all;
    for (std::size_t i = 0; i < x.rows; ++i) {
      const auto row = x.row(i);
      std::copy_n(row.begin(), layout.facts, first.row(i).begin());
      const Matrix own = steps_of(row);
      all.insert(all.end(), own.values.begin(), own.values.end());
    }
    if (all.empty()) fail(Fault::input, "no training patient has a visit");
    facts.fit(first, options);
    Matrix stacked(all.size() / width(), width());
    stacked.values = std::move(all);
    steps.fit(stacked, options);
  }

  // rows x (facts, steps x channels with the oldest first, number of steps).
  Matrix apply(const Matrix& x) const {
    const std::size_t first = facts.outputs(), each = steps.outputs();
    Matrix out(x.rows, first + layout.steps * each + 1);
    for (std::size_t i = 0; i < x.rows; ++i) {
      const auto row = x.row(i);
      const auto to = out.row(i);
      Matrix own(1, layout.facts);
      std::copy_n(row.begin(), layout.facts, own.values.begin());
      const RealMatrix z = facts.apply(own);
      std::copy(z.values.begin(), z.values.end(), to.begin());
      const Matrix visits = steps_of(row);
      to.back() = static_cast<float>(visits.rows);
      if (visits.rows == 0) continue;
      const RealMatrix s = steps.apply(visits);
      std::copy(s.values.begin(), s.values.end(), to.begin() + static_cast<std::ptrdiff_t>(first));
    }
    return out;
  }

 private:
  std::size_t width() const { return layout.channels + 1; }

  // The row's steps, oldest first: log(1 + days ago), log(1 + days since the step before), then the
  // other channels as they are.
  Matrix steps_of(std::span<const float> row) const {
    std::vector<float> values;
    float before = std::nanf("");
    for (std::size_t s = layout.steps; s-- > 0;) {
      const auto step = row.subspan(layout.facts + s * layout.channels, layout.channels);
      const float days = step[0];
      if (std::isnan(days)) continue;
      values.push_back(std::log1p(std::max(days, 0.0f)));
      values.push_back(std::isnan(before) ? 0 : std::log1p(std::max(before - days, 0.0f)));
      before = days;
      values.insert(values.end(), step.begin() + 1, step.end());
    }
    Matrix steps(values.size() / width(), width());
    steps.values = std::move(values);
    return steps;
  }
};

class SequenceModel : public NetworkModel {
 public:
  std::string name;
  Preparation preparation;
  SequenceNetwork network;
  std::vector<Layer> layers;  // of the network, as they are saved

  std::string kind() const override { return name; }
  std::size_t outputs() const override { return network.outputs(); }
  RealMatrix margins(const Matrix& x) const override {
    return scale.margins(network.forward(preparation.apply(x)));
  }
  std::string save() const override {
    const NetworkShape& shape = network.shape();
    const Layout& layout = preparation.layout;
    Json json{{"format", 1},
              {"kind", name},
              {"units", shape.units},
              {"layers_of_units", shape.layers},
              {"heads", shape.heads},
              {"epochs", epochs},
              {"layout", {layout.facts, layout.steps, layout.channels}},
              {"facts", Json::parse(preparation.facts.save())},
              {"steps", Json::parse(preparation.steps.save())}};
    json.update(Json::parse(scale.save()));
    json["layers"] = Json::parse(save_layers(layers));
    return json.dump() + "\n";
  }
};

Body body_named(const std::string& name) {
  for (const auto& [known, body] : kBodies)
    if (name == known) return body;
  fail(Fault::config, "unknown kind of sequence model \"" + name + "\" (gru, lstm, transformer)");
}

void check(const SequenceOptions& o, const Layout& layout) {
  const auto require = [&](bool holds, const char* rule) {
    if (!holds) fail(Fault::config, "model " + o.kind + ": " + rule);
  };
  check_options(o, o.kind);
  check_hidden(o.hidden, o.kind);
  require(o.units >= 1 && o.units <= 4096, "units is 1 to 4096");
  require(o.layers >= 1 && o.layers <= 16, "layers is 1 to 16");
  require(o.kind != "transformer" || (o.heads >= 1 && o.units % o.heads == 0),
          "heads is a divisor of units");
  require(layout.steps > 0,
          "there are no visits to read; give the recipe `encoder: {visits: {keep: 16}}`, with "
          "codes that enough training patients have");
}

NetworkShape shape_of(const SequenceOptions& options, const Preparation& preparation) {
  NetworkShape shape;
  shape.body = body_named(options.kind);
  shape.facts = preparation.facts.outputs();
  shape.steps = preparation.layout.steps;
  shape.channels = preparation.steps.outputs();
  shape.units = options.units;
  shape.layers = options.layers;
  shape.heads = options.heads;
  shape.hidden = options.hidden;
  return shape;
}

}  // namespace

std::unique_ptr<Model> fit_sequence(const Node& node, const Dataset& train, const Dataset& tuning,
                                    const FitContext& context) {
  SequenceOptions options;
  read_value(node, options);
  check(options, train.layout);
  Preparation preparation;
  preparation.fit(train.x, train.layout, options.prepare);
  const NetworkTasks tasks(options, train);
  NetworkProblem problem;
  problem.options = options;
  const NetworkShape shape = problem.shape = shape_of(options, preparation);
  problem.tasks = tasks.tasks;
  problem.train = {preparation.apply(train.x), tasks.answers(train)};
  problem.tuning = {preparation.apply(tuning.x), tasks.answers(tuning)};
  const auto forward = [&](const std::vector<Layer>& layers, const Matrix& x) {
    return SequenceNetwork(shape, layers).forward(x);
  };
  const NetworkResult result = train_network(std::move(problem), context, forward);
  const auto of_task = [&](std::size_t task) {
    auto one = std::make_unique<SequenceModel>();
    one->name = options.kind;
    one->preparation = preparation;
    one->scale = tasks.scales[task];
    one->layers = layers_of_task(result.layers, tasks.tasks, task);
    one->network = SequenceNetwork(shape, one->layers);
    one->epochs = result.best_epoch;
    return one;
  };
  auto own = of_task(0);
  for (std::size_t t = 1; t < tasks.tasks.size(); ++t) own->also.push_back(of_task(t));
  return own;
}

std::unique_ptr<Model> load_sequence(const std::string& saved) {
  const Json json = Json::parse(saved);
  auto model = std::make_unique<SequenceModel>();
  model->name = json.at("kind");
  model->epochs = json.at("epochs");
  model->scale = AnswerScale::load(json.dump());
  Preparation& preparation = model->preparation;
  const Json& layout = json.at("layout");
  preparation.layout = {layout.at(0), layout.at(1), layout.at(2)};
  preparation.facts = Normaliser::load(json.at("facts").dump());
  preparation.steps = Normaliser::load(json.at("steps").dump());
  SequenceOptions options;
  options.kind = model->name;
  options.units = json.at("units");
  options.layers = json.at("layers_of_units");
  options.heads = json.at("heads");
  model->layers = load_layers(json.at("layers").dump());
  model->network = SequenceNetwork(shape_of(options, preparation), model->layers);
  return model;
}

}  // namespace cangong
