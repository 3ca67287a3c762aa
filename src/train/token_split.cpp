#include "train/token_split.h"

#include <algorithm>

#include "base/error.h"
#include "base/random.h"
#include "cohort/split.h"

namespace cangong {

SplitOf::SplitOf(const Store& store, const PretrainRecipe& recipe)
    : own_(store.splits()), share_(recipe.split), seed_(recipe.seed) {}

TokenSplit SplitOf::operator()(PatientId patient) const {
  if (!own_.empty()) {
    const auto found = own_.find(patient);
    if (found == own_.end())
      fail(Fault::config, "the store's splits do not name every patient; complete them");
    if (found->second == kTrain) return TokenSplit::train;
    return found->second == kTuning ? TokenSplit::tuning : TokenSplit::held_out;
  }
  const double at =
      Random(seed_ * 0x9e3779b97f4a7c15 ^ static_cast<std::uint64_t>(patient.for_storage()))
          .uniform();
  if (at < share_.tuning) return TokenSplit::tuning;
  return at < share_.tuning + share_.held_out ? TokenSplit::held_out : TokenSplit::train;
}

Time end_of_records(std::vector<Time>& lasts) {
  const auto late = lasts.end() - 1 - static_cast<std::ptrdiff_t>(lasts.size() / 1000);
  std::nth_element(lasts.begin(), late, lasts.end());
  return *late;
}

}  // namespace cangong
