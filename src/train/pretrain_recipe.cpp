#include "train/pretrain_recipe.h"

#include <cmath>

#include "base/random.h"

namespace cangong {
namespace {

void check(const PretrainRecipe& recipe, const Node& root) {
  const auto refuse = [&](const char* key, const std::string& why) {
    (root.find(key) ? *root.find(key) : root).reject(why);
  };
  const DecoderOptions& model = recipe.model;
  if (model.layers == 0 || model.heads == 0 || model.width == 0 || model.width % model.heads != 0 ||
      model.width % 2 != 0)
    refuse("model",
           "layers, heads and width are above 0; the width is even and the heads divide it");
  constexpr std::size_t kMostLayers = 200, kMostWidth = 16384;
  if (model.layers > kMostLayers || model.width > kMostWidth)
    refuse("model", "200 layers and a width of 16,384 at most");
  const WindowOptions& window = recipe.window;
  if (window.context < 2 || window.context > 65536) refuse("window", "context is from 2 to 65,536");
  if (window.from != "random" && window.from != "first")
    refuse("window", "from is random or first");
  if (window.ties != "seen" && window.ties != "hidden") refuse("window", "ties are seen or hidden");
  if (window.silence != "counts" && window.silence != "left_out")
    refuse("window", "silence counts or is left_out");
  if (recipe.model.additive && recipe.training.numbers != "float32")
    refuse("training", "what is additive is trained by processors, in float32");
  if (!(window.no_event_years >= 0.05) || !(window.least_days >= 0) ||
      !(window.resolution_days > 0))
    refuse("window",
           "no_event_years is 0.05 at least, resolution_days above 0, least_days 0 or more");
  (void)patterns_of(window.shift, "window: shift");
  const TokenOptions& tokens = recipe.tokens;
  if (tokens.least_people == 0 || tokens.parts == 0 || tokens.parts > 1000 ||
      tokens.most_tokens < 10)
    refuse("tokens", "least_people is 1 at least, parts from 1 to 1,000, most_tokens 10 at least");
  try {
    (void)FollowUp::parse(tokens.observed_until);
  } catch (const Error& error) {
    refuse("tokens", error.what());
  }
  const PretrainOptions& training = recipe.training;
  const auto is_memory = [](double beta) { return beta >= 0 && beta < 1; };
  if (!is_memory(training.beta1) || !is_memory(training.beta2) || !is_memory(training.average) ||
      !(training.clip > 0) || !(training.weight_decay >= 0))
    refuse("training",
           "beta1, beta2 and average are from 0 to below 1, clip above 0, weight_decay 0 or more");
  if (training.steps == 0 || training.people == 0 || training.evaluate_every == 0)
    refuse("training", "steps, people and evaluate_every are above 0");
  if (training.numbers != "float32" && training.numbers != "bfloat16")
    refuse("training", "numbers are float32 or bfloat16");
  if (training.steps <= training.warm_up)
    refuse("training", "warm_up is below steps, or the highest rate is never reached");
  if (!(training.learning_rate > 0) || !(training.dropout >= 0 && training.dropout < 1))
    refuse("training", "learning_rate is above 0, dropout from 0 to below 1");
  const double rest = 1 - recipe.split.tuning - recipe.split.held_out;
  if (!(recipe.split.tuning > 0 && recipe.split.held_out >= 0 && rest > 0))
    refuse("split", "tuning is above 0, and somebody is left to train");
}

}  // namespace

PretrainRecipe parse_pretrain_recipe(const std::string& text, const std::string& file) {
  const Node root = Node::parse(text, file);
  PretrainRecipe recipe;
  read_value(root, recipe);
  recipe.text = text;
  check(recipe, root);
  return recipe;
}

PretrainRecipe load_pretrain_recipe(const fs::path& file) {
  return parse_pretrain_recipe(read_file(file), file.string());
}

DelphiShape shape_of(const DecoderOptions& model, std::size_t vocabulary) {
  return {model.layers, model.heads, model.width, vocabulary, model.additive};
}

DelphiNetwork<float>::Weights first_weights(const DelphiShape& shape, std::uint64_t seed) {
  constexpr double kSpread = 0.02;
  Random random(seed);
  DelphiNetwork<float>::Weights weights;
  for (const auto& [name, rows, columns] : shape.weights()) {
    const bool adds_up = name.ends_with("c_proj.weight");
    const double spread = name == kAdditiveWeight ? 0
                          : adds_up ? kSpread / std::sqrt(2 * static_cast<double>(shape.layers))
                                    : kSpread;
    auto& values = weights[name];
    for (std::size_t i = 0; i < rows * columns; ++i)
      values.push_back(rows == 1 ? 1 : static_cast<float>(spread * random.normal()));
  }
  return weights;
}

}  // namespace cangong
