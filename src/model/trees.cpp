#include "model/trees.h"

#include <xgboost/c_api.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/progress.h"
#include "model/boosted_rows.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

void check(int status) {
  if (status != 0) fail(Fault::model, std::string("XGBoost: ") + XGBGetLastError());
}

// XGBoost's own matrix of features and labels.
class Data {
 public:
  explicit Data(const Matrix& x) {
    check(XGDMatrixCreateFromMat(x.values.data(), x.rows, x.columns, std::nanf(""), &handle_));
  }
  Data(const Dataset& data) : Data(data.x) {
    std::vector<float> labels;
    for (std::size_t i = 0; i < data.rows(); ++i) {
      const bool censored = data.y.answer == Answer::survival && data.y.events[i] < 0.5;
      // survival:cox takes a negative time for a censored row, and no time of exactly 0.
      const double value =
          data.y.answer == Answer::survival ? std::max(data.y.values[i], 1e-9) : data.y.values[i];
      labels.push_back(static_cast<float>(censored ? -value : value));
    }
    check(XGDMatrixSetFloatInfo(handle_, "label", labels.data(), labels.size()));
  }
  ~Data() { XGDMatrixFree(handle_); }
  Data(const Data&) = delete;
  Data& operator=(const Data&) = delete;
  DMatrixHandle handle() const { return handle_; }

 private:
  DMatrixHandle handle_ = nullptr;
};

class Booster {
 public:
  explicit Booster(const std::vector<DMatrixHandle>& data) {
    check(XGBoosterCreate(data.data(), data.size(), &handle_));
  }
  ~Booster() { XGBoosterFree(handle_); }
  Booster(const Booster&) = delete;
  Booster& operator=(const Booster&) = delete;
  BoosterHandle handle() const { return handle_; }

  void set(const char* name, const std::string& value) {
    check(XGBoosterSetParam(handle_, name, value.c_str()));
  }

  // The metric on the last of the data sets, after round `round`.
  double evaluate(int round, DMatrixHandle data) {
    const char* names[] = {"tuning"};
    const char* text = nullptr;
    check(XGBoosterEvalOneIter(handle_, round, &data, names, 1, &text));
    const char* colon = std::strrchr(text, ':');
    return colon ? std::atof(colon + 1) : std::nan("");
  }

  std::string bytes() const {
    bst_ulong length = 0;
    const char* data = nullptr;
    check(XGBoosterSaveModelToBuffer(handle_, R"({"format": "json"})", &length, &data));
    return {data, length};
  }

 private:
  BoosterHandle handle_ = nullptr;
};

std::string objective_of(const Targets& y) {
  switch (y.answer) {
    case Answer::boolean:
      return "binary:logistic";
    case Answer::category:
      return "multi:softprob";
    case Answer::survival:
      return "survival:cox";
    case Answer::real:
      break;
  }
  return "reg:squarederror";
}

class TreeModel : public Model {
 public:
  TreeModel(std::string bytes, std::size_t outputs, std::size_t rounds)
      : booster_({}),
        bytes_(std::move(bytes)),
        outputs_(outputs),
        rounds_(rounds),
        rows_(bytes_, outputs, rounds) {
    check(XGBoosterLoadModelFromBuffer(booster_.handle(), bytes_.data(), bytes_.size()));
    booster_.set("nthread", "1");
  }
  std::string kind() const override { return "trees"; }
  std::size_t outputs() const override { return outputs_; }

  RealMatrix margins(const Matrix& x) const override {
    RealMatrix out(x.rows, outputs_);
    if (x.rows == 0) return out;
    if (x.rows == 1 && x.columns >= rows_.columns()) {
      rows_.margins(x.row(0), out.row(0));
      return out;
    }
    const auto values = predict(x, 1);
    std::copy(values.begin(), values.end(), out.values.begin());
    return out;
  }

  std::optional<RealMatrix> contributions(const Matrix& x, std::size_t output) const override {
    RealMatrix parts(x.rows, x.columns + 1);
    if (x.rows == 0) return parts;
    if (x.rows == 1 && x.columns >= rows_.columns() &&
        rows_.contributions(x.row(0), output, outputs_, parts.row(0)))
      return parts;
    const auto values = predict(x, 2);
    const std::size_t width = x.columns + 1;
    for (std::size_t i = 0; i < x.rows; ++i)
      for (std::size_t j = 0; j < width; ++j)
        parts.at(i, j) = values[(i * outputs_ + output) * width + j];
    return parts;
  }

  OnnxGraph::Tensor add_to(OnnxGraph& graph) const override {
    return rows_.add_to(graph, outputs_);
  }
  std::string save() const override {
    return Json{{"format", 1},
                {"kind", "trees"},
                {"outputs", outputs_},
                {"rounds", rounds_},
                {"booster", Json::parse(bytes_)}}
               .dump() +
           "\n";
  }

 private:
  // Kinds of XGBoosterPredictFromDMatrix: 1 margin, 2 contributions (TreeSHAP, Lundberg 2020).
  std::span<const float> predict(const Matrix& x, int kind) const {
    const Data data(x);
    const Json config{{"type", kind},
                      {"training", false},
                      {"iteration_begin", 0},
                      {"iteration_end", rounds_},
                      {"strict_shape", true}};
    const bst_ulong* shape = nullptr;
    bst_ulong dimensions = 0;
    const float* values = nullptr;
    check(XGBoosterPredictFromDMatrix(booster_.handle(), data.handle(), config.dump().c_str(),
                                      &shape, &dimensions, &values));
    std::size_t count = 1;
    for (bst_ulong d = 0; d < dimensions; ++d) count *= shape[d];
    return {values, count};
  }

  mutable Booster booster_;
  std::string bytes_;
  std::size_t outputs_, rounds_;
  BoostedRows rows_;
};

void configure(Booster& booster, const TreeOptions& options, const Dataset& train,
               const FitContext& context) {
  booster.set("objective", objective_of(train.y));
  booster.set("eta", format_number(options.learning_rate));
  booster.set("max_depth", std::to_string(options.depth));
  booster.set("min_child_weight", format_number(options.min_child_weight));
  booster.set("subsample", format_number(options.row_share));
  booster.set("colsample_bytree", format_number(options.column_share));
  booster.set("lambda", format_number(options.l2));
  booster.set("alpha", format_number(options.l1));
  booster.set("tree_method", "hist");
  booster.set("max_bin", "256");
  booster.set("seed", std::to_string(context.seed));
  booster.set("nthread", std::to_string(context.threads));
  booster.set("verbosity", "0");
  if (train.y.answer == Answer::category)
    booster.set("num_class", std::to_string(train.y.classes.size()));
  if (train.y.answer == Answer::real) {
    double sum = 0;
    for (const double v : train.y.values) sum += v;
    booster.set("base_score", format_number(sum / static_cast<double>(train.rows())));
  }
  if (train.y.answer == Answer::boolean) {
    booster.set("eval_metric", "logloss");
    double events = 0;
    for (const double v : train.y.values) events += v;
    const double share = events / static_cast<double>(train.rows());
    booster.set("base_score", format_number(std::min(std::max(share, 1e-6), 1 - 1e-6)));
  }
}

}  // namespace

std::unique_ptr<Model> fit_trees(const Node& node, const Dataset& train, const Dataset& tuning,
                                 const FitContext& context) {
  TreeOptions options;
  read_value(node, options);
  const auto share = [](double v) { return v > 0 && v <= 1; };
  if (options.rounds < 1 || options.depth < 1 || options.depth > 30 || options.learning_rate <= 0 ||
      !share(options.row_share) || !share(options.column_share) || options.l1 < 0 || options.l2 < 0)
    fail(Fault::config,
         "model trees: rounds and depth (30 at most) are at least 1, learning_rate "
         "is above 0, shares are above 0 and 1 at most, penalties not negative");
  const Data own(train);
  std::unique_ptr<Data> judge;
  std::vector<DMatrixHandle> handles{own.handle()};
  if (tuning.rows() > 0) {
    judge = std::make_unique<Data>(tuning);
    handles.push_back(judge->handle());
  }
  Booster booster(handles);
  configure(booster, options, train, context);
  double best = std::numeric_limits<double>::infinity();
  std::size_t best_rounds = 0;
  const std::size_t most = judge ? options.rounds : std::min<std::size_t>(options.rounds, 100);
  Progress progress("growing trees", most);
  for (std::size_t round = 0; round < most; ++round) {
    stop_if_interrupted();
    progress.step();
    check(XGBoosterUpdateOneIter(booster.handle(), static_cast<int>(round), own.handle()));
    if (!judge) {
      best_rounds = round + 1;
      continue;
    }
    const double loss = booster.evaluate(static_cast<int>(round), judge->handle());
    measured("loss of tuning patients", static_cast<double>(round + 1), loss);
    if (loss < best) best = loss, best_rounds = round + 1;
    if (round + 1 >= best_rounds + options.patience) break;
  }
  best_rounds = std::max<std::size_t>(best_rounds, 1);
  context.say("trees: " + std::to_string(best_rounds) + " rounds");
  return std::make_unique<TreeModel>(booster.bytes(), train.y.outputs(), best_rounds);
}

std::unique_ptr<Model> load_trees(const std::string& saved) {
  const Json json = Json::parse(saved);
  return std::make_unique<TreeModel>(json.at("booster").dump(), json.at("outputs"),
                                     json.at("rounds"));
}

}  // namespace cangong
