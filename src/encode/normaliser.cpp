#include "encode/normaliser.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

// The values that are there, in ascending order.
std::vector<double> sorted_column(const Matrix& x, std::size_t column) {
  std::vector<double> values;
  for (std::size_t i = 0; i < x.rows; ++i)
    if (const double v = x.at(i, column); !std::isnan(v)) values.push_back(v);
  std::sort(values.begin(), values.end());
  return values;
}

// Quantiles of ascending values, each once, without the smallest and the largest.
std::vector<double> inner_edges(const std::vector<double>& values, std::size_t parts) {
  std::vector<double> edges;
  for (std::size_t b = 1; b < parts; ++b) {
    const double edge = values[b * values.size() / parts];
    if (edge > values.front() && (edges.empty() || edge > edges.back())) edges.push_back(edge);
  }
  return edges;
}

}  // namespace

void check_options(const PrepareOptions& options) {
  if (options.impute != "mean" && options.impute != "median")
    fail(Fault::config, "prepare: impute is mean or median");
  if (options.bins == 1 || options.bins > 20) fail(Fault::config, "prepare: bins is 0, or 2 to 20");
  if (options.pieces == 1 || options.pieces > 20)
    fail(Fault::config, "prepare: pieces is 0, or 2 to 20");
}

void Normaliser::fit(const Matrix& training, const PrepareOptions& options) {
  check_options(options);
  const std::size_t columns = training.columns;
  std::vector<double> count(columns), sum(columns), squares(columns);
  for (std::size_t i = 0; i < training.rows; ++i)
    for (std::size_t j = 0; j < columns; ++j)
      if (const double v = training.at(i, j); !std::isnan(v)) sum[j] += v, ++count[j];
  mean_.assign(columns, 0);
  for (std::size_t j = 0; j < columns; ++j)
    if (count[j] > 0) mean_[j] = sum[j] / count[j];
  for (std::size_t i = 0; i < training.rows; ++i)
    for (std::size_t j = 0; j < columns; ++j)
      if (const double v = training.at(i, j); !std::isnan(v))
        squares[j] += (v - mean_[j]) * (v - mean_[j]);
  scale_.assign(columns, 1);
  fill_.assign(columns, 0);
  flags_.clear();
  bins_.clear();
  pieces_.clear();
  const auto rows = static_cast<double>(training.rows);
  for (std::size_t j = 0; j < columns; ++j) {
    const double sd = count[j] > 0 ? std::sqrt(squares[j] / count[j]) : 0;
    if (sd > 0) scale_[j] = sd;
    const double missing = 1 - count[j] / rows;
    if (options.missing_flags && missing > 0 && missing < 1) add_flag(j, missing);
    if (options.impute == "median" && count[j] > 0) {
      const auto values = sorted_column(training, j);
      fill_[j] = (values[values.size() / 2] - mean_[j]) / scale_[j];
    }
    if (options.bins > 0) add_bins(training, j, options.bins);
    if (options.pieces > 0) add_pieces(training, j, options.pieces);
  }
}

double Normaliser::Piece::progress(double value) const {
  const double share = (value - low) / (high - low);
  if (share < 0) return first ? share : 0;
  return share > 1 && !last ? 1 : share;
}

void Normaliser::add_flag(std::size_t column, double missing) {
  flags_.push_back({column, 0, 0, missing, std::sqrt(missing * (1 - missing))});
}

void Normaliser::add_bins(const Matrix& training, std::size_t column, std::size_t bins) {
  const auto values = sorted_column(training, column);
  if (values.empty()) return;
  const double infinity = std::numeric_limits<double>::infinity();
  std::vector<double> edges = inner_edges(values, bins);
  if (edges.size() < 2) return;  // two values: the column itself says it
  edges.insert(edges.begin(), -infinity);
  edges.push_back(infinity);
  for (std::size_t b = 0; b + 1 < edges.size(); ++b) {
    const auto from = std::lower_bound(values.begin(), values.end(), edges[b]);
    const auto to = std::lower_bound(values.begin(), values.end(), edges[b + 1]);
    const double share = static_cast<double>(to - from) / static_cast<double>(training.rows);
    bins_.push_back(
        {column, edges[b], edges[b + 1], share, std::sqrt(std::max(share * (1 - share), 1e-12))});
  }
}

void Normaliser::add_pieces(const Matrix& training, std::size_t column, std::size_t pieces) {
  const auto values = sorted_column(training, column);
  if (values.empty()) return;
  std::vector<double> edges = inner_edges(values, pieces);
  if (!edges.empty() && edges.back() == values.back()) edges.pop_back();
  if (edges.empty()) return;  // the column itself says it
  edges.insert(edges.begin(), values.front());
  edges.push_back(values.back());
  for (std::size_t b = 0; b + 1 < edges.size(); ++b) {
    Piece piece{column, edges[b], edges[b + 1], b == 0, b + 2 == edges.size(), 0, 1};
    double sum = 0, squares = 0;
    for (const double v : values) sum += piece.progress(v);
    const auto n = static_cast<double>(values.size());
    piece.mean = sum / n;
    for (const double v : values) squares += std::pow(piece.progress(v) - piece.mean, 2);
    piece.scale = std::sqrt(std::max(squares / n, 1e-12));
    pieces_.push_back(piece);
  }
}

RealMatrix Normaliser::apply(const Matrix& raw, std::size_t spare) const {
  ensure(raw.columns == inputs(), "the matrix has the columns that the normaliser was fitted on");
  RealMatrix out(raw.rows, outputs() + spare);
  for (std::size_t i = 0; i < raw.rows; ++i) {
    const auto from = raw.row(i);
    const auto to = out.row(i);
    for (std::size_t j = 0; j < inputs(); ++j)
      to[j] = std::isnan(from[j]) ? fill_[j] : (from[j] - mean_[j]) / scale_[j];
    std::size_t at = inputs();
    for (const Indicator& f : flags_)
      to[at++] = ((std::isnan(from[f.column]) ? 1.0 : 0.0) - f.mean) / f.scale;
    for (const Indicator& b : bins_) {
      const double v = from[b.column];
      to[at++] = ((v >= b.low && v < b.high ? 1.0 : 0.0) - b.mean) / b.scale;
    }
    for (const Piece& p : pieces_) {
      const double v = mean_[p.column] + scale_[p.column] * to[p.column];  // with gaps filled
      to[at++] = (p.progress(v) - p.mean) / p.scale;
    }
  }
  return out;
}

OnnxGraph::Tensor Normaliser::add_to(OnnxGraph& graph) const {
  using Type = OnnxGraph::Type;
  using Tensor = OnnxGraph::Tensor;
  // One value of each of `items`, as a row; and the columns that they look at.
  const auto row = [&](const auto& items, const auto& value) {
    std::vector<double> values;
    for (const auto& item : items) values.push_back(value(item));
    return graph.constant(values, {1, static_cast<std::int64_t>(values.size())});
  };
  const auto columns_of = [&](const auto& items) {
    std::vector<std::int64_t> columns;
    for (const auto& item : items) columns.push_back(static_cast<std::int64_t>(item.column));
    return graph.constant(columns);
  };
  const auto gather = [&](const Tensor& from, const auto& items) {
    return graph.add("Gather", {from, columns_of(items)}, {{"axis", std::int64_t{1}}});
  };
  const auto scaled = [&](const Tensor& values, const auto& items) {
    const Tensor mean = row(items, [](const auto& i) { return i.mean; });
    const Tensor scale = row(items, [](const auto& i) { return i.scale; });
    return graph.add("Div", {graph.add("Sub", {values, mean}), scale});
  };
  const auto itself = [](double value) { return value; };
  const Tensor missing = graph.add("IsNaN", {graph.features()});
  const Tensor raw = graph.cast(graph.features(), Type::real64);
  const Tensor means = row(mean_, itself), scales = row(scale_, itself);
  const Tensor z = graph.add("Where", {missing, row(fill_, itself),
                                       graph.add("Div", {graph.add("Sub", {raw, means}), scales})});
  std::vector<Tensor> parts{z};
  if (!flags_.empty())
    parts.push_back(scaled(graph.cast(gather(missing, flags_), Type::real64), flags_));
  if (!bins_.empty()) {
    const Tensor value = gather(raw, bins_);
    const Tensor low = row(bins_, [](const Indicator& i) { return i.low; });
    const Tensor high = row(bins_, [](const Indicator& i) { return i.high; });
    const Tensor inside = graph.add(
        "And", {graph.add("GreaterOrEqual", {value, low}), graph.add("Less", {value, high})});
    parts.push_back(scaled(graph.cast(inside, Type::real64), bins_));
  }
  if (!pieces_.empty()) {
    constexpr double kFar = std::numeric_limits<double>::max();
    const Tensor filled = graph.add("Add", {graph.add("Mul", {z, scales}), means});
    const Tensor low = row(pieces_, [](const Piece& p) { return p.low; });
    const Tensor width = row(pieces_, [](const Piece& p) { return p.high - p.low; });
    const Tensor share =
        graph.add("Div", {graph.add("Sub", {gather(filled, pieces_), low}), width});
    const Tensor least = row(pieces_, [](const Piece& p) { return p.first ? -kFar : 0; });
    const Tensor most = row(pieces_, [](const Piece& p) { return p.last ? kFar : 1; });
    const Tensor progress = graph.add("Min", {graph.add("Max", {share, least}), most});
    parts.push_back(scaled(progress, pieces_));
  }
  return parts.size() == 1 ? z : graph.add("Concat", parts, {{"axis", std::int64_t{1}}});
}

std::vector<std::vector<std::size_t>> Normaliser::groups() const {
  std::vector<std::vector<std::size_t>> groups(inputs());
  for (std::size_t k = 0; k < outputs(); ++k) groups[source(k)].push_back(k);
  return groups;
}

std::string Normaliser::save() const {
  const auto list = [](const std::vector<Indicator>& indicators) {
    Json json = Json::array();
    for (const Indicator& i : indicators)  // JSON has no infinity
      json.push_back({i.column, std::isinf(i.low) ? Json() : Json(i.low),
                      std::isinf(i.high) ? Json() : Json(i.high), i.mean, i.scale});
    return json;
  };
  Json pieces = Json::array();
  for (const Piece& p : pieces_)
    pieces.push_back({p.column, p.low, p.high, p.first, p.last, p.mean, p.scale});
  return Json{{"mean", mean_},         {"scale", scale_},     {"fill", fill_},
              {"flags", list(flags_)}, {"bins", list(bins_)}, {"pieces", pieces}}
      .dump();
}

Normaliser Normaliser::load(const std::string& saved) {
  const Json json = Json::parse(saved);
  const auto list = [](const Json& array) {
    const double infinity = std::numeric_limits<double>::infinity();
    std::vector<Indicator> indicators;
    for (const Json& item : array)
      indicators.push_back({item.at(0), item.at(1).is_null() ? -infinity : item.at(1).get<double>(),
                            item.at(2).is_null() ? infinity : item.at(2).get<double>(), item.at(3),
                            item.at(4)});
    return indicators;
  };
  Normaliser n;
  n.mean_ = json.at("mean").get<std::vector<double>>();
  n.scale_ = json.at("scale").get<std::vector<double>>();
  if (json.contains("flagged")) {  // bundles written before there were bins
    n.fill_.assign(n.mean_.size(), 0);
    for (std::size_t k = 0; k < json.at("flagged").size(); ++k)
      n.flags_.push_back(
          {json.at("flagged")[k], 0, 0, json.at("flag_mean")[k], json.at("flag_scale")[k]});
    return n;
  }
  n.fill_ = json.at("fill").get<std::vector<double>>();
  n.flags_ = list(json.at("flags"));
  n.bins_ = list(json.at("bins"));
  for (const Json& p : json.value("pieces", Json::array()))
    n.pieces_.push_back({p.at(0), p.at(1), p.at(2), p.at(3), p.at(4), p.at(5), p.at(6)});
  return n;
}

}  // namespace cangong
