// What a model of timelines takes drugs to do, beside what they do: of a deep synthetic hospital,
// whose log hazard ratios are known (docs/synthetic.md). Where a coin gives the drug, what follows
// it is its effect; in usual care it is that only as far as the record says why it was given.
#pragma once

#include "model/timeline_model.h"
#include "report/timelines.h"

namespace cangong {

class KnownEffects {
 public:
  // `truth`: the folder with the hospital's world.json. Throws Fault::input where that is damaged.
  KnownEffects(const TimelineModel& model, const fs::path& truth, std::size_t most_people);

  // Takes the person where a drug was decided of: a week behind the enrolment in its trial, or
  // behind its indication, with and without the drug.
  void add(const FutureRequest& record);
  // Computes; empty where the model does not know the drugs.
  std::vector<DrugEffect> told(std::size_t threads) const;

 private:
  struct Drug {
    std::int32_t id, trial, indication;
    std::vector<DrugEffect> effects;
    std::vector<std::int32_t> outcomes;       // of each effect
    std::vector<FutureRequest> arms[2] = {};  // randomised, usual care
  };
  // Of each of the drug's effects.
  std::vector<DrugEffect::Arm> told_of(const Drug& drug, std::size_t arm,
                                       std::size_t threads) const;

  const TimelineModel& model_;
  DecoderFutures futures_;
  std::size_t most_people_;
  std::vector<Drug> drugs_;
};

}  // namespace cangong
