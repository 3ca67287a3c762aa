// Penalised maximum likelihood by proximal Newton steps: one solver for every likelihood.
#pragma once

#include <span>
#include <vector>

#include "model/likelihood.h"

namespace cangong {

// loss + lambda * sum_j factor_j * ((1 - alpha)/2 b_j^2 + alpha |b_j|) (Friedman, Hastie and
// Tibshirani 2010). Columns with factor 0 are not penalised.
struct Penalty {
  double lambda = 0, alpha = 1;
  std::span<const double> factors;  // one per column
};

struct NewtonOptions {
  int most_steps = 50;
  double tolerance = 1e-9;  // on the change of the standardised coefficients
};

// Moves `coefficients` (the start) to the minimum. Throws Fault::model where it does not converge.
void fit_penalised(const RealMatrix& x, const Likelihood& likelihood, const Penalty& penalty,
                   std::vector<double>& coefficients, const NewtonOptions& options = {});

// The smallest lambda at which all penalised coefficients are 0.
double largest_lambda(const RealMatrix& x, const Likelihood& likelihood, const Penalty& penalty,
                      std::vector<double> unpenalised);

// Descending, spaced evenly on the log scale.
std::vector<double> lambda_path(double largest, double ratio, std::size_t count);

// x times coefficients.
std::vector<double> linear_predictor(const RealMatrix& x, std::span<const double> coefficients);

}  // namespace cangong
