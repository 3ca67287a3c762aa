#include "model/forest.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/parallel.h"
#include "base/progress.h"
#include "base/random.h"
#include "model/interval_ends.h"
#include "model/onnx_trees.h"
#include "model/tree.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

// A step of a leaf's cumulative hazard.
struct Step {
  std::uint32_t interval = 0;
  float hazard = 0;
};

// A tree with what its leaves hold: a value, or (survival) steps.
struct Grown {
  Tree tree;
  std::vector<float> values;           // by leaf
  std::vector<std::uint32_t> offsets;  // steps of leaf k: [offsets[k], offsets[k + 1])
  std::vector<Step> steps;
};

class ForestModel : public Model {
 public:
  Answer answer = Answer::real;
  std::vector<double> ends;  // survival
  std::vector<Grown> trees;

  std::string kind() const override { return "forest"; }
  std::size_t outputs() const override { return ends.empty() ? 1 : ends.size(); }
  std::vector<double> interval_ends() const override { return ends; }
  std::optional<RealMatrix> contributions(const Matrix&, std::size_t) const override {
    return std::nullopt;
  }

  RealMatrix margins(const Matrix& x) const override {
    RealMatrix out(x.rows, outputs());
    for (std::size_t i = 0; i < x.rows; ++i)
      ends.empty() ? tell_value(x.row(i), out.row(i)) : tell_hazard(x.row(i), out.row(i));
    return out;
  }

  OnnxGraph::Tensor add_to(OnnxGraph& graph) const override;
  std::string save() const override;
  void load(const Json& json);

 private:
  void tell_value(std::span<const float> row, std::span<double> out) const {
    double sum = 0;
    for (const Grown& grown : trees) sum += grown.values[grown.tree.leaf_of(row)];
    const double mean = sum / static_cast<double>(trees.size());
    const double p = std::clamp(mean, 1e-4, 1 - 1e-4);
    out[0] = answer == Answer::boolean ? std::log(p / (1 - p)) : mean;
  }

  // The mean hazard of each interval, as the log-odds of not passing it.
  void tell_hazard(std::span<const float> row, std::span<double> out) const {
    for (const Grown& grown : trees) {
      const std::size_t leaf = grown.tree.leaf_of(row);
      for (std::uint32_t s = grown.offsets[leaf]; s < grown.offsets[leaf + 1]; ++s)
        out[grown.steps[s].interval] += grown.steps[s].hazard;
    }
    for (double& hazard : out) {
      hazard = std::max(hazard / static_cast<double>(trees.size()), 1e-9);
      hazard = std::log(std::expm1(hazard));
    }
  }
};

OnnxGraph::Tensor ForestModel::add_to(OnnxGraph& graph) const {
  OnnxTrees all(OnnxTrees::Rule::at_most);
  for (const Grown& grown : trees) {
    all.begin_tree();
    for (std::size_t k = 0; k < grown.tree.nodes.size(); ++k) {
      const TreeNode& node = grown.tree.nodes[k];
      const auto number = static_cast<std::int64_t>(k);
      if (node.column != TreeNode::kLeaf) {
        all.branch(number, node.column, node.cut, node.next, node.next + 1, node.missing_left);
        continue;
      }
      all.leaf(number);
      const auto leaf = static_cast<std::size_t>(node.next);
      if (ends.empty()) all.add(number, 0, grown.values[leaf]);
      for (std::uint32_t s = ends.empty() ? 0 : grown.offsets[leaf];
           s < (ends.empty() ? 0 : grown.offsets[leaf + 1]); ++s)
        all.add(number, grown.steps[s].interval, grown.steps[s].hazard);
    }
  }
  const auto sums = graph.cast(all.add_to(graph, outputs(), 0), OnnxGraph::Type::real64);
  const auto mean = graph.add("Div", {sums, graph.constant(static_cast<double>(trees.size()))});
  const auto log_of = [&](const OnnxGraph::Tensor& x) { return graph.add("Log", {x}); };
  if (!ends.empty()) {
    const auto hazard = graph.add("Max", {mean, graph.constant(1e-9)});
    return log_of(graph.add("Sub", {graph.add("Exp", {hazard}), graph.constant(1.0)}));
  }
  if (answer != Answer::boolean) return mean;
  const auto p = graph.add("Clip", {mean, graph.constant(1e-4), graph.constant(1 - 1e-4)});
  return log_of(graph.add("Div", {p, graph.add("Sub", {graph.constant(1.0), p})}));
}

std::string ForestModel::save() const {
  Json list = Json::array();
  for (const Grown& grown : trees) {
    std::vector<std::int32_t> columns, next;
    std::vector<float> cuts, hazards;
    std::vector<int> missing_left;
    for (const TreeNode& node : grown.tree.nodes) {
      columns.push_back(node.column), next.push_back(node.next), cuts.push_back(node.cut);
      missing_left.push_back(node.missing_left ? 1 : 0);
    }
    std::vector<std::uint32_t> intervals;
    for (const Step& step : grown.steps)
      intervals.push_back(step.interval), hazards.push_back(step.hazard);
    list.push_back({{"column", columns},
                    {"cut", cuts},
                    {"next", next},
                    {"missing_left", missing_left},
                    {"value", grown.values},
                    {"offset", grown.offsets},
                    {"interval", intervals},
                    {"hazard", hazards}});
  }
  return Json{{"format", 1},
              {"kind", "forest"},
              {"answer", name_of(answer)},
              {"interval_ends", ends},
              {"trees", list}}
             .dump() +
         "\n";
}

void ForestModel::load(const Json& json) {
  for (const Answer a : {Answer::boolean, Answer::real, Answer::survival})
    if (json.at("answer") == name_of(a)) answer = a;
  ends = json.at("interval_ends").get<std::vector<double>>();
  for (const Json& item : json.at("trees")) {
    Grown& grown = trees.emplace_back();
    const auto columns = item.at("column").get<std::vector<std::int32_t>>();
    for (std::size_t k = 0; k < columns.size(); ++k)
      grown.tree.nodes.push_back({columns[k], item.at("cut")[k], item.at("next")[k],
                                  item.at("missing_left")[k].get<int>() != 0});
    grown.values = item.at("value").get<std::vector<float>>();
    grown.offsets = item.at("offset").get<std::vector<std::uint32_t>>();
    const Json& intervals = item.at("interval");
    for (std::size_t k = 0; k < intervals.size(); ++k)
      grown.steps.push_back({intervals[k], item.at("hazard")[k]});
  }
}

// Weighted running sums over rows that lie in the order of their times. use(time, at risk, events)
// once per distinct time; then each row of that time is told with row(index).
template <class Use, class Row>
void each_time(std::span<const std::uint32_t> rows, const Targets& y,
               std::span<const std::uint8_t> weights, const Use& use, const Row& row) {
  double at_risk = 0;
  for (const std::uint32_t r : rows) at_risk += weights[r];
  for (std::size_t i = 0; i < rows.size();) {
    std::size_t j = i;
    double events = 0, leaving = 0;
    for (; j < rows.size() && y.values[rows[j]] == y.values[rows[i]]; ++j) {
      leaving += weights[rows[j]];
      events += weights[rows[j]] * y.events[rows[j]];
    }
    use(y.values[rows[i]], at_risk, events);
    for (; i < j; ++i) row(i);
    at_risk -= leaving;
  }
}

// Grows one tree of the kind that the answer wants.
class TreeFit {
 public:
  TreeFit(const Binned& table, const Targets& y, std::span<const double> ends,
          const GrowOptions& options)
      : table_(table), y_(y), ends_(ends), options_(options) {}

  Grown fit(std::span<const std::uint32_t> order, std::uint64_t seed) {
    Random random(seed);
    weights_.assign(order.size(), 0);
    for (std::size_t k = 0; k < order.size(); ++k) {
      std::uint8_t& weight = weights_[random.below(static_cast<std::uint32_t>(order.size()))];
      weight += weight < 255;
    }
    std::vector<std::uint32_t> drawn;
    for (const std::uint32_t row : order)
      if (weights_[row] > 0) drawn.push_back(row);
    const bool survival = y_.answer == Answer::survival;
    GrowTarget target;
    target.score = [&](auto rows, auto scores) {
      survival ? log_rank_scores(rows, scores) : deviations(rows, scores);
    };
    target.leaf = [&](auto rows) { survival ? add_hazard(rows) : add_mean(rows); };
    if (survival) grown_.offsets.push_back(0);
    grown_.tree = grow(table_, std::move(drawn), weights_, target, options_, random);
    return std::move(grown_);
  }

 private:
  // Events minus the hazard until then: what a row adds to the numerator of the log-rank statistic.
  void log_rank_scores(std::span<const std::uint32_t> rows, std::span<double> scores) const {
    double hazard = 0;
    each_time(
        rows, y_, weights_,
        [&](double, double at_risk, double events) { hazard += events / at_risk; },
        [&](std::size_t i) { scores[i] = weights_[rows[i]] * (y_.events[rows[i]] - hazard); });
  }

  double mean_of(std::span<const std::uint32_t> rows) const {
    double sum = 0, weight = 0;
    for (const std::uint32_t r : rows) sum += weights_[r] * y_.values[r], weight += weights_[r];
    return sum / weight;
  }

  void deviations(std::span<const std::uint32_t> rows, std::span<double> scores) const {
    const double mean = mean_of(rows);
    for (std::size_t i = 0; i < rows.size(); ++i)
      scores[i] = weights_[rows[i]] * (y_.values[rows[i]] - mean);
  }

  void add_mean(std::span<const std::uint32_t> rows) {
    grown_.values.push_back(static_cast<float>(mean_of(rows)));
  }

  // Nelson-Aalen, summed up by interval.
  void add_hazard(std::span<const std::uint32_t> rows) {
    const std::size_t first = grown_.steps.size();
    const auto add = [&](double time, double at_risk, double events) {
      if (events == 0) return;
      const auto k = static_cast<std::uint32_t>(std::lower_bound(ends_.begin(), ends_.end(), time) -
                                                ends_.begin());
      const auto hazard = static_cast<float>(events / at_risk);
      if (grown_.steps.size() > first && grown_.steps.back().interval == k)
        grown_.steps.back().hazard += hazard;
      else
        grown_.steps.push_back({k, hazard});
    };
    each_time(rows, y_, weights_, add, [](std::size_t) {});
    grown_.offsets.push_back(static_cast<std::uint32_t>(grown_.steps.size()));
  }

  const Binned& table_;
  const Targets& y_;
  std::span<const double> ends_;
  const GrowOptions& options_;
  std::vector<std::uint8_t> weights_;
  Grown grown_;
};

void check_options(const ForestOptions& o, Answer answer) {
  if (answer == Answer::category)
    fail(Fault::config, "model forest: answers of several classes are for kind: trees");
  if (o.trees < 1 || o.trees > 10000 || o.min_leaf < 1 || o.intervals < 2 || o.intervals > 1000)
    fail(Fault::config,
         "model forest: trees is 1 to 10000, min_leaf at least 1, intervals 2 to 1000");
}

}  // namespace

std::unique_ptr<Model> fit_forest(const ForestOptions& options, const Dataset& train,
                                  const FitContext& context) {
  check_options(options, train.y.answer);
  auto model = std::make_unique<ForestModel>();
  model->answer = train.y.answer;
  if (train.y.answer == Answer::survival) model->ends = interval_ends(train.y, options.intervals);
  const Binned table(train.x);
  std::vector<std::uint32_t> order(train.rows());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint32_t>(i);
  if (train.y.answer == Answer::survival)
    std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      return train.y.values[a] < train.y.values[b];
    });
  GrowOptions grow{options.min_leaf, options.depth, options.columns};
  if (grow.columns == 0)
    grow.columns = static_cast<std::size_t>(
        std::ceil(std::sqrt(static_cast<double>(std::max<std::size_t>(train.x.columns, 1)))));
  model->trees.resize(options.trees);
  Progress progress("growing trees", options.trees);
  std::mutex guard;
  parallel_for(options.trees, context.threads, [&](std::size_t t) {
    stop_if_interrupted();
    const std::uint64_t seed = context.seed * 0x9e3779b97f4a7c15u + t;
    model->trees[t] = TreeFit(table, train.y, model->ends, grow).fit(order, seed);
    const std::lock_guard lock(guard);
    progress.step();
  });
  return model;
}

std::unique_ptr<Model> fit_forest(const Node& node, const Dataset& train, const Dataset&,
                                  const FitContext& context) {
  ForestOptions options;
  read_value(node, options);
  return fit_forest(options, train, context);
}

std::unique_ptr<Model> load_forest(const std::string& saved) {
  auto model = std::make_unique<ForestModel>();
  model->load(Json::parse(saved));
  return model;
}

}  // namespace cangong
