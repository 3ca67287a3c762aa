// Which patients train, which tune, which judge. Always by patient, never by row.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/config.h"
#include "timeline/store.h"

namespace cangong {

inline constexpr const char* kTrain = "train";
inline constexpr const char* kTuning = "tuning";
inline constexpr const char* kHeldOut = "held_out";

struct SplitOptions {
  static constexpr bool is_config = true;
  std::string by = "auto";
  double tuning = 0.15, held_out = 0.2;
  std::size_t seed = 1;
  bool stratify = true;
  std::vector<std::string> sites;
  std::string from, where;
  template <class V>
  void visit(V& v) {
    v("by", by, "store (its own), random, site or time; auto: store if it has one, else random");
    v("tuning", tuning, "share of patients for choosing and recalibrating");
    v("held_out", held_out, "share of patients for judging");
    v("seed", seed, "of the random split");
    v("stratify", stratify, "keep the share of events alike");
    v("sites", sites, "site: patients with SITE//NAME of these are held out");
    v("from", from, "time: patients whose first example is on or after this date are held out");
  }
};

// Every patient among the rows gets one of the three names. The same rows and options give the same
// split, whatever their order. Throws Fault::config where a part would be empty.
Splits split_patients(const std::vector<LabelRow>& rows, const Store& store,
                      const SplitOptions& options);

// Folds 0..count-1 for cross-validation, by patient, stratified.
std::map<PatientId, std::size_t> fold_patients(const std::vector<LabelRow>& rows, std::size_t count,
                                               std::uint64_t seed);

}  // namespace cangong
