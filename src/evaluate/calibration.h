// Do predicted probabilities come true? Measures, a smooth curve and recalibration.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/onnx_graph.h"

namespace cangong {

// Logistic regression of the outcome on the logit of p (Cox 1958; Van Calster et al. 2016).
// Intercept "in the large" is fitted with slope 1. NaN where it cannot be fitted.
struct CalibrationLine {
  double intercept, slope, intercept_in_the_large;
};
CalibrationLine calibration_line(std::span<const double> p, std::span<const double> truth,
                                 std::span<const double> weights);

// Smooth observed frequency by predicted probability: local linear regression, tricube kernel over
// the nearest `span` of the data (equal p count together) (Austin and Steyerberg 2014), at the
// given points.
class CalibrationCurve {
 public:
  CalibrationCurve(std::span<const double> p, std::span<const double> truth,
                   std::span<const double> weights, double span = 0.75);
  double at(double p) const;

 private:
  std::vector<double> p_, events_, weights_;  // by distinct p, ascending
  double reach_weight_ = 0;
};

// Integrated calibration index: mean |curve(p) - p| (Austin and Steyerberg 2019). The curve is
// evaluated on a grid of 101 points and interpolated.
double integrated_calibration_index(std::span<const double> p, std::span<const double> truth,
                                    std::span<const double> weights);

// A monotone map from probabilities to better ones, fitted on data that the model did not see:
// platt: a logistic line on the logit (Platt 1999); temperature: the same through the origin (Guo
// et al. 2017); beta: a line on log p and log(1 - p) each, with slopes that do not fall (Kull,
// Silva Filho and Flach 2017); isotonic: steps (Zadrozny and Elkan 2002); venn_abers: the mean of
// the isotonic answers with the patient counted as ill and as well (Vovk, Petej and Fedorova 2015).
class Recalibration {
 public:
  enum class Kind { none, platt, temperature, beta, isotonic, venn_abers };
  static std::span<const std::pair<std::string_view, Kind>> kinds();
  static Recalibration fit(Kind kind, std::span<const double> p, std::span<const double> truth);
  double apply(double p) const;
  // The same as nodes of a graph, of probabilities in 64 bits. Throws Fault::config for venn_abers.
  OnnxGraph::Tensor add_to(OnnxGraph& graph, const OnnxGraph::Tensor& p) const;
  std::string save() const;
  static Recalibration load(const std::string& saved);
  Kind kind() const { return kind_; }

 private:
  Kind kind_ = Kind::none;
  double venn_abers(double p) const;
  OnnxGraph::Tensor add_steps(OnnxGraph& graph, const OnnxGraph::Tensor& p) const;

  double intercept_ = 0, slope_ = 1;
  double slope_well_ = 1;  // beta: of -log(1 - p); `slope_` is that of log p
  std::vector<double> from_,
      to_;                      // isotonic steps, joined by lines; venn_abers: p, share of events
  std::vector<double> counts_;  // venn_abers: rows of each p
};

double logit(double p);
double sigmoid(double x);

}  // namespace cangong
