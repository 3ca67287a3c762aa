// Who trains a model of timelines, chooses among its states, and judges it.
#pragma once

#include "train/pretrain.h"

namespace cangong {

// The store's own split, or one by a hash of the patient's number.
class SplitOf {
 public:
  SplitOf(const Store& store, const PretrainRecipe& recipe);
  // Throws Fault::config where the store has a split that does not name the patient.
  TokenSplit operator()(PatientId patient) const;

 private:
  Splits own_;
  ShareOptions share_;
  std::uint64_t seed_;
};

// When a store's records end, by the last record of each patient (not none): one misdated row, a
// visit planned for another decade, does not make them longer.
Time end_of_records(std::vector<Time>& lasts);

}  // namespace cangong
