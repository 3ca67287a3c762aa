// A way of training, as a clinician can review it. Reference: docs/recipes.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/config.h"
#include "cohort/split.h"
#include "encode/joined.h"
#include "train/card.h"
#include "train/examples.h"
#include "train/search.h"
#include "train/select.h"
#include "train/stability.h"

namespace cangong {

struct ValidationOptions {
  static constexpr bool is_config = true;
  std::size_t folds = 0;
  template <class V>
  void visit(V& v) {
    v("folds", folds, "0: judge on held-out patients; else cross-validate by patient");
  }
};

struct AbstainOptions {
  static constexpr bool is_config = true;
  double most_missing = 0.9, most_outside = 0.2;
  template <class V>
  void visit(V& v) {
    v("most_missing", most_missing, "no answer where more of the importance is missing than this");
    v("most_outside", most_outside, "no answer where more of it lies outside the training range");
  }
};

struct Recipe {
  static constexpr bool is_config = true;
  std::string name, description, recalibrate = "auto";
  EncoderOptions encoder;
  std::optional<Node> model;
  std::optional<SearchOptions> search;
  SelectOptions select;
  SplitOptions split;
  ValidationOptions validation;
  AbstainOptions abstain;
  StabilityOptions stability;
  CardOptions card;
  Duration horizon{std::chrono::hours(24 * 365)};
  std::size_t cause = 1, seed = 1;
  std::string other_causes = "compete";
  std::vector<std::string> also;  // further tasks
  std::vector<std::string> baselines{"prevalence", "age_sex", "linear", "trees"};
  std::string text;  // the file as it was read
  template <class V>
  void visit(V& v) {
    v("name", name, "of the model");
    v("description", description, "what it is for");
    v("encoder", encoder, "how a history becomes features");
    v("model", model, "the learner: kind and its own options");
    v("search", search, "settings of the model to look for, on training patients only");
    v("select", select, "how many columns the model sees, chosen on the training patients");
    v("split", split, "who trains, tunes and judges");
    v("validation", validation, "held out or cross-validated");
    v("recalibrate", recalibrate,
      "none, platt, temperature, beta, isotonic or venn_abers on the tuning patients; auto");
    v("abstain", abstain, "when to give no answer");
    v("stability", stability, "refits, shares: what other or fewer patients would have given");
    v("card", card, "what only a person can say about the model");
    v("horizon", horizon, "survival: the time at which risk is told");
    v("cause", cause, "survival: which of the causes is the event");
    v("other_causes", other_causes, "survival: compete (cumulative incidence) or censor");
    v("also", also, "tasks that the same network learns beside, on the same patients and moments");
    v("seed", seed, "of everything random");
    v("baselines", baselines, "shown beside the model: prevalence, age_sex, linear, trees");
  }
};

// How the labels of a survival task become targets.
CauseOptions causes_of(const Recipe& recipe);
// Of further tasks: the first cause is the event.
CauseOptions further_causes_of(const Recipe& recipe);

Recipe load_recipe(const fs::path& file);
Recipe parse_recipe(const std::string& text, const std::string& file);

}  // namespace cangong
