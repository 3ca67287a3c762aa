#include "model/aft.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "model/elastic_net.h"
#include "model/interval_ends.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::pair<const char*, TimeShape> kShapes[] = {{"weibull", TimeShape::weibull},
                                                         {"lognormal", TimeShape::lognormal},
                                                         {"loglogistic", TimeShape::loglogistic}};

// What a time of 0 counts as.
double half_of_shortest(const std::vector<double>& days) {
  double shortest = std::numeric_limits<double>::infinity();
  for (const double t : days)
    if (t > 0) shortest = std::min(shortest, t);
  return std::isfinite(shortest) ? shortest / 2 : 1;
}

std::vector<double> logs_of(const std::vector<double>& days, double least) {
  std::vector<double> logs;
  for (const double t : days) logs.push_back(std::log(std::max(t, least)));
  return logs;
}

RealMatrix with_constant(RealMatrix x) {
  for (std::size_t i = 0; i < x.rows; ++i) x.at(i, x.columns - 1) = 1;
  return x;
}

}  // namespace

// Fits one penalty after the other, each from the last one's solution.
class AftFit {
 public:
  AftFit(const AftOptions& options, TimeShape shape, const Dataset& train)
      : options_(options),
        y_(train.y),
        logs_(logs_of(train.y.values, half_of_shortest(train.y.values))) {
    model_.shape = shape;
    model_.least_ = half_of_shortest(train.y.values);
    model_.normaliser_.fit(train.x, options.prepare);
    x_ = with_constant(model_.normaliser_.apply(train.x, 1));
    factors_.assign(x_.columns, 1.0);
    factors_.back() = 0;
    model_.weights_.assign(x_.columns, 0.0);
    model_.ends_ = interval_ends(train.y, options.intervals);
    double mean = 0, squares = 0;
    for (const double v : logs_) mean += v / static_cast<double>(logs_.size());
    for (const double v : logs_) squares += (v - mean) * (v - mean);
    model_.weights_.back() = mean;
    model_.scale = std::max(std::sqrt(squares / static_cast<double>(logs_.size())), 1e-3);
    fit(1e6);  // the constant and the scale alone
  }

  // A step of the coefficients and one of the scale in turn, until neither moves; false where they
  // never do.
  bool fit(double lambda) {
    const Penalty penalty{lambda, options_.l1_share, factors_};
    for (int round = 0; round < 200; ++round) {
      AftLikelihood likelihood = likelihood_now();
      const auto before = model_.weights_;
      fit_penalised(x_, likelihood, penalty, model_.weights_, {1, 1e-9});
      double change = std::abs(likelihood.step_scale(linear_predictor(x_, model_.weights_)));
      for (std::size_t j = 0; j < before.size(); ++j)
        change = std::max(change, std::abs(before[j] - model_.weights_[j]));
      model_.scale = likelihood.scale();
      if (!(model_.scale > 1e-6 && model_.scale < 1e6)) return false;
      if (change < 1e-7) return true;
    }
    return false;
  }

  std::vector<double> path() const {
    const Penalty penalty{0, options_.l1_share, factors_};
    const double largest = largest_lambda(x_, likelihood_now(), penalty, model_.weights_);
    return lambda_path(std::max(largest, 1e-9), x_.rows > 2 * x_.columns ? 1e-4 : 1e-2,
                       options_.path);
  }

  // Mean negative log-likelihood of other data.
  double loss(const Dataset& data) const {
    const RealMatrix x = with_constant(model_.normaliser_.apply(data.x, 1));
    return AftLikelihood(model_.shape, logs_of(data.y.values, model_.least_), data.y.events,
                         model_.scale)
        .loss(linear_predictor(x, model_.weights_));
  }

  const AftModel& model() const { return model_; }

 private:
  AftLikelihood likelihood_now() const {
    return AftLikelihood(model_.shape, logs_, y_.events, model_.scale);
  }

  const AftOptions& options_;
  const Targets& y_;
  std::vector<double> logs_, factors_;
  RealMatrix x_;
  AftModel model_;
};

std::unique_ptr<AftModel> fit_aft(const AftOptions& options, const Dataset& train,
                                  const Dataset& tuning) {
  if (train.y.answer != Answer::survival)
    fail(Fault::config, "model aft answers with times to an event; the task has none");
  const auto fixed = parse_number(options.penalty);
  if (options.penalty != "auto" && !(fixed && *fixed >= 0))
    fail(Fault::config, "model aft: penalty is auto, or a number from 0");
  if (options.l1_share < 0 || options.l1_share > 1)
    fail(Fault::config, "model aft: l1_share is 0 to 1");
  if (options.path < 1 || options.intervals < 2 || options.intervals > 1000)
    fail(Fault::config, "model aft: path is at least 1, intervals 2 to 1000");
  const bool choose = options.distribution == "auto";
  std::unique_ptr<AftModel> best;
  double least = std::numeric_limits<double>::infinity();
  for (const auto& [name, shape] : kShapes) {
    if (!choose && options.distribution != name) continue;
    AftFit fit(options, shape, train);
    double own = std::numeric_limits<double>::infinity();
    int worse = 0;
    for (const double lambda : fixed ? std::vector{*fixed} : fit.path()) {
      if (!fit.fit(lambda)) break;
      const double loss = fit.loss(tuning.rows() ? tuning : train);
      worse = loss < own ? 0 : worse + 1;
      own = std::min(own, loss);
      if (worse == 3) break;  // weaker penalties only fit the noise
      if (best && loss >= least) continue;
      least = loss;
      best = std::make_unique<AftModel>(fit.model());
    }
  }
  const bool known =
      choose || std::any_of(std::begin(kShapes), std::end(kShapes),
                            [&](const auto& s) { return options.distribution == s.first; });
  if (!best && known)
    fail(Fault::model, "model aft: training did not settle; set a higher penalty");
  if (!best)
    fail(Fault::config, "unknown distribution \"" + options.distribution +
                            "\" (auto, weibull, lognormal, loglogistic)");
  return best;
}

std::unique_ptr<Model> fit_aft(const Node& node, const Dataset& train, const Dataset& tuning,
                               const FitContext& context) {
  AftOptions options;
  read_value(node, options);
  auto model = fit_aft(options, train, tuning);
  context.say(std::string("aft: ") + kShapes[static_cast<int>(model->shape)].first + ", scale " +
              format_fixed(model->scale, 3));
  return model;
}

RealMatrix AftModel::margins(const Matrix& x) const {
  const RealMatrix z = with_constant(normaliser_.apply(x, 1));
  const std::vector<double> eta = linear_predictor(z, weights_);
  RealMatrix out(x.rows, ends_.size());
  for (std::size_t i = 0; i < x.rows; ++i) {
    double before = 0;
    for (std::size_t k = 0; k < ends_.size(); ++k) {
      const double at =
          cumulative_hazard(shape, (std::log(std::max(ends_[k], least_)) - eta[i]) / scale);
      out.at(i, k) = std::log(std::expm1(std::clamp(at - before, 1e-12, 500.0)));
      before = at;
    }
  }
  return out;
}

std::vector<double> AftModel::raw_coefficients() const {
  std::vector<double> raw(normaliser_.inputs() + 1);
  raw.back() = weights_.back();
  for (std::size_t j = 0; j < normaliser_.inputs(); ++j) {
    raw[j] = weights_[j] / normaliser_.scale(j);
    raw.back() -= raw[j] * normaliser_.mean(j);
  }
  return raw;
}

std::string AftModel::save() const {
  return Json{{"format", 1},
              {"kind", "aft"},
              {"distribution", kShapes[static_cast<int>(shape)].first},
              {"scale", scale},
              {"least", least_},
              {"interval_ends", ends_},
              {"weights", weights_},
              {"normaliser", Json::parse(normaliser_.save())}}
             .dump() +
         "\n";
}

std::unique_ptr<Model> AftModel::load(const std::string& saved) {
  const Json json = Json::parse(saved);
  auto model = std::make_unique<AftModel>();
  for (const auto& [name, shape] : kShapes)
    if (json.at("distribution") == name) model->shape = shape;
  model->scale = json.at("scale");
  model->least_ = json.at("least");
  model->ends_ = json.at("interval_ends").get<std::vector<double>>();
  model->weights_ = json.at("weights").get<std::vector<double>>();
  model->normaliser_ = Normaliser::load(json.at("normaliser").dump());
  return model;
}

}  // namespace cangong
