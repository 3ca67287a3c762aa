#include "model/readout.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace cangong {

using Json = nlohmann::ordered_json;

Readout Readout::fit(const Model& model, const Dataset& train, const Dataset& tuning,
                     Recalibration::Kind kind, double horizon_days) {
  Readout readout;
  readout.answer_ = train.y.answer;
  readout.classes_ = train.y.classes;
  readout.horizon_ = horizon_days;
  readout.ends_ = model.interval_ends();
  if (readout.answer_ == Answer::survival && readout.ends_.empty()) {
    const auto margins = model.margins(train.x);
    readout.baseline_ =
        BaselineHazard(margins.values, train.y.values, train.y.events, train.y.left);
  }
  if (readout.answer_ == Answer::boolean && tuning.rows() > 0) {
    const auto margins = model.margins(tuning.x);
    std::vector<double> p;
    for (const double m : margins.values) p.push_back(sigmoid(m));
    readout.recalibration_ = Recalibration::fit(kind, p, tuning.y.values);
  }
  return readout;
}

double Readout::raw_survival(std::span<const double> margins, double days) const {
  if (ends_.empty()) return baseline_.survival(days, margins[0]);
  double survival = 1;
  for (std::size_t k = 0; k < ends_.size(); ++k) {
    const double start = k ? ends_[k - 1] : 0;
    const double pass = 1 - sigmoid(margins[k]);
    if (days >= ends_[k])
      survival *= pass;
    else if (days > start)  // constant hazard within the interval
      return survival * std::pow(pass, (days - start) / (ends_[k] - start));
    else
      break;
  }
  return survival;
}

double Readout::survival(std::span<const double> margins, double days) const {
  return raw_survival(margins, days);
}

double Readout::value(std::span<const double> margins) const {
  switch (answer_) {
    case Answer::boolean:
      return recalibration_.apply(sigmoid(margins[0]));
    case Answer::real:
      return margins[0];
    case Answer::survival:
      return 1 - survival(margins, horizon_);
    case Answer::category:
      break;
  }
  const auto p = probabilities(margins);
  return *std::max_element(p.begin(), p.end());
}

std::vector<double> Readout::probabilities(std::span<const double> margins) const {
  const double top = *std::max_element(margins.begin(), margins.end());
  std::vector<double> p;
  double total = 0;
  for (const double m : margins) total += p.emplace_back(std::exp(m - top));
  for (double& v : p) v /= total;
  return p;
}

double Readout::risk(std::span<const double> margins) const {
  if (answer_ != Answer::survival || ends_.empty()) return margins[0];
  double expected = 0;  // of intervals survived
  double survival = 1;
  for (const double m : margins) expected += survival *= 1 - sigmoid(m);
  return -expected;
}

const std::vector<double>& Readout::curve_times() const {
  return ends_.empty() ? baseline_.times() : ends_;
}

OnnxGraph::Tensor Readout::add_to(OnnxGraph& graph, const OnnxGraph::Tensor& margins) const {
  const auto one_less = [&](const OnnxGraph::Tensor& x) {
    return graph.add("Sub", {graph.constant(1.0), x});
  };
  const auto raised = [&](const OnnxGraph::Tensor& x) { return graph.add("Exp", {x}); };
  if (answer_ == Answer::real) return margins;
  if (answer_ == Answer::category)
    return graph.add("Softmax", {margins}, {{"axis", std::int64_t{1}}});
  if (answer_ == Answer::boolean)
    return recalibration_.add_to(graph, graph.add("Sigmoid", {margins}));
  if (ends_.empty()) {
    const double hazard = -std::log(baseline_.survival(horizon_, 0));
    const auto cumulative = graph.add("Mul", {graph.constant(-hazard), raised(margins)});
    return one_less(raised(cumulative));
  }
  // Of each interval the share that lies before the horizon, at a constant hazard within it.
  std::vector<double> shares;
  for (std::size_t k = 0; k < ends_.size(); ++k) {
    const double start = k ? ends_[k - 1] : 0;
    shares.push_back(std::clamp((horizon_ - start) / (ends_[k] - start), 0.0, 1.0));
  }
  const auto passed = one_less(graph.add("Sigmoid", {margins}));
  const auto pass = graph.add("Log", {graph.add("Max", {passed, graph.constant(1e-300)})});
  const auto count = static_cast<std::int64_t>(shares.size());
  return one_less(raised(graph.add("MatMul", {pass, graph.constant(shares, {count, 1})})));
}

std::string Readout::save() const {
  return Json{{"answer", name_of(answer_)},
              {"classes", classes_},
              {"horizon_days", horizon_},
              {"interval_ends", ends_},
              {"baseline", Json::parse(baseline_.save())},
              {"recalibration", Json::parse(recalibration_.save())}}
      .dump();
}

Readout Readout::load(const std::string& saved) {
  const Json json = Json::parse(saved);
  Readout readout;
  const std::string answer = json.at("answer");
  for (const Answer a : {Answer::boolean, Answer::category, Answer::real, Answer::survival})
    if (answer == name_of(a)) readout.answer_ = a;
  readout.classes_ = json.at("classes").get<std::vector<std::string>>();
  readout.horizon_ = json.at("horizon_days");
  readout.ends_ = json.at("interval_ends").get<std::vector<double>>();
  readout.baseline_ = BaselineHazard::load(json.at("baseline").dump());
  readout.recalibration_ = Recalibration::load(json.at("recalibration").dump());
  return readout;
}

Matrix Fitted::select(const Matrix& x) const {
  if (columns.empty()) return x;
  Matrix part(x.rows, columns.size());
  for (std::size_t i = 0; i < x.rows; ++i)
    for (std::size_t j = 0; j < columns.size(); ++j) part.at(i, j) = x.at(i, columns[j]);
  return part;
}

namespace {

// Of each class, the log-odds against all others together.
RealMatrix against_others(RealMatrix margins) {
  for (std::size_t i = 0; i < margins.rows; ++i) {
    const auto row = margins.row(i);
    const std::vector<double> raw(row.begin(), row.end());
    for (std::size_t c = 0; c < raw.size(); ++c) {
      double top = -std::numeric_limits<double>::infinity(), sum = 0;
      for (std::size_t k = 0; k < raw.size(); ++k)
        if (k != c) top = std::max(top, raw[k]);
      for (std::size_t k = 0; k < raw.size(); ++k)
        if (k != c) sum += std::exp(raw[k] - top);
      row[c] = raw[c] - top - std::log(sum);
    }
  }
  return margins;
}

}  // namespace

RealMatrix Fitted::told(RealMatrix margins) const {
  if (readout.answer() == Answer::category) return against_others(std::move(margins));
  if (model->interval_ends().empty()) return margins;
  RealMatrix one(margins.rows, 1);
  for (std::size_t i = 0; i < margins.rows; ++i) {
    const double s = readout.survival(margins.row(i), readout.horizon_days());
    one.at(i, 0) = std::log(-std::log(std::clamp(s, 1e-12, 1 - 1e-12)));
  }
  return one;
}

RealMatrix Fitted::margins(const Matrix& x) const {
  return columns.empty() ? model->margins(x) : model->margins(select(x));
}

}  // namespace cangong
