#include "encode/normaliser.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace cangong {

using Json = nlohmann::ordered_json;

void Normaliser::fit(const Matrix& training) {
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
  flagged_.clear();
  flag_mean_.clear();
  flag_scale_.clear();
  const auto rows = static_cast<double>(training.rows);
  for (std::size_t j = 0; j < columns; ++j) {
    const double sd = count[j] > 0 ? std::sqrt(squares[j] / count[j]) : 0;
    if (sd > 0) scale_[j] = sd;
    const double missing = 1 - count[j] / rows;
    if (missing <= 0 || missing >= 1) continue;
    flagged_.push_back(j);
    flag_mean_.push_back(missing);
    flag_scale_.push_back(std::sqrt(missing * (1 - missing)));
  }
}

RealMatrix Normaliser::apply(const Matrix& raw) const {
  ensure(raw.columns == inputs(), "the matrix has the columns that the normaliser was fitted on");
  RealMatrix out(raw.rows, outputs());
  for (std::size_t i = 0; i < raw.rows; ++i) {
    const auto from = raw.row(i);
    const auto to = out.row(i);
    for (std::size_t j = 0; j < inputs(); ++j)
      to[j] = std::isnan(from[j]) ? 0.0 : (from[j] - mean_[j]) / scale_[j];
    for (std::size_t k = 0; k < flagged_.size(); ++k)
      to[inputs() + k] =
          ((std::isnan(from[flagged_[k]]) ? 1.0 : 0.0) - flag_mean_[k]) / flag_scale_[k];
  }
  return out;
}

std::string Normaliser::save() const {
  return Json{{"mean", mean_},
              {"scale", scale_},
              {"flagged", flagged_},
              {"flag_mean", flag_mean_},
              {"flag_scale", flag_scale_}}
      .dump();
}

Normaliser Normaliser::load(const std::string& saved) {
  const Json json = Json::parse(saved);
  Normaliser n;
  n.mean_ = json.at("mean").get<std::vector<double>>();
  n.scale_ = json.at("scale").get<std::vector<double>>();
  n.flagged_ = json.at("flagged").get<std::vector<std::size_t>>();
  n.flag_mean_ = json.at("flag_mean").get<std::vector<double>>();
  n.flag_scale_ = json.at("flag_scale").get<std::vector<double>>();
  return n;
}

}  // namespace cangong
