// Features with gaps and scales of their own -> numbers that a linear model or a network can use.
#pragma once

#include <string>
#include <vector>

#include "base/matrix.h"

namespace cangong {

// Fitted on training rows: each column is centred and scaled to unit variance; a missing value
// becomes the mean, and a column that is ever missing gets a 0/1 flag beside it.
class Normaliser {
 public:
  void fit(const Matrix& training);
  // rows x outputs(); column j of the input comes first, flags behind.
  RealMatrix apply(const Matrix& raw) const;

  std::size_t inputs() const { return mean_.size(); }
  std::size_t outputs() const { return mean_.size() + flagged_.size(); }
  // The input column behind an output.
  std::size_t source(std::size_t output) const {
    return output < inputs() ? output : flagged_[output - inputs()];
  }
  double mean(std::size_t output) const {
    return output < inputs() ? mean_[output] : flag_mean_[output - inputs()];
  }
  double scale(std::size_t output) const {
    return output < inputs() ? scale_[output] : flag_scale_[output - inputs()];
  }

  std::string save() const;
  static Normaliser load(const std::string& saved);

 private:
  std::vector<double> mean_, scale_, flag_mean_, flag_scale_;
  std::vector<std::size_t> flagged_;
};

}  // namespace cangong
