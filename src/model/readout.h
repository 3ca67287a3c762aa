// From margins to what is told: probabilities, values and survival curves.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "evaluate/calibration.h"
#include "model/baseline_hazard.h"
#include "model/model.h"

namespace cangong {

class Readout {
 public:
  // Fits the baseline hazard on `train` (Cox margins) and the recalibration on `tuning`.
  // `horizon_days`: for survival, the time at which risk is told.
  static Readout fit(const Model& model, const Dataset& train, const Dataset& tuning,
                     Recalibration::Kind kind, double horizon_days);

  Answer answer() const { return answer_; }
  const std::vector<std::string>& classes() const { return classes_; }
  double horizon_days() const { return horizon_; }
  // boolean: probability; real: value; survival: risk at the horizon; category: the largest
  // probability.
  double value(std::span<const double> margins) const;
  // category: one per class.
  std::vector<double> probabilities(std::span<const double> margins) const;
  // Chance of being free of the event at `days`.
  double survival(std::span<const double> margins, double days) const;
  // Orders patients: higher = sooner or likelier.
  double risk(std::span<const double> margins) const;
  // Times at which the survival curve steps.
  const std::vector<double>& curve_times() const;

  // What is told, as nodes of a graph, of margins in 64 bits; for classes their probabilities.
  // Throws Fault::config where it cannot be written so.
  OnnxGraph::Tensor add_to(OnnxGraph& graph, const OnnxGraph::Tensor& margins) const;

  std::string save() const;
  static Readout load(const std::string& saved);

 private:
  double raw_survival(std::span<const double> margins, double days) const;
  Answer answer_ = Answer::boolean;
  std::vector<std::string> classes_;
  BaselineHazard baseline_;
  std::vector<double> ends_;  // discrete time
  double horizon_ = 0;
  Recalibration recalibration_;
};

// A model with its readout and the columns that it sees.
struct Fitted {
  std::string name;
  std::vector<std::size_t> columns;  // empty = all
  std::unique_ptr<Model> model;
  Readout readout;
  std::string options;  // of the learner, as one line of YAML
  std::string search;   // JSON of the settings that were tried; empty where none were

  RealMatrix margins(const Matrix& x) const;
  // What explanations are about, rows x outputs: the margins; for discrete-time survival, whose
  // margins belong to single intervals, log(-log S(horizon)); for classes, whose margins mean
  // nothing by themselves, the log-odds of each against the others.
  RealMatrix explained(const Matrix& x) const { return told(margins(x)); }
  // The same along Model::walk; spans and numbers of the columns that the model sees.
  RealMatrix walk(std::span<const float> from, std::span<const float> to,
                  std::span<const std::size_t> order) const {
    return told(model->walk(from, to, order));
  }
  Matrix select(const Matrix& x) const;

 private:
  RealMatrix told(RealMatrix margins) const;
};

}  // namespace cangong
