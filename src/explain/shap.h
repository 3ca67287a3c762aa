// Shapley values of one output of a model, on the margin scale.
#pragma once

#include "base/random.h"
#include "model/readout.h"

namespace cangong {

struct ShapOptions {
  std::size_t permutations = 2;  // per background row, each with its reverse
  std::uint64_t seed = 1;
};

// rows x (columns + 1): one part per column of the encoder, the base value last. Rows sum to the
// margin: exactly for linear models and trees (TreeSHAP), within 1e-4 for the others and for
// classes (the log-odds of one against the others), which are estimated by antithetic permutation
// sampling against the background rows (Strumbelj and Kononenko 2014; Mitchell et al. 2022). Each
// background row has permutations of its own: as many model calls tell far more than the same
// permutation for all. Columns that the model does not see get 0.
RealMatrix shap(const Fitted& fitted, const Matrix& x, const Matrix& background, std::size_t output,
                const ShapOptions& options = {});

// The same by sampling, also where the model has an exact form of its own.
RealMatrix sampled_shap(const Fitted& fitted, const Matrix& x, const Matrix& background,
                        std::size_t output, const ShapOptions& options = {});

// Each column's share of the mean absolute parts over the rows and all outputs; sums to 1.
std::vector<double> importance(const Fitted& fitted, const Matrix& x, const Matrix& background,
                               const ShapOptions& options = {});

}  // namespace cangong
