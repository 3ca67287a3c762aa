// A trained model with all that its answers need, and how it is kept in a bundle.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cohort/split.h"
#include "encode/joined.h"
#include "model/readout.h"
#include "registry/bundle.h"
#include "train/leakage.h"
#include "train/recipe.h"
#include "train/stability.h"

namespace cangong {

// Where training patients' values of a column lie.
struct ReferenceRange {
  float low = 0, high = 0;  // smallest and largest
  double missing = 0;       // share without a value
  double importance = 0;    // share of the mean absolute contribution
};

// Predictions for patients that the model in question had not seen, one per fold.
struct OutOfFold {
  std::vector<std::size_t> examples;  // numbers of the labelled rows, in the labels' order
  std::vector<std::string> models;
  std::vector<Scored> scored;  // by model
  std::size_t folds = 0;       // that are done
};
std::string save_out_of_fold(const OutOfFold& oof);
// Throws Fault::storage, naming the file, where the text is damaged.
OutOfFold load_out_of_fold(const std::string& text, const fs::path& file);

struct Pipeline {
  Recipe recipe;
  std::string task_name, task_text;
  std::unique_ptr<JoinedEncoder> encoder;
  std::vector<Fitted> models;          // the recipe's first, then the baselines
  std::vector<ReferenceRange> ranges;  // by column
  struct Further {
    std::string task, text;
    Fitted fitted;
  };
  std::vector<Further> also;  // what the main model learnt beside
  Matrix background;          // training rows for explanation
  std::vector<double> grid;   // survival: days at which curves are judged
  std::vector<double> training_days, training_events;
  Splits splits;
  std::optional<OutOfFold> out_of_fold;
  std::optional<Stability> stability;                            // where the recipe asks for it
  std::vector<double> judged_value, judged_truth, judged_event;  // of patients that did not train
  std::vector<double> judged_free;                               // survival: Scored::free_at_end
  double judged_rows_per_patient = 1;
  Digest store_digest, labels_digest;
  LeakageReport leakage;  // what was looked for before the training
  std::size_t training_rows = 0;
  bool synthetic = false;  // trained on patients who do not exist

  const Fitted& main() const { return models.front(); }
  // Where the columns of a model of timelines' state stand; empty where there is none.
  std::pair<std::size_t, std::size_t> state_columns() const {  // [first, last)
    if (!encoder->state()) return {0, 0};
    const std::size_t last = encoder->layout().facts;
    return {last - encoder->state()->columns().size(), last};
  }
};

void write_pipeline(const Pipeline& pipeline, BundleWriter& bundle);
Pipeline read_pipeline(const Bundle& bundle);

// Of answers to rows: log-loss, squared error, or one less Harrell's C. The smaller the better.
double loss_of(const Fitted& fitted, const Dataset& judge);

// One model's answers for encoded rows; survival: on a grid of days and at each row's own day.
Scored score(const Fitted& fitted, const Dataset& data, const std::vector<double>& grid);

}  // namespace cangong
