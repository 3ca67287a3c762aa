#include "train/work_folder.h"

#include <nlohmann/json.hpp>

namespace cangong {
namespace {

nlohmann::ordered_json json_of(const TokenTally& tally) {
  return {{"people", tally.people},
          {"events", tally.events},
          {"unknown", tally.unknown},
          {"without_birth", tally.without_birth},
          {"too_short", tally.too_short}};
}

}  // namespace

WorkFolder WorkFolder::open(const fs::path& path) {
  if (!is_whole(path))
    fail(Fault::missing,
         path.string() + " is no folder of a training: cangong pretrain --prepare makes one");
  const auto json = nlohmann::json::parse(read_file(path / "tokens.json"), nullptr, false);
  if (!json.is_object() || !json.contains("belongs_to") || !json["belongs_to"].is_string() ||
      !json.contains("tally") || !json["tally"].is_object() || !fs::exists(path / "recipe.yaml"))
    fail(Fault::storage, (path / "tokens.json").string() + " is damaged; remove " + path.string());
  const auto told = [&](const char* key) { return json["tally"].value(key, std::uint64_t{0}); };
  return {
      path,
      load_pretrain_recipe(path / "recipe.yaml"),
      json["belongs_to"],
      TokenVocabulary::parse(read_file(path / "vocabulary.json")),
      {told("people"), told("events"), told("unknown"), told("without_birth"), told("too_short")}};
}

void WorkFolder::commit() const {
  write_file(path / "vocabulary.json", vocabulary.json());
  write_file(path / "recipe.yaml", recipe.text);
  write_file(
      path / "tokens.json",  // last: it says that all is there
      nlohmann::ordered_json{{"belongs_to", belongs_to}, {"tally", json_of(tally)}}.dump() + "\n");
}

TokenShards WorkFolder::shards() const {
  TokenShards all = TokenShards::open(tokens(), vocabulary.size());
  const std::uint64_t people = all.people(TokenSplit::train) + all.people(TokenSplit::tuning) +
                               all.people(TokenSplit::held_out);
  if (people != tally.people || all.events() != tally.events)
    fail(Fault::storage, "the tokens in " + path.string() +
                             " are not all there; remove the folder, and they are written anew");
  return all;
}

}  // namespace cangong
