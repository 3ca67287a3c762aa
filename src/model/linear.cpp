#include "model/linear.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "model/elastic_net.h"

namespace cangong {

using Json = nlohmann::ordered_json;

void read_value(const Node& node, Ties& ties) {
  read_choice<Ties>(node, ties, {{"efron", Ties::efron}, {"breslow", Ties::breslow}});
}

namespace {

std::vector<double> of_class(const Targets& y, std::size_t index) {
  std::vector<double> values;
  for (const double v : y.values) values.push_back(v == static_cast<double>(index) ? 1 : 0);
  return values;
}

}  // namespace

// Fits one penalty after the other, each from the last one's solution.
class LinearFit {
 public:
  using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;

  LinearFit(const LinearOptions& options, const Dataset& train, const Pairs& products = {})
      : options_(options), y_(train.y), model_(std::make_unique<LinearModel>()) {
    model_->normaliser_.fit(train.x, options.prepare);
    add_products(train.x, products);
    x_ = model_->design(train.x, 1);  // the last column is the intercept's
    factors_.assign(x_.columns, 1.0);
    factors_.back() = 0;
    if (y_.answer != Answer::survival)
      for (std::size_t i = 0; i < x_.rows; ++i) x_.at(i, x_.columns - 1) = 1;
    model_->weights_.assign(y_.outputs(), std::vector<double>(x_.columns));
  }

  void fit(double lambda) {
    model_->lambda_ = lambda;
    const Penalty penalty{lambda, options_.l1_share, factors_};
    if (y_.answer != Answer::category) {
      fit_penalised(x_, *likelihood(), penalty, model_->weights_[0]);
      return;
    }
    // Multinomial: one class after the other, the others held fixed (Friedman et al. 2010, 4).
    for (int round = 0; round < 30; ++round) {
      double change = 0;
      for (std::size_t c = 0; c < y_.outputs(); ++c) {
        const auto before = model_->weights_[c];
        fit_penalised(x_, *logistic_likelihood(of_class(y_, c), rivals(c)), penalty,
                      model_->weights_[c], {2, 1e-8});
        for (std::size_t j = 0; j < before.size(); ++j)
          change = std::max(change, std::abs(before[j] - model_->weights_[c][j]));
      }
      if (change < 1e-6) break;
    }
  }

  std::vector<double> path() const {
    const Penalty penalty{0, options_.l1_share, factors_};
    double largest = 0;
    for (std::size_t c = 0; c < y_.outputs(); ++c) {
      const auto one =
          y_.answer == Answer::category ? logistic_likelihood(of_class(y_, c), {}) : likelihood();
      largest =
          std::max(largest, largest_lambda(x_, *one, penalty, std::vector<double>(x_.columns)));
    }
    const double ratio = x_.rows > 2 * x_.columns ? 1e-4 : 1e-2;
    return lambda_path(std::max(largest, 1e-9), ratio, options_.path);
  }

  // Mean negative log-likelihood of other data under the present coefficients.
  double loss_on(const Dataset& data) const {
    const auto margins = model_->margins(data.x);
    if (data.y.answer == Answer::category) {
      double sum = 0;
      for (std::size_t i = 0; i < data.rows(); ++i) {
        double total = 0;
        for (std::size_t c = 0; c < margins.columns; ++c) total += std::exp(margins.at(i, c));
        sum += std::log(total) - margins.at(i, static_cast<std::size_t>(data.y.values[i]));
      }
      return sum / static_cast<double>(data.rows());
    }
    return likelihood_of(data.y)->loss(margins.values);
  }

  // The products of two input columns that explain most of what `main` leaves, by the score test;
  // among the 30 columns of the largest weights.
  Pairs best_products(const LinearModel& main, std::size_t most) const {
    constexpr std::size_t kConsidered = 30;
    const auto& w = main.weights_[0];
    std::vector<std::size_t> columns(main.normaliser_.inputs());
    std::iota(columns.begin(), columns.end(), std::size_t{0});
    std::stable_sort(columns.begin(), columns.end(),
                     [&](std::size_t a, std::size_t b) { return std::abs(w[a]) > std::abs(w[b]); });
    columns.resize(std::min(columns.size(), kConsidered));
    std::vector<double> left(x_.rows);
    likelihood()->residuals(linear_predictor(x_, w), left);
    std::vector<std::pair<double, std::pair<std::size_t, std::size_t>>> found;
    for (std::size_t i = 0; i < columns.size(); ++i)
      for (std::size_t j = i + 1; j < columns.size(); ++j) {
        const std::pair pair = std::minmax(columns[i], columns[j]);
        double along = 0, squares = 0;
        for (std::size_t r = 0; r < x_.rows; ++r) {
          const double product = x_.at(r, pair.first) * x_.at(r, pair.second);
          along += left[r] * product, squares += product * product;
        }
        if (squares > 0) found.emplace_back(-along * along / squares, pair);
      }
    std::sort(found.begin(), found.end());
    Pairs best;
    for (std::size_t k = 0; k < std::min(found.size(), most); ++k) best.push_back(found[k].second);
    return best;
  }

  const LinearModel& model() const { return *model_; }
  std::unique_ptr<LinearModel> take() { return std::move(model_); }

 private:
  void add_products(const Matrix& x, const Pairs& pairs) {
    if (pairs.empty()) return;
    const RealMatrix z = model_->normaliser_.apply(x);
    const auto n = static_cast<double>(z.rows);
    for (const auto& [a, b] : pairs) {
      LinearModel::Product product{a, b, 0, 1};
      double squares = 0;
      for (std::size_t i = 0; i < z.rows; ++i) product.mean += z.at(i, a) * z.at(i, b) / n;
      for (std::size_t i = 0; i < z.rows; ++i) squares += std::pow(product.of(z.row(i)), 2);
      if (squares <= 0) continue;
      product.scale = std::sqrt(squares / n);
      model_->products_.push_back(product);
    }
  }

  std::unique_ptr<Likelihood> likelihood() const { return likelihood_of(y_); }
  std::unique_ptr<Likelihood> likelihood_of(const Targets& y) const {
    if (y.answer == Answer::real) return gaussian_likelihood(y.values);
    if (y.answer == Answer::survival) {
      return cox_likelihood(y.values, y.events, options_.ties, y.left);
    }
    return logistic_likelihood(y.values, {});
  }

  // -log of the summed weights of the other classes, as an offset.
  std::vector<double> rivals(std::size_t own) const {
    std::vector<double> sums(x_.rows);
    for (std::size_t c = 0; c < y_.outputs(); ++c) {
      if (c == own) continue;
      const auto eta = linear_predictor(x_, model_->weights_[c]);
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += std::exp(eta[i]);
    }
    for (double& sum : sums) sum = -std::log(sum);
    return sums;
  }

  const LinearOptions& options_;
  const Targets& y_;
  RealMatrix x_;
  std::vector<double> factors_;
  std::unique_ptr<LinearModel> model_;
};

RealMatrix LinearModel::design(const Matrix& x, std::size_t spare) const {
  RealMatrix z = normaliser_.apply(x, products_.size() + spare);
  for (std::size_t i = 0; i < z.rows; ++i)
    for (std::size_t k = 0; k < products_.size(); ++k)
      z.at(i, normaliser_.outputs() + k) = products_[k].of(z.row(i));
  return z;
}

std::vector<std::pair<std::size_t, std::size_t>> LinearModel::products() const {
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (const Product& product : products_) pairs.emplace_back(product.a, product.b);
  return pairs;
}

RealMatrix LinearModel::margins(const Matrix& x) const {
  const RealMatrix z = design(x);
  RealMatrix out(x.rows, outputs());
  for (std::size_t c = 0; c < outputs(); ++c) {
    const auto& w = weights_[c];
    for (std::size_t i = 0; i < x.rows; ++i) {
      const auto row = z.row(i);
      double sum = w.back();
      for (std::size_t j = 0; j < row.size(); ++j) sum += w[j] * row[j];
      out.at(i, c) = sum;
    }
  }
  return out;
}

OnnxGraph::Tensor LinearModel::add_to(OnnxGraph& graph) const {
  using Tensor = OnnxGraph::Tensor;
  Tensor z = normaliser_.add_to(graph);
  if (!products_.empty()) {
    std::vector<std::int64_t> a, b;
    std::vector<double> means, scales;
    for (const Product& p : products_) {
      a.push_back(static_cast<std::int64_t>(p.a)), b.push_back(static_cast<std::int64_t>(p.b));
      means.push_back(p.mean), scales.push_back(p.scale);
    }
    const auto count = static_cast<std::int64_t>(products_.size());
    const auto gather = [&](const std::vector<std::int64_t>& columns) {
      return graph.add("Gather", {z, graph.constant(columns)}, {{"axis", std::int64_t{1}}});
    };
    const Tensor product = graph.add("Mul", {gather(a), gather(b)});
    const Tensor centred = graph.add("Sub", {product, graph.constant(means, {1, count})});
    const Tensor scaled = graph.add("Div", {centred, graph.constant(scales, {1, count})});
    z = graph.add("Concat", {z, scaled}, {{"axis", std::int64_t{1}}});
  }
  std::vector<double> slopes, intercepts;
  for (const auto& w : weights_) {
    slopes.insert(slopes.end(), w.begin(), w.end() - 1);
    intercepts.push_back(w.back());
  }
  const auto rows = static_cast<std::int64_t>(outputs());
  const auto width = static_cast<std::int64_t>(weights_.front().size() - 1);
  return graph.add("Gemm",
                   {z, graph.constant(slopes, {rows, width}), graph.constant(intercepts, {rows})},
                   {{"transB", std::int64_t{1}}});
}

// For independent features the Shapley value of a linear term is w (x - mean), z having mean 0, and
// of a product half of it each.
std::optional<RealMatrix> LinearModel::contributions(const Matrix& x, std::size_t output) const {
  const RealMatrix z = design(x);
  const auto& w = weights_.at(output);
  RealMatrix parts(x.rows, x.columns + 1);
  for (std::size_t i = 0; i < x.rows; ++i) {
    const auto row = z.row(i);
    for (std::size_t j = 0; j < normaliser_.outputs(); ++j)
      parts.at(i, normaliser_.source(j)) += w[j] * row[j];
    for (std::size_t k = 0; k < products_.size(); ++k) {
      const std::size_t j = normaliser_.outputs() + k;
      for (const std::size_t source : {products_[k].a, products_[k].b})
        parts.at(i, source) += w[j] * row[j] / 2;
    }
    parts.at(i, x.columns) = w.back();
  }
  return parts;
}

std::optional<std::vector<double>> LinearModel::path_parts(std::span<const float> from,
                                                           std::span<const float> to,
                                                           std::size_t output) const {
  Matrix ends(2, from.size());
  std::copy(from.begin(), from.end(), ends.row(0).begin());
  std::copy(to.begin(), to.end(), ends.row(1).begin());
  const RealMatrix z = design(ends);
  const auto& w = weights_.at(output);
  const auto step = [&](std::size_t j) { return z.at(1, j) - z.at(0, j); };
  std::vector<double> steps(from.size());
  for (std::size_t j = 0; j < normaliser_.outputs(); ++j)
    steps[normaliser_.source(j)] += w[j] * step(j);
  for (std::size_t k = 0; k < products_.size(); ++k) {
    const auto& [a, b, mean, scale] = products_[k];
    const double weight = w[normaliser_.outputs() + k] / scale;
    steps[a] += weight * step(a) * (z.at(0, b) + z.at(1, b)) / 2;
    steps[b] += weight * step(b) * (z.at(0, a) + z.at(1, a)) / 2;
  }
  return steps;
}

std::vector<double> LinearModel::raw_coefficients(std::size_t output) const {
  std::vector<double> raw(normaliser_.inputs() + 1);
  const auto& w = weights_.at(output);
  raw.back() = w.back();
  for (std::size_t j = 0; j < normaliser_.inputs(); ++j) {
    raw[j] = w[j] / normaliser_.scale(j);
    raw.back() -= raw[j] * normaliser_.mean(j);
  }
  return raw;
}

std::string LinearModel::save() const {
  Json products = Json::array();
  for (const Product& p : products_) products.push_back({p.a, p.b, p.mean, p.scale});
  return Json{{"format", 1},          {"kind", "linear"},
              {"lambda", lambda_},    {"weights", weights_},
              {"products", products}, {"normaliser", Json::parse(normaliser_.save())}}
             .dump(1) +
         "\n";
}

std::unique_ptr<Model> LinearModel::load(const std::string& saved) {
  const Json json = Json::parse(saved);
  auto model = std::make_unique<LinearModel>();
  model->lambda_ = json.at("lambda");
  model->weights_ = json.at("weights").get<std::vector<std::vector<double>>>();
  model->normaliser_ = Normaliser::load(json.at("normaliser").dump());
  for (const Json& p : json.value("products", Json::array()))
    model->products_.push_back({p.at(0), p.at(1), p.at(2), p.at(3)});
  return model;
}

namespace {

// Rows from the last time to the first, as the Cox likelihood goes through them: in memory, too,
// they then lie one behind the other.
Dataset by_time(const Dataset& data) {
  std::vector<std::size_t> order(data.rows());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const Targets& y = data.y;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (y.values[a] != y.values[b]) return y.values[a] > y.values[b];
    return y.events[a] != y.events[b] ? y.events[a] > y.events[b] : a < b;
  });
  return data.take(order);
}

// With the penalty that was asked for, or the best of a path on `judge`.
std::unique_ptr<LinearModel> fit_penalties(LinearFit& fit, const LinearOptions& options,
                                           const Dataset& judge) {
  if (options.penalty != "auto") {
    const auto lambda = parse_number(options.penalty);
    if (!lambda || *lambda < 0)
      fail(Fault::config, "model penalty \"" + options.penalty + "\" is neither a number nor auto");
    fit.fit(*lambda);
    return fit.take();
  }
  double best = std::numeric_limits<double>::infinity();
  LinearModel chosen;
  int worse = 0;
  for (const double lambda : fit.path()) {
    fit.fit(lambda);
    const double loss = fit.loss_on(judge);
    if (loss < best)
      best = loss, chosen = fit.model(), worse = 0;
    else if (++worse == 8)
      break;
  }
  return std::make_unique<LinearModel>(std::move(chosen));
}

}  // namespace

std::unique_ptr<LinearModel> fit_linear(const LinearOptions& options, const Dataset& train,
                                        const Dataset& tuning) {
  if (options.l1_share < 0 || options.l1_share > 1 || options.path < 2 || options.path > 1000)
    fail(Fault::config, "model linear: l1_share is 0 to 1, path 2 to 1000");
  if (options.products > 200) fail(Fault::config, "model linear: products is 200 at most");
  if (options.products > 0 && train.y.answer == Answer::category)
    fail(Fault::config, "model linear: products are not for classes; use trees or mlp");
  const bool survival = train.y.answer == Answer::survival;
  const Dataset ordered = survival ? by_time(train) : Dataset();
  const Dataset& learn = survival ? ordered : train;
  const Dataset& judge = tuning.rows() > 0 ? tuning : train;
  LinearFit fit(options, learn);
  auto main = fit_penalties(fit, options, judge);
  if (options.products == 0) return main;
  LinearFit with_products(options, learn, fit.best_products(*main, options.products));
  return fit_penalties(with_products, options, judge);
}

std::unique_ptr<Model> fit_linear(const Node& node, const Dataset& train, const Dataset& tuning,
                                  const FitContext& context) {
  LinearOptions options;
  read_value(node, options);
  auto model = fit_linear(options, train, tuning);
  context.say("linear: lambda " + format_number(model->lambda()));
  return model;
}

}  // namespace cangong
