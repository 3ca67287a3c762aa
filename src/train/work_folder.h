// The folder of a training under way: recipe, vocabulary, tokens, checkpoint. All that is needed to
// go on with it, so it can be carried to another machine and back. Format: docs/formats.md.
#pragma once

#include "train/pretrain.h"

namespace cangong {

struct WorkFolder {
  fs::path path;
  PretrainRecipe recipe;
  std::string belongs_to;  // a digest of the recipe and the store
  TokenVocabulary vocabulary;
  TokenTally tally;

  fs::path tokens() const { return path / "tokens"; }
  fs::path checkpoint() const { return path / "checkpoint.safetensors"; }

  static bool is_whole(const fs::path& path) { return fs::exists(path / "tokens.json"); }
  // Throws Fault::missing where there is none, Fault::storage where it is damaged.
  static WorkFolder open(const fs::path& path);
  // Beside tokens that are written; the folder is whole then.
  void commit() const;
  // Throws Fault::storage where not all are there.
  TokenShards shards() const;
};

}  // namespace cangong
