#include "train/recipe.h"

#include "evaluate/calibration.h"

namespace cangong {

void read_value(const Node& node, Node& value) {
  value = node;
}

Recipe parse_recipe(const std::string& text, const std::string& file) {
  Recipe recipe;
  read_value(Node::parse(text, file), recipe);
  recipe.text = text;
  if (recipe.name.empty()) recipe.name = fs::path(file).stem().string();
  if (recipe.name == "recipe" && fs::path(file).has_parent_path())
    recipe.name = fs::path(file).parent_path().filename().string();
  const std::string& r = recipe.recalibrate;
  if (r != "auto" && r != "none" && r != "platt" && r != "isotonic")
    fail(Fault::config, file + ": recalibrate is auto, none, platt or isotonic");
  if (recipe.validation.folds == 1) fail(Fault::config, file + ": folds is 0 or at least 2");
  return recipe;
}

Recipe load_recipe(const fs::path& file) {
  return parse_recipe(read_file(file), file.string());
}

}  // namespace cangong
