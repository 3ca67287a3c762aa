// Ways to say what each column had to do with one answer, on the margin scale.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "model/readout.h"

namespace cangong {

struct Explainee {
  const Fitted& fitted;
  const Matrix& background;  // training rows, encoder's columns
  std::size_t output = 0;
  std::uint64_t seed = 1;
};

struct Attribution {
  std::string_view name, summary;
  // rows x (columns + 1), the base last.
  RealMatrix (*parts)(const Explainee& explainee, const Matrix& x);
};

std::span<const Attribution> attributions();
// Throws Fault::config, listing the known names.
const Attribution& attribution_named(std::string_view name);

// Shapley values against the background rows, whatever the model is (interventional: Janzing,
// Minorics and Bloebaum 2020). Trees' own values (`shap`) follow the paths of the trees instead.
RealMatrix interventional_shap(const Explainee& explainee, const Matrix& x);
// The margin less the mean margin when the column alone takes the background's values. Adds up to
// nothing in particular.
RealMatrix occlusion(const Explainee& explainee, const Matrix& x);
// The coefficients of a ridge regression on 0/1 columns (1: as it is, 0: as in a background row) in
// the neighbourhood of the row (LIME: Ribeiro, Singh and Guestrin 2016). At most 300 columns, those
// of the largest occlusion.
RealMatrix lime(const Explainee& explainee, const Matrix& x);
// Integrated gradients (Sundararajan, Taly and Yan 2017) from every background row, averaged.
// Throws Fault::config for models without gradients.
RealMatrix integrated_gradients(const Explainee& explainee, const Matrix& x);

// Shapley interaction values (Grabisch and Roubens 1999) of pairs among `columns`, sampled like the
// Shapley values; mean absolute value over the rows: columns.size() x columns.size(), symmetric.
RealMatrix interactions(const Explainee& explainee, const Matrix& x,
                        std::span<const std::size_t> columns);

}  // namespace cangong
