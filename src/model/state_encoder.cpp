#include "model/state_encoder.h"

#include <nlohmann/json.hpp>

#include "model/decoder_pass.h"

namespace cangong {
namespace {

const std::string kPrefix = "timelines_";
constexpr const char* kRecipe = "recipe.yaml";
constexpr const char* kParents = "parents.json";

class StateSession : public EncoderSession {
 public:
  StateSession(const TimelineModel& model, const CodeBook& codes,
               const std::vector<CodeInfo>& parents)
      : model_(model), tokenizer_(model.vocabulary(), codes, parents), pass_(model.weights()) {}

  void encode(const History& history, std::vector<Entry>& row) override {
    row.clear();
    const auto asked = asked_behind(model_, tokenizer_, history);
    if (!asked) return;
    const DecoderRows rows = decoder_rows(asked->ids, asked->days);
    pass_.forward({rows, 0, 1});
    const std::span<const float> state = pass_.last_state();
    for (std::size_t k = 0; k < state.size(); ++k)
      row.push_back({static_cast<std::uint32_t>(k), state[k]});
  }
  // Each number hangs on the whole record.
  std::vector<std::size_t> origin(const History&, std::size_t) override { return {}; }

 private:
  const TimelineModel& model_;
  Tokenizer tokenizer_;
  DecoderPass pass_;
};

}  // namespace

std::optional<FutureRequest> asked_behind(const TimelineModel& model, const Tokenizer& tokenizer,
                                          const History& history) {
  const auto [age, is_dead] = life_so_far(history);
  if (!age || is_dead || *age > kOldestDays) return std::nullopt;
  return question_of(model, tokenizer.tokens(history), *age);
}

StateEncoder::StateEncoder(TimelineModel model, std::string recipe)
    : model_(std::move(model)), recipe_(std::move(recipe)) {
  for (std::size_t k = 0; k < model_.weights().shape().width; ++k)
    columns_.push_back({std::string(kCode) + "//" + std::to_string(k), "last", "", "", true});
}

std::unique_ptr<StateEncoder> StateEncoder::open(const Bundle& bundle) {
  return std::make_unique<StateEncoder>(TimelineModel::open(bundle), bundle.read(kRecipe));
}

bool StateEncoder::is_in(const Bundle& bundle) {
  return TimelineModel::is_in(bundle, kPrefix);
}

std::unique_ptr<StateEncoder> StateEncoder::load(const Bundle& bundle) {
  auto encoder = std::make_unique<StateEncoder>(TimelineModel::open(bundle, kPrefix),
                                                bundle.read(kPrefix + kRecipe));
  for (const auto& json : nlohmann::json::parse(bundle.read(kPrefix + kParents)))
    encoder->parents_.push_back({json.at("code"), "", json.at("parents")});
  return encoder;
}

void StateEncoder::write(BundleWriter& bundle) const {
  model_.write(bundle, kPrefix);
  bundle.add(kPrefix + kRecipe, recipe_);
  bundle.add(kPrefix + kParents, save());
}

void StateEncoder::fit(const HistoryStream& training) {
  parents_.clear();
  for (const CodeInfo& info : training.code_infos())
    if (!info.parents.empty()) parents_.push_back({info.code, "", info.parents});
}

std::unique_ptr<EncoderSession> StateEncoder::session(const CodeBook& codes) const {
  return std::make_unique<StateSession>(model_, codes, parents_);
}

std::string StateEncoder::save() const {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const CodeInfo& info : parents_)
    all.push_back({{"code", info.code}, {"parents", info.parents}});
  return all.dump() + "\n";
}

}  // namespace cangong
