// Everything that a report says about one model on one set of examples.
#pragma once

#include <string>
#include <vector>

#include "evaluate/interval.h"
#include "evaluate/survival.h"
#include "evaluate/truth.h"

namespace cangong {

struct CurvePoint {
  double x, y;
  double low = 0, high = 0;  // band, where the curve has one
};

struct Curve {
  std::string name;
  std::vector<CurvePoint> points;
  bool has_band = false;
};

struct Assessment {
  std::vector<NamedInterval> metrics;
  std::vector<Curve> curves;
};

struct AssessOptions {
  BootstrapOptions bootstrap;
  std::vector<double> thresholds{0.1, 0.2, 0.3, 0.5};  // for classification metrics
  double horizon_days = 0;                             // survival
  // Follow-up of the training patients, for censoring weights; empty: of the examples themselves.
  std::vector<double> training_days, training_events;
};

struct Examined {
  const Targets& truth;
  const Scored& scored;
  const std::vector<PatientId>& patients;
};

// By the kind of answer. Every metric has an interval by resampling patients.
Assessment assess(const Examined& examined, const AssessOptions& options);

Assessment assess_boolean(const Examined& examined, const AssessOptions& options);
Assessment assess_category(const Examined& examined, const AssessOptions& options);
Assessment assess_real(const Examined& examined, const AssessOptions& options);
Assessment assess_survival(const Examined& examined, const AssessOptions& options);

// Gathers named statistics and resamples them together.
class MetricList {
 public:
  using Metric = std::function<double(std::span<const double> weights)>;
  void add(std::string name, Metric metric) {
    names_.push_back(std::move(name));
    metrics_.push_back(std::move(metric));
  }
  std::vector<NamedInterval> run(const std::vector<PatientId>& patients,
                                 const BootstrapOptions& options) const;

 private:
  std::vector<std::string> names_;
  std::vector<Metric> metrics_;
};

}  // namespace cangong
