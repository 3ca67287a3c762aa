// Would other patients of the same kind have given another model?
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/config.h"
#include "base/error.h"
#include "model/readout.h"

namespace cangong {

struct StabilityOptions {
  static constexpr bool is_config = true;
  std::size_t refits = 0;
  std::vector<double> shares{0.2, 0.4, 0.6, 0.8};
  template <class V>
  void visit(V& v) {
    v("refits", refits, "models on resamples of the training patients; 0: none");
    v("shares", shares, "of the training patients, to see what more of them would bring");
  }
};
// Throws Fault::config where an option is out of its range.
inline void check_options(const StabilityOptions& options) {
  if (options.refits == 1 || options.refits > 1000)
    fail(Fault::config, "stability: refits is 0, or 2 to 1000");
  for (const double share : options.shares)
    if (!(share > 0 && share < 1)) fail(Fault::config, "stability: shares lie between 0 and 1");
}

struct Stability {
  // How good models of fewer patients are: mean, least and largest loss of three draws.
  struct Size {
    std::size_t patients = 0;
    double loss = 0, low = 0, high = 0;
  };
  // What the refits say to a patient whom the model gives `value`: mean, and where 95 % of them
  // lie.
  struct Spread {
    double value = 0, mean = 0, low = 0, high = 0;
  };
  std::vector<Size> sizes;      // ends with all patients
  std::vector<Spread> spreads;  // by ascending value, 500 rows at most
  std::string judged_on;        // held_out; tuning or train where nobody was held out
  std::size_t refits = 0;       // that could be fitted
  double mean_change = 0;       // mean absolute difference between a refit's answer and the model's
};
std::string save_stability(const Stability& stability);
Stability load_stability(const std::string& saved);

struct StabilityData {
  const Dataset& train;
  const Dataset& judge;
  std::string judged_on;  // which split `judge` is
};
using Refit = std::function<Fitted(const Dataset& part)>;
// Refits on bootstrap samples of patients (Riley and Collins 2023) and on shares of them, with the
// columns and settings of `own`: their choice is not repeated. Of classes, the chance of the one
// that `own` names. Samples that cannot be fitted, such as those without an event, are left out.
Stability examine_stability(const Fitted& own, const StabilityData& data,
                            const StabilityOptions& options, std::uint64_t seed,
                            const Refit& refit);

}  // namespace cangong
