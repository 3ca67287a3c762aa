#include "model/timeline_model.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/json_values.h"
#include "base/safetensors.h"

namespace cangong {
namespace {

constexpr int kFormat = 2;
constexpr const char* kFacts = "timeline.json";
constexpr const char* kVocabulary = "vocabulary.json";
constexpr const char* kWeights = "weights.safetensors";
constexpr const char* kDeath = "MEDS_DEATH";

double finite(const nlohmann::json& value) {
  return value.is_number() ? value.get<double>() : std::nan("");
}

}  // namespace

TimelineModel::TimelineModel(TokenVocabulary vocabulary, DecoderWeights weights,
                             TimelineFacts facts)
    : vocabulary_(std::move(vocabulary)), weights_(std::move(weights)), facts_(std::move(facts)) {
  if (vocabulary_.size() != weights_.shape().vocabulary)
    fail(Fault::storage, "the model's weights are not those of its vocabulary");
}

bool TimelineModel::is_in(const Bundle& bundle, const std::string& prefix) {
  return bundle.has(prefix + kFacts);
}

namespace {

nlohmann::json told_in(const Bundle& bundle, const std::string& prefix = "") {
  if (!TimelineModel::is_in(bundle, prefix))
    fail(Fault::model,
         bundle.folder().string() + " is no model of timelines; cangong pretrain makes them");
  const auto json = nlohmann::json::parse(bundle.read(prefix + kFacts), nullptr, false);
  if (!json.is_object() || !json.contains("format"))
    fail(Fault::storage, "the model's " + std::string(kFacts) + " is damaged");
  if (json["format"] == 1)
    fail(Fault::storage,
         "the model is of an older version of this program, whose answers were off: its questions "
         "did not say when nothing happened; train it anew");
  if (json["format"] != kFormat)
    fail(Fault::storage, "the model is of a newer version of this program");
  return json;
}

TimelineFacts facts_of(const nlohmann::json& json) {
  TimelineFacts facts;
  facts.name = json.at("name"), facts.description = json.at("description");
  facts.store = json.at("store"), facts.synthetic = json.at("synthetic");
  facts.context = json.at("context"), facts.steps = json.at("steps");
  facts.no_event_years = json.at("no_event_years");
  if (!(facts.no_event_years >= 0.05 && std::isfinite(facts.no_event_years)))
    fail(Fault::storage, "the model's " + std::string(kFacts) + " is damaged: no_event_years");
  facts.people = json.at("people"), facts.events = json.at("events");
  facts.cross_entropy = finite(json.at("cross_entropy"));
  facts.waiting = finite(json.at("waiting")), facts.judged_events = json.at("judged_events");
  facts.judged_by = json.at("judged_by");
  facts.likeness = Likeness(json.value("surprises", std::vector<double>()));
  return facts;
}

DelphiShape shape_of(const nlohmann::json& json, std::size_t vocabulary) {
  const std::int64_t layers = json.at("layers"), heads = json.at("heads"), width = json.at("width");
  constexpr std::int64_t kMost = 100'000;
  if (layers < 1 || heads < 1 || width < 2 || layers > kMost || width > kMost ||
      width % heads != 0 || width % 2 != 0)
    fail(Fault::storage, "the model's " + std::string(kFacts) + " is damaged: its shape is none");
  return {static_cast<std::size_t>(layers), static_cast<std::size_t>(heads),
          static_cast<std::size_t>(width), vocabulary, json.at("additive")};
}

// What of a bundle is read as JSON.
template <class Read>
auto undamaged(const Read& read) {
  try {
    return read();
  } catch (const nlohmann::json::exception&) {
    fail(Fault::storage, "the model's " + std::string(kFacts) + " is damaged");
  }
}

}  // namespace

TimelineFacts TimelineModel::facts_in(const Bundle& bundle) {
  return undamaged([&] { return facts_of(told_in(bundle)); });
}

TimelineModel TimelineModel::open(const Bundle& bundle, const std::string& prefix) {
  return undamaged([&]() -> TimelineModel {
    const auto json = told_in(bundle, prefix);
    TimelineFacts facts = facts_of(json);
    TokenVocabulary vocabulary = TokenVocabulary::parse(bundle.read(prefix + kVocabulary));
    const DelphiShape shape = shape_of(json, vocabulary.size());
    DelphiNetwork<float>::Weights weights;
    for (auto& [name, array] : read_safetensors(bundle.read(prefix + kWeights), kWeights).arrays) {
      if (!std::all_of(array.values.begin(), array.values.end(),
                       [](float v) { return std::isfinite(v); }))
        fail(Fault::storage, std::string(kWeights) + ": " + name + " has what is no number");
      weights[name] = std::move(array.values);
    }
    return {std::move(vocabulary), DecoderWeights(shape, weights, DecoderWeights::Ways::forward),
            std::move(facts)};
  });
}

void TimelineModel::write(BundleWriter& bundle, const std::string& prefix) const {
  const DelphiShape& shape = weights_.shape();
  const nlohmann::ordered_json json{{"format", kFormat},
                                    {"name", facts_.name},
                                    {"description", facts_.description},
                                    {"store", facts_.store},
                                    {"synthetic", facts_.synthetic},
                                    {"layers", shape.layers},
                                    {"heads", shape.heads},
                                    {"width", shape.width},
                                    {"additive", shape.additive},
                                    {"context", facts_.context},
                                    {"steps", facts_.steps},
                                    {"no_event_years", facts_.no_event_years},
                                    {"people", facts_.people},
                                    {"events", facts_.events},
                                    {"cross_entropy", number(facts_.cross_entropy)},
                                    {"waiting", number(facts_.waiting)},
                                    {"judged_by", facts_.judged_by},
                                    {"judged_events", facts_.judged_events},
                                    {"surprises", facts_.likeness.surprises()}};
  bundle.add(prefix + kFacts, json.dump(1) + "\n");
  bundle.add(prefix + kVocabulary, vocabulary_.json());
  NamedArrays arrays;
  for (std::size_t i = 0; i < weights_.count(); ++i) {
    const auto& [name, rows, columns] = weights_.about(i);
    NamedArray& array = arrays[name];
    array.shape = rows == 1 ? std::vector{columns} : std::vector{rows, columns};
    array.values.assign(weights_.at(i), weights_.at(i) + rows * columns);
  }
  bundle.add(prefix + kWeights, write_safetensors(arrays));
}

FutureRules TimelineModel::rules() const {
  FutureRules rules;
  for (std::size_t id = 0; id < vocabulary_.size(); ++id) {
    const Token& token = vocabulary_.token(static_cast<std::int32_t>(id));
    rules.happens.push_back(token.kind == Token::Kind::outcome ||
                            token.kind == Token::Kind::no_event);
    rules.recurs.push_back(token.recurs);
    rules.ends.push_back(token.code == kDeath);
    const auto own = static_cast<std::int32_t>(id);
    const std::int32_t first = token.part > 0 ? rules.kin.back().first : own;
    rules.kin.emplace_back(first, own + 1);
    for (std::int32_t kin = first; kin < own; ++kin)
      rules.kin[static_cast<std::size_t>(kin)].second = own + 1;
  }
  return rules;
}

LifeSoFar life_so_far(const History& history) {
  const CodeBook& codes = history.codes();
  const auto birth = codes.find("MEDS_BIRTH"), death = codes.find("MEDS_DEATH");
  LifeSoFar life;
  for (const Event& event : history.events()) {
    life.is_dead = life.is_dead || (death && event.code == *death);
    if (birth && event.code == *birth && event.time && !life.age_days)
      life.age_days = static_cast<float>(
          static_cast<double>((history.cutoff() - *event.time).count()) / 86400e6);
  }
  return life;
}

namespace {

// With "nothing happened" as often as where the model learnt, at the ages at which it was judged.
TokenSequence with_no_events(const TokenSequence& history, double years, float days) {
  constexpr float kDaysOfYear = 365.25f;
  if (!(years > 0)) return history;
  TokenSequence all;
  const auto every = static_cast<float>(years) * kDaysOfYear;
  const auto count = static_cast<std::size_t>(100 / years);  // as many as batches have
  std::size_t k = 0;
  const auto fill = [&](float until) {
    for (; k < count && 1 + static_cast<float>(k) * every < until; ++k)
      all.ids.push_back(TokenVocabulary::kNoEvent),
          all.days.push_back(1 + static_cast<float>(k) * every);
  };
  for (std::size_t i = 0; i < history.ids.size(); ++i) {
    fill(std::min(history.days[i], days));
    all.ids.push_back(history.ids[i]), all.days.push_back(history.days[i]);
  }
  fill(days);
  return all;
}

}  // namespace

FutureRequest question_of(const TimelineModel& model, const TokenSequence& record, float days) {
  FutureRequest request;
  const TokenSequence history = with_no_events(record, model.facts().no_event_years, days);
  const std::size_t count = history.ids.size(), most = model.facts().context;
  const std::int32_t first_outcome = model.vocabulary().first_outcome();
  std::size_t kept = 0;
  if (count > most)
    while (kept < most / 2 && history.days[kept] == 0 && history.ids[kept] < first_outcome) ++kept;
  const std::size_t from = count > most ? count - (most - kept) : kept;
  for (std::size_t i = 0; i < count; ++i) {
    if (i >= kept && i < from) {
      if (history.ids[i] == TokenVocabulary::kNoEvent) continue;
      request.happened.push_back(history.ids[i]);
      continue;
    }
    request.ids.push_back(history.ids[i]);
    request.days.push_back(history.days[i]);
  }
  request.ids.push_back(TokenVocabulary::kNoEvent);
  request.days.push_back(request.days.empty() ? days : std::max(days, request.days.back()));
  return request;
}

std::optional<double> likeness_of(const TimelineModel& model, const FutureRequest& question) {
  const auto surprise =
      surprise_of(model.weights(), question.ids, question.days, model.vocabulary().first_outcome());
  return surprise ? model.facts().likeness.share(*surprise) : std::nullopt;
}

void require_like(const TimelineModel& model, const FutureRequest& question,
                  std::vector<std::string>& warnings) {
  const auto share = likeness_of(model, question);
  if (!share || *share >= kRarelyLike) return;
  const std::string said =
      "the record is unlike those that the model learnt from: fewer than 1 of " +
      std::to_string(static_cast<int>(1 / *share)) +
      " of the patients who chose it are as surprising to it";
  if (*share < kNeverLike) fail(Fault::input, said + "; no answer is given");
  warnings.push_back(said);
}

}  // namespace cangong
