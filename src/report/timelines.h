// How a model of timelines foretold what came: outcome by outcome.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/time.h"
#include "evaluate/interval.h"

namespace cangong {

struct JudgedOutcome {
  std::string code, description;
  std::size_t patients = 0;           // to whom it could happen
  double observed = 0, expected = 0;  // patients who had it by the end
  Interval ratio;                     // observed to expected
  Interval auroc;                     // NaN where nobody, or everybody, had it
  // Where the truth is known, as of synthetic people: mean true risk, and over the patients,
  // foretold to true, slope of what was foretold on the true risk, mean distance as a share of the
  // mean.
  struct Truth {
    double mean = 0, ratio = kNaN, slope = kNaN, error = kNaN;
  };
  std::optional<Truth> truth = {};
  double slope = kNaN;  // of the observed on the logit of what was foretold; 1 is right
};

// A drug's known log hazard ratio of an outcome, and what the model makes of it, for whom a coin
// decides and for whom usual care does.
struct DrugEffect {
  struct Arm {
    std::size_t people = 0;
    double log_ratio = kNaN, spread = kNaN;  // mean and standard deviation over people
    // The share of them to whom, as the model sees it, the drug is hardly ever given (in fewer than
    // 5 of 100 within two weeks): about them it cannot know.
    double hardly_given = kNaN;
  };
  std::string drug, outcome;
  double truth = 0;
  Arm randomised = {}, usual = {};
};

struct TimelinesReport {
  Digest bundle, store;
  std::string model, judged_by;  // "held_out", "tuning", "everybody": the store is another one
  bool synthetic = false;
  Time as_of;
  double years = 0;
  std::size_t patients = 0, futures = 0;
  // A task that was asked of futures: the only outcome, its examples counted as patients; those
  // without an answer are counted here: no birth known or dead, and the task took no future.
  std::string task;
  std::size_t not_asked = 0, not_taken = 0;
  std::size_t cut = 0;                  // futures with more events than are drawn
  std::vector<DrugEffect> effects;      // of a deep synthetic hospital
  std::vector<JudgedOutcome> outcomes;  // by falling number of patients who had it
};

std::string timelines_report_json(const TimelinesReport& report);
std::string timelines_report_html(const TimelinesReport& report);

}  // namespace cangong
