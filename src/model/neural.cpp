#include "model/neural.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/progress.h"
#include "base/text.h"
#include "model/interval_ends.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

std::vector<float> balanced_weights(const Targets& y) {
  const std::size_t classes = y.answer == Answer::category ? y.classes.size() : 2;
  std::vector<float> counts(classes), weights;
  for (const double v : y.values)
    if (!std::isnan(v)) counts[static_cast<std::size_t>(v)] += 1;
  float known = 0;
  for (const float count : counts) known += count;
  for (const float count : counts)
    weights.push_back(known / (static_cast<float>(classes) * std::max(count, 1.0f)));
  return weights;
}

}  // namespace

std::vector<double> numbers_of(const std::vector<std::string>& task_weights) {
  std::vector<double> numbers;
  for (const std::string& text : task_weights)
    if (const auto number = parse_number(text)) numbers.push_back(*number);
  return numbers;
}

void check_options(const TrainingOptions& o, const std::string& kind) {
  const auto require = [&](bool holds, const char* rule) {
    if (!holds) fail(Fault::config, "model " + kind + ": " + rule);
  };
  require(o.batch_size >= 1 && o.epochs >= 1, "batch_size and epochs are at least 1");
  require(o.learning_rate > 0 && o.learning_rate <= 10, "learning_rate is above 0, 10 at most");
  require(o.dropout >= 0 && o.dropout < 1, "dropout is at least 0 and below 1");
  require(o.weight_decay >= 0 && o.weight_decay <= 100, "weight_decay is 0 to 100");
  require(o.class_weight == "none" || o.class_weight == "balanced",
          "class_weight is none or balanced");
  const auto& weights = o.task_weights;
  const bool word = weights.size() == 1 && (weights[0] == "equal" || weights[0] == "learned");
  const auto numbers = numbers_of(weights);
  require(word || (numbers.size() == weights.size() && numbers.size() > 1 &&
                   *std::min_element(numbers.begin(), numbers.end()) > 0),
          "task_weights is equal, learned, or a number above 0 for each task, such as [3, 1]");
  require(o.prune >= 0 && o.prune < 1, "prune is at least 0 and below 1");
  precision_named(o.weights);
  require(o.intervals >= 2 && o.intervals <= 1000, "intervals is 2 to 1000");
}

Loss loss_of(const TrainingOptions& options, Answer answer) {
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

AnswerScale AnswerScale::fit(const Targets& y, Loss loss, std::size_t intervals) {
  AnswerScale scale;
  if (loss == Loss::discrete_time) scale.ends = interval_ends(y, intervals);
  if (y.answer != Answer::real) return scale;
  double sum = 0, squares = 0, n = 0;
  for (const double v : y.values)
    if (!std::isnan(v)) sum += v, ++n;
  scale.mean = sum / n;
  for (const double v : y.values)
    if (!std::isnan(v)) squares += (v - scale.mean) * (v - scale.mean);
  if (squares > 0) scale.scale = std::sqrt(squares / n);
  return scale;
}

NetworkAnswers AnswerScale::answers(const Targets& y) const {
  NetworkAnswers out;
  for (double value : y.values) {
    if (y.answer == Answer::real) value = (value - mean) / scale;
    if (!ends.empty() && !std::isnan(value)) {
      const auto k = static_cast<std::size_t>(std::lower_bound(ends.begin(), ends.end(), value) -
                                              ends.begin());
      const double start = k ? ends[k - 1] : 0;
      const bool inside = k < ends.size();
      out.exposure.push_back(inside ? static_cast<float>((value - start) / (ends[k] - start))
                                    : 0.0f);
      value = static_cast<double>(k);
    } else if (!ends.empty()) {
      out.exposure.push_back(0);
    }
    out.y.push_back(static_cast<float>(value));
  }
  for (const double event : y.events) out.events.push_back(static_cast<float>(event));
  return out;
}

RealMatrix AnswerScale::margins(RealMatrix outputs) const {
  for (double& v : outputs.values) v = mean + scale * v;
  return outputs;
}

OnnxGraph::Tensor AnswerScale::add_to(OnnxGraph& graph, const OnnxGraph::Tensor& outputs) const {
  const auto scaled =
      graph.add("Mul", {graph.cast(outputs, OnnxGraph::Type::real64), graph.constant(scale)});
  return graph.add("Add", {scaled, graph.constant(mean)});
}

std::string AnswerScale::save() const {
  return Json{{"interval_ends", ends}, {"mean", mean}, {"scale", scale}}.dump();
}

AnswerScale AnswerScale::load(const std::string& saved) {
  const Json json = Json::parse(saved);
  return {json.at("interval_ends").get<std::vector<double>>(), json.at("mean"), json.at("scale")};
}

namespace {

NetworkTask task_of(const TrainingOptions& options, const Targets& y, const AnswerScale& scale) {
  NetworkTask task;
  task.loss = loss_of(options, y.answer);
  task.outputs = scale.ends.empty() ? y.outputs() : scale.ends.size();
  if (options.class_weight == "balanced" &&
      (task.loss == Loss::bce || task.loss == Loss::cross_entropy))
    task.class_weights = balanced_weights(y);
  return task;
}

}  // namespace

NetworkTasks::NetworkTasks(const TrainingOptions& options, const Dataset& train) {
  TrainingOptions usual = options;
  usual.loss = "auto";
  const auto add = [&](const TrainingOptions& own, const Targets& y) {
    scales.push_back(AnswerScale::fit(y, loss_of(own, y.answer), own.intervals));
    tasks.push_back(task_of(own, y, scales.back()));
  };
  add(options, train.y);
  for (const FurtherTargets& further : train.also) add(usual, further.y);
  const auto numbers = numbers_of(options.task_weights);
  if (numbers.empty() || train.also.empty()) return;
  if (numbers.size() != tasks.size())
    fail(Fault::config, "task_weights: " + std::to_string(numbers.size()) + " numbers for " +
                            std::to_string(tasks.size()) +
                            " tasks; give one for the recipe's own task and one for each of also");
  for (std::size_t t = 0; t < tasks.size(); ++t) tasks[t].weight = numbers[t];
}

std::vector<NetworkAnswers> NetworkTasks::answers(const Dataset& data) const {
  std::vector<NetworkAnswers> all{scales[0].answers(data.y)};
  for (std::size_t t = 1; t < scales.size(); ++t)  // fewer where others are learnt alone
    all.push_back(scales[t].answers(data.also[t - 1].y));
  return all;
}

std::vector<Layer> layers_of_task(const std::vector<Layer>& layers,
                                  const std::vector<NetworkTask>& tasks, std::size_t task) {
  std::size_t first = 0;
  for (std::size_t t = 0; t < task; ++t) first += tasks[t].outputs;
  std::vector<Layer> own = layers;
  Layer& last = own.back();
  last.out = tasks[task].outputs;
  const auto cut = [&](std::vector<float>& numbers, std::size_t width) {
    const auto from = numbers.begin() + static_cast<std::ptrdiff_t>(first * width);
    numbers = {from, from + static_cast<std::ptrdiff_t>(last.out * width)};
  };
  cut(last.weights, last.in);
  cut(last.bias, 1);
  if (!last.scales.empty()) cut(last.scales, 1);
  return own;
}

namespace {

void compare_to_probe(const NetworkResult& result, const Matrix& x, const PlainForward& forward) {
  Matrix first(result.probe.rows, x.columns);
  std::copy_n(x.values.begin(), first.values.size(), first.values.begin());
  const RealMatrix plain = forward(result.layers, first);
  for (std::size_t v = 0; v < plain.values.size(); ++v) {
    const double trained = result.probe.values[v];
    if (!(std::abs(plain.values[v] - trained) <= 1e-3 * (1 + std::abs(trained))))
      fail(Fault::model, "the network that answers differs from the one that was trained");
  }
}

// Says by how much the outputs for patients that did not train differ from those before.
void shrink_and_compare(NetworkResult& result, const NetworkProblem& problem,
                        const FitContext& context, const PlainForward& forward) {
  const TrainingOptions& options = problem.options;
  const ShrinkOptions how{precision_named(options.weights), options.prune};
  if (how.precision == Precision::float32 && how.prune <= 0) return;
  const Matrix& x = problem.tuning.x.rows > 0 ? problem.tuning.x : problem.train.x;
  const RealMatrix before = forward(result.layers, x);
  shrink(result.layers, how);
  const RealMatrix after = forward(result.layers, x);
  double sum = 0, largest = 0;
  for (std::size_t v = 0; v < before.values.size(); ++v) {
    const double change = std::abs(after.values[v] - before.values[v]);
    sum += change, largest = std::max(largest, change);
  }
  context.say("network: weights in " + options.weights + ", " + format_fixed(100 * how.prune, 0) +
              " % of them 0: outputs change by " +
              format_short(sum / static_cast<double>(before.values.size()), 3) + " on average, " +
              format_short(largest, 3) + " at most");
}

}  // namespace

NetworkResult train_network(NetworkProblem problem, const FitContext& context,
                            const PlainForward& forward) {
  problem.seed = context.seed;
  problem.threads = static_cast<int>(context.threads);
  if (!context.checkpoint.empty()) problem.checkpoint = context.checkpoint.string();
  Progress progress("training the network", problem.options.epochs);
  NetworkResult result;
  std::size_t told = 0;  // epochs
  problem.stop = [&] {
    progress.at(result.train_loss.size());
    for (; told < result.train_loss.size(); ++told) {  // what a run before may not have told, too
      const auto epoch = static_cast<double>(told + 1);
      measured("loss of training patients", epoch, result.train_loss[told]);
      measured("loss of tuning patients", epoch, result.tuning_loss[told]);
    }
    return interrupted();
  };
  network_trainer()(problem, result);
  stop_if_interrupted();
  for (const Layer& layer : result.layers)
    for (const auto* numbers : {&layer.weights, &layer.bias})
      for (const float w : *numbers)
        if (!std::isfinite(w))
          fail(Fault::model,
               "the network's training diverged; lower learning_rate or weight_decay");
  compare_to_probe(result, problem.train.x, forward);
  context.say("network: best epoch " + std::to_string(result.best_epoch));
  shrink_and_compare(result, problem, context, forward);
  return result;
}

}  // namespace cangong
