#include "train/recipe.h"

#include <algorithm>

#include "evaluate/calibration.h"

namespace cangong {

Recipe parse_recipe(const std::string& text, const std::string& file) {
  Recipe recipe;
  read_value(Node::parse(text, file), recipe);
  recipe.text = text;
  if (recipe.name.empty()) recipe.name = fs::path(file).stem().string();
  if (recipe.name == "recipe" && fs::path(file).has_parent_path())
    recipe.name = fs::path(file).parent_path().filename().string();
  std::vector<std::string> ways{"auto"};
  for (const auto& [name, kind] : Recalibration::kinds()) ways.emplace_back(name);
  if (std::find(ways.begin(), ways.end(), recipe.recalibrate) == ways.end())
    fail(Fault::config, file + ": recalibrate is one of " + join(ways, ", ") + ", not \"" +
                            recipe.recalibrate + "\"" + suggestion(recipe.recalibrate, ways));
  const std::size_t folds = recipe.validation.folds;
  if (folds != 0 && (folds < 3 || folds > 100))
    fail(Fault::config, file + ": folds is 0, or 3 to 100 (one judges, one tunes, the rest train)");
  const auto share = [&](double value, const char* name) {
    if (!(value >= 0 && value <= 1))
      fail(Fault::config, file + ": " + name + " is a share, 0 to 1");
  };
  share(recipe.split.tuning, "split tuning");
  share(recipe.split.held_out, "split held_out");
  share(recipe.split.tuning + recipe.split.held_out, "split tuning + held_out");
  share(recipe.abstain.most_missing, "abstain most_missing");
  share(recipe.abstain.most_outside, "abstain most_outside");
  for (const auto& baseline : recipe.baselines)
    if (baseline != "prevalence" && baseline != "age_sex" && baseline != "linear" &&
        baseline != "trees" && baseline != "mlp")
      fail(Fault::config, file + ": unknown baseline \"" + baseline +
                              "\" (prevalence, age_sex, linear, trees, mlp)");
  if (recipe.encoder.visits.keep > 0 && recipe.select.keep > 0)
    fail(Fault::config, file + ": select would tear the visits apart; take one of the two out");
  if (recipe.search) check_options(*recipe.search);
  check_options(recipe.stability);
  if (recipe.other_causes != "compete" && recipe.other_causes != "censor")
    fail(Fault::config, file + ": other_causes is compete or censor");
  if (recipe.cause == 0) fail(Fault::config, file + ": cause is the number of a cause, from 1");
  if (!recipe.encoder.timelines.empty() && recipe.validation.folds > 0)
    fail(Fault::config, file +
                            ": validation: folds: every fold's judges would have taught the "
                            "model of timelines; leave it out");
  if (recipe.encoder.aggregates.empty())
    fail(Fault::config, file + ": encoder aggregates is empty");
  if (recipe.horizon <= Duration(0)) fail(Fault::config, file + ": horizon must be positive");
  return recipe;
}

CauseOptions causes_of(const Recipe& recipe) {
  return {recipe.cause, recipe.other_causes == "censor" ? Others::censor : Others::compete};
}

CauseOptions further_causes_of(const Recipe& recipe) {
  return {1, causes_of(recipe).others};
}

Recipe load_recipe(const fs::path& file) {
  return parse_recipe(read_file(file), file.string());
}

}  // namespace cangong
