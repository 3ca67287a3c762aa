#include <nlohmann/json.hpp>

#include "base/progress.h"
#include "engine/foundation.h"
#include "engine/token_split.h"

namespace cangong {
namespace {

// What a work folder belongs to: another recipe, store or set of kernels gives other bytes.
std::string work_of(const PretrainRecipe& recipe, const Store& store) {
  return digest_of(recipe.text + "\n" + store.digest() + "\n" + kernels().floats);
}

struct Tokens {
  TokenVocabulary vocabulary;
  TokenTally tally;
};

nlohmann::ordered_json json_of(const TokenTally& tally) {
  return {{"people", tally.people},
          {"events", tally.events},
          {"unknown", tally.unknown},
          {"without_birth", tally.without_birth},
          {"too_short", tally.too_short}};
}

Tokens kept_tokens(const fs::path& work, const std::string& belongs_to) {
  const auto json = nlohmann::json::parse(read_file(work / "tokens.json"), nullptr, false);
  if (!json.is_object() || !json.contains("belongs_to") || !json.contains("tally"))
    fail(Fault::storage, (work / "tokens.json").string() + " is damaged; remove " + work.string());
  if (json["belongs_to"] != belongs_to)
    fail(Fault::config, work.string() +
                            " holds a training of another recipe, of other data or of " +
                            "another kind of processor; remove it, or give another --out");
  const auto told = [&](const char* key) { return json["tally"].value(key, std::uint64_t{0}); };
  return {
      TokenVocabulary::parse(read_file(work / "vocabulary.json")),
      {told("people"), told("events"), told("unknown"), told("without_birth"), told("too_short")}};
}

// From the work folder where they are there already: `tokens.json` is written last.
Tokens tokens_of(const PretrainRequest& request, const PretrainRecipe& recipe, const Store& store,
                 const fs::path& work) {
  const fs::path done = work / "tokens.json", folder = work / "tokens";
  const std::string belongs_to = work_of(recipe, store);
  if (fs::exists(done)) return kept_tokens(work, belongs_to);
  fs::remove_all(folder);
  const SplitOf split(store, recipe);
  request.say("finding tokens");
  Tokens tokens{
      TokenVocabulary::learn(
          store, recipe.tokens,
          [&](PatientId patient) { return split(patient) == TokenSplit::train; }, request.threads),
      {}};
  tokens.tally = write_token_shards(
      store, tokens.vocabulary, [&](PatientId patient) { return split(patient); }, folder,
      request.threads);
  write_file(work / "vocabulary.json", tokens.vocabulary.json());
  write_file(
      done,
      nlohmann::ordered_json{{"belongs_to", belongs_to}, {"tally", json_of(tokens.tally)}}.dump() +
          "\n");
  return tokens;
}

TimelineFacts facts_of(const PretrainRecipe& recipe, const Store& store,
                       const TokenShards& shards) {
  TimelineFacts facts;
  facts.name = recipe.name, facts.description = recipe.description;
  facts.store = store.digest(), facts.synthetic = store.inventory().synthetic;
  facts.context = recipe.window.context, facts.steps = recipe.training.steps;
  facts.people = shards.people(TokenSplit::train);
  for (std::size_t i = 0; i < facts.people; ++i)
    facts.events += shards.events(TokenSplit::train, i).size();
  return facts;
}

// On the patients whom nothing was chosen by; the tuning patients where the store has none such.
void judge_finally(const PretrainInput& input, const Pretrained& trained, TimelineFacts& facts) {
  const TokenBatches batches(input.shards, input.vocabulary, input.recipe.window);
  DecoderTraining plain;
  plain.threads = input.threads, plain.least_wait = input.recipe.window.resolution_days;
  DecoderWeights weights = DecoderWeights(trained.weights.shape(), DecoderWeights::Ways::forward);
  std::copy_n(trained.weights.data(), trained.weights.size(), weights.data());
  weights.pack(input.threads);
  const DecoderTrainer trainer(plain, std::move(weights));
  const bool has_judges = input.shards.people(TokenSplit::held_out) > 0;
  const DelphiLoss loss = judge_split(trainer, batches, input.shards,
                                      has_judges ? TokenSplit::held_out : TokenSplit::tuning, 0);
  facts.judged_by = has_judges ? kHeldOut : kTuning;
  facts.cross_entropy = loss.cross_entropy, facts.waiting = loss.waiting;
  facts.judged_events = loss.targets;
}

}  // namespace

PretrainReply pretrain_model(const PretrainRequest& request) {
  const fs::path out = request.out.has_filename() ? request.out : request.out.parent_path();
  refuse_taken(out);
  const PretrainRecipe recipe = load_pretrain_recipe(request.recipe);
  const Store store = Store::open(request.store);
  std::optional<TempFolder> nothing_kept;
  if (request.dry_run) nothing_kept.emplace();
  const fs::path work = request.dry_run ? nothing_kept->path() : fs::path(out.string() + ".work");
  fs::create_directories(work);
  const FileLock lock(work / "lock", work.string() + " is in use by another training");
  Tokens tokens = tokens_of(request, recipe, store, work);
  const DelphiShape shape{recipe.model.layers, recipe.model.heads, recipe.model.width,
                          tokens.vocabulary.size()};
  PretrainReply reply;
  reply.name = recipe.name, reply.tokens = tokens.vocabulary.size();
  reply.parameters = shape.parameters(), reply.tally = tokens.tally;
  request.say(std::to_string(reply.tokens) + " tokens, " + std::to_string(reply.parameters) +
              " parameters, " + std::to_string(tokens.tally.events) + " events of " +
              std::to_string(tokens.tally.people) + " people");
  if (request.dry_run) return reply;
  const TokenShards shards = TokenShards::open(work / "tokens", tokens.vocabulary.size());
  const std::uint64_t people = shards.people(TokenSplit::train) +
                               shards.people(TokenSplit::tuning) +
                               shards.people(TokenSplit::held_out);
  if (people != reply.tally.people || shards.events() != reply.tally.events)
    fail(Fault::storage, "the tokens in " + work.string() +
                             " are not all there; remove the folder, and they are written anew");
  PretrainInput input{shards,
                      tokens.vocabulary,
                      recipe,
                      work / "checkpoint.safetensors",
                      work_of(recipe, store),
                      request.threads};
  input.judged = [&](const PretrainPoint& point) {
    measured("loss of tuning patients", static_cast<double>(point.step),
             point.cross_entropy + point.waiting);
    request.say("step " + std::to_string(point.step) + ": training " +
                format_fixed(point.training, 4) + ", tuning patients " +
                format_fixed(point.cross_entropy, 4) + " + " + format_fixed(point.waiting, 4));
  };
  Pretrained trained = pretrain(input);
  reply.resumed_from = trained.resumed_from, reply.curve = trained.curve;
  reply.facts = facts_of(recipe, store, shards);
  judge_finally(input, trained, reply.facts);
  BundleWriter bundle;
  TimelineModel(std::move(tokens.vocabulary), std::move(trained.weights), reply.facts)
      .write(bundle);
  bundle.add("recipe.yaml", recipe.text);
  reply.bundle = bundle.commit(out);
  fs::remove_all(work);
  return reply;
}

}  // namespace cangong
