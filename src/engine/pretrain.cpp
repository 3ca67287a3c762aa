#include "base/parallel.h"
#include "base/progress.h"
#include "engine/foundation.h"
#include "train/token_split.h"
#include "train/work_folder.h"

namespace cangong {
namespace {

// What a work folder belongs to.
std::string work_of(const PretrainRecipe& recipe, const Store& store) {
  constexpr const char* kTokens = "tokens 2\n";  // how tokens are written
  return digest_of(kTokens + recipe.text + "\n" + store.digest());
}

// Throws Fault::config where the recipe's date lies behind the store's records.
FollowUp follow_up_of(const PretrainRecipe& recipe, const Store& store, std::size_t threads) {
  FollowUp follow_up = FollowUp::parse(recipe.tokens.observed_until);
  std::vector<std::vector<Time>> lasts(store.inventory().shards.size());
  store.each(Columns::unit, threads, [&](std::size_t shard, const Timeline& timeline) {
    Time last = Time::min();
    for (const Event& event : timeline.events())
      if (event.time) last = std::max(last, *event.time);
    lasts[shard].push_back(last);
  });
  std::vector<Time> all;
  for (const auto& own : lasts) all.insert(all.end(), own.begin(), own.end());
  if (all.empty()) return follow_up;
  follow_up.latest = end_of_records(all);
  if (follow_up.until && *follow_up.until > follow_up.latest + std::chrono::days(366))
    fail(Fault::config, "tokens: observed_until " + recipe.tokens.observed_until +
                            ": the store's records end on " +
                            format_time(follow_up.latest).substr(0, 10));
  return follow_up;
}

// The tokens are those that are there already, or are written.
WorkFolder prepared(const PretrainRequest& request, const PretrainRecipe& recipe,
                    const Store& store, const fs::path& work) {
  const std::string belongs_to = work_of(recipe, store);
  if (WorkFolder::is_whole(work)) {
    WorkFolder kept = WorkFolder::open(work);
    if (kept.belongs_to != belongs_to)
      fail(Fault::config, work.string() +
                              " holds a training of another recipe or of other data; remove it, "
                              "or give another --out");
    return kept;
  }
  WorkFolder own{work, recipe, belongs_to, {}, {}};
  fs::remove_all(own.tokens());
  const SplitOf split(store, recipe);
  request.say("finding tokens");
  own.vocabulary = TokenVocabulary::learn(
      store, recipe.tokens, [&](PatientId patient) { return split(patient) == TokenSplit::train; },
      request.threads);
  own.tally = write_token_shards(
      store, own.vocabulary, [&](PatientId patient) { return split(patient); }, own.tokens(),
      request.threads, follow_up_of(recipe, store, request.threads));
  own.commit();
  return own;
}

TimelineFacts facts_of(const PretrainRecipe& recipe, const Store& store,
                       const TokenShards& shards) {
  TimelineFacts facts;
  facts.name = recipe.name, facts.description = recipe.description;
  facts.store = store.digest(), facts.synthetic = store.inventory().synthetic;
  facts.context = recipe.window.context, facts.steps = recipe.training.steps;
  facts.no_event_years = recipe.window.no_event_years;
  facts.people = shards.people(TokenSplit::train);
  for (std::size_t i = 0; i < facts.people; ++i)
    for (const TokenEvent& event : shards.events(TokenSplit::train, i))
      facts.events += event.id != TokenVocabulary::kNoEvent;
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
  const auto trainer = decoder_trainer(plain, std::move(weights), input.device);
  const bool has_judges = input.shards.people(TokenSplit::held_out) > 0;
  const DelphiLoss loss = judge_split(*trainer, batches, input.shards,
                                      has_judges ? TokenSplit::held_out : TokenSplit::tuning, 0);
  facts.judged_by = has_judges ? kHeldOut : kTuning;
  facts.cross_entropy = loss.cross_entropy, facts.waiting = loss.waiting;
  facts.judged_events = loss.targets;
}

// What the whole records of tuning patients would be told as, asked about at their end.
Likeness likeness_in(const TimelineModel& model, const TokenShards& shards, std::size_t threads) {
  const std::size_t people =
      std::min<std::size_t>(shards.people(TokenSplit::tuning), Likeness::kMost);
  std::vector<std::optional<double>> told(people);
  parallel_for(people, threads, [&](std::size_t i) {
    TokenSequence record;
    float end = 0;
    for (const TokenEvent& event : shards.events(TokenSplit::tuning, i)) {
      end = event.days;
      if (event.id == TokenVocabulary::kNoEvent) continue;
      record.ids.push_back(event.id), record.days.push_back(event.days);
    }
    const FutureRequest asked = question_of(model, record, end);
    told[i] =
        surprise_of(model.weights(), asked.ids, asked.days, model.vocabulary().first_outcome());
  });
  std::vector<double> surprises;
  for (const auto& one : told)
    if (one) surprises.push_back(*one);
  return Likeness(std::move(surprises));
}

}  // namespace

PretrainReply pretrain_model(const PretrainRequest& request) {
  const fs::path out = request.out.has_filename() ? request.out : request.out.parent_path();
  refuse_taken(out);
  const PretrainRecipe recipe = load_pretrain_recipe(request.recipe);
  if (recipe.model.additive && request.device != Device::processor)
    fail(Fault::config, kAdditiveByKernels);
  const Store store = Store::open(request.store);
  std::optional<TempFolder> nothing_kept;
  if (request.dry_run) nothing_kept.emplace();
  const fs::path work = request.dry_run ? nothing_kept->path() : fs::path(out.string() + ".work");
  fs::create_directories(work);
  const FileLock lock(work / "lock", work.string() + " is in use by another training");
  WorkFolder prepared_work = prepared(request, recipe, store, work);
  TokenVocabulary& vocabulary = prepared_work.vocabulary;
  const DelphiShape shape = shape_of(recipe.model, vocabulary.size());
  PretrainReply reply;
  reply.name = recipe.name, reply.tokens = vocabulary.size();
  reply.parameters = shape.parameters(), reply.tally = prepared_work.tally;
  request.say(std::to_string(reply.tokens) + " tokens, " + std::to_string(reply.parameters) +
              " parameters, " + std::to_string(reply.tally.events) + " events of " +
              std::to_string(reply.tally.people) + " people");
  if (request.dry_run || request.only_prepare) return reply;
  const TokenShards shards = prepared_work.shards();
  PretrainInput input{
      shards,          vocabulary,    recipe, prepared_work.checkpoint(), prepared_work.belongs_to,
      request.threads, request.device};
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
  TimelineModel model(std::move(vocabulary), std::move(trained.weights), reply.facts);
  model.set_likeness(likeness_in(model, shards, request.threads));
  model.write(bundle);
  bundle.add("recipe.yaml", recipe.text);
  reply.bundle = bundle.commit(out);
  fs::remove_all(work);
  return reply;
}

}  // namespace cangong
