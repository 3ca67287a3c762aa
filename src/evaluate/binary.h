// Yes-or-no outcomes: discrimination, error and classification, all with example weights.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "evaluate/interval.h"

namespace cangong {

// Scores sorted once, so that each resample costs O(n). Scores may be probabilities or margins;
// ties count one half.
class Ranking {
 public:
  // `truth` holds 0 and 1.
  Ranking(std::span<const double> scores, std::span<const double> truth);

  // Area under the ROC curve (Mann-Whitney). NaN with one class only.
  double auroc(std::span<const double> weights) const;
  // Average precision: sum of precision x step in recall, as scikit-learn defines it.
  double average_precision(std::span<const double> weights) const;

  struct Point {
    double threshold, true_positive_rate, false_positive_rate, precision;
  };
  // One point per distinct score, from the highest down.
  std::vector<Point> curve() const;

 private:
  std::vector<std::uint32_t> order_;    // examples by descending score
  std::vector<double> scores_;          // in that order
  std::vector<std::uint8_t> positive_;  // in that order
  std::vector<std::uint8_t> ends_;      // 1 where a run of equal scores ends
};

// DeLong, DeLong and Clarke-Pearson 1988, by ranks (Sun and Xu 2014), one example per patient.
Interval auroc_delong(std::span<const double> scores, std::span<const double> truth,
                      double level = 0.95);

// Mean squared difference and mean negative log-likelihood; probabilities are kept 1e-15 off 0, 1.
double brier_score(std::span<const double> p, std::span<const double> truth,
                   std::span<const double> weights);
double log_loss(std::span<const double> p, std::span<const double> truth,
                std::span<const double> weights);

struct Confusion {
  double tp = 0, fp = 0, tn = 0, fn = 0;
  double sensitivity() const { return tp / (tp + fn); }
  double specificity() const { return tn / (tn + fp); }
  double ppv() const { return tp / (tp + fp); }
  double npv() const { return tn / (tn + fn); }
  double accuracy() const { return (tp + tn) / (tp + tn + fp + fn); }
  double f1() const { return 2 * tp / (2 * tp + fp + fn); }
};

// p >= threshold is a yes.
Confusion confusion(std::span<const double> p, std::span<const double> truth,
                    std::span<const double> weights, double threshold);

// Net benefit of acting at p >= threshold, per patient (Vickers and Elkin 2006).
double net_benefit(const Confusion& c, double threshold);

// Inverse of the standard normal distribution function.
double normal_quantile(double p);

}  // namespace cangong
