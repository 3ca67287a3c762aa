// A way of training a model of whole timelines. Reference: docs/foundation.md.
#pragma once

#include "train/card.h"
#include "train/decoder_trainer.h"
#include "train/token_batches.h"

namespace cangong {

struct DecoderOptions {
  static constexpr bool is_config = true;
  std::size_t layers = 6, heads = 6, width = 96;
  bool additive = false;
  template <class V>
  void visit(V& v) {
    v("layers", layers, "blocks of attention and network");
    v("heads", heads, "of attention; they share the width");
    v("width", width, "numbers of a token");
    v("additive", additive, "each event ever had multiplies the rates by factors of its own, too");
  }
};

struct PretrainOptions {
  static constexpr bool is_config = true;
  std::size_t steps = 2000, people = 128, warm_up = 200, evaluate_every = 250, judged_people = 2000;
  double learning_rate = 2e-3, lowest_rate = 2e-4, weight_decay = 0.2, dropout = 0.1, clip = 1;
  double beta1 = 0.9, beta2 = 0.99, average = 0;
  std::string numbers = "float32";
  FloatFormat format() const {
    return numbers == "bfloat16" ? FloatFormat::bfloat16 : FloatFormat::float32;
  }
  template <class V>
  void visit(V& v) {
    v("steps", steps, "of training");
    v("people", people, "of a step");
    v("learning_rate", learning_rate, "at its highest");
    v("lowest_rate", lowest_rate, "at the end");
    v("warm_up", warm_up, "steps until the highest rate");
    v("weight_decay", weight_decay, "of what multiplies");
    v("dropout", dropout, "share of numbers left out at random");
    v("clip", clip, "largest norm of a gradient");
    v("beta1", beta1, "AdamW: memory of the mean");
    v("beta2", beta2, "AdamW: memory of the square");
    v("average", average,
      "0: none; else weights are averaged over training, and the average is judged and kept: what "
      "stays of it from step to step, such as 0.99");
    v("numbers", numbers,
      "float32, or bfloat16 (needs --device cuda): of what multiplies; weights stay float32");
    v("evaluate_every", evaluate_every, "steps between judgements on the tuning patients");
    v("judged_people", judged_people, "of the tuning patients; 0: all");
  }
};

struct ShareOptions {
  static constexpr bool is_config = true;
  double tuning = 0.1, held_out = 0.1;
  template <class V>
  void visit(V& v) {
    v("tuning", tuning, "share of patients who choose, where the store has no split of its own");
    v("held_out", held_out, "share of patients who judge");
  }
};

struct PretrainRecipe {
  static constexpr bool is_config = true;
  std::string name, description;
  TokenOptions tokens;
  WindowOptions window;
  DecoderOptions model;
  PretrainOptions training;
  ShareOptions split;
  std::size_t seed = 1;
  CardOptions card;
  std::string text;  // the file as it was read
  template <class V>
  void visit(V& v) {
    v("name", name, "of the model");
    v("description", description, "what it is for");
    v("tokens", tokens, "what a timeline is made of");
    v("window", window, "how much of a timeline is learned from at once");
    v("model", model, "layers, heads, width");
    v("training", training, "steps and rates");
    v("split", split, "who trains, chooses and judges");
    v("seed", seed, "of everything random");
    v("card", card, "what only a person can say");
  }
};

// Throws Fault::config with file and line.
PretrainRecipe load_pretrain_recipe(const fs::path& file);
PretrainRecipe parse_pretrain_recipe(const std::string& text, const std::string& file);

DelphiShape shape_of(const DecoderOptions& model, std::size_t vocabulary);
// N(0, 0.02), less where layers add up (Radford et al. 2019); scales are 1, what is additive is 0.
DelphiNetwork<float>::Weights first_weights(const DelphiShape& shape, std::uint64_t seed);

}  // namespace cangong
