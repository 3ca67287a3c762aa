#include "engine/known_effects.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/parallel.h"

namespace cangong {
namespace {

constexpr float kDelay = 7;  // days between an indication and its drug

bool is_named(const std::string& code, const std::string& name) {
  return code == name || code.ends_with("//" + name);
}

std::int32_t id_named(const TokenVocabulary& vocabulary, const std::string& name) {
  for (auto id = static_cast<std::int32_t>(vocabulary.size()); id-- > 2;)
    if (is_named(vocabulary.token(id).code, name) && vocabulary.token(id).part == 0) return id;
  return -1;
}

// The record until an event, a week later; with the drug, or without.
FutureRequest arm_of(const FutureRequest& record, std::size_t event) {
  FutureRequest own;
  own.ids.assign(record.ids.begin(), record.ids.begin() + static_cast<std::ptrdiff_t>(event) + 1);
  own.days.assign(record.days.begin(),
                  record.days.begin() + static_cast<std::ptrdiff_t>(event) + 1);
  own.happened = record.happened;
  return own;
}

FutureRequest behind(FutureRequest own, std::int32_t id) {
  own.days.push_back(own.days.back() + kDelay), own.ids.push_back(id);
  return own;
}

}  // namespace

KnownEffects::KnownEffects(const TimelineModel& model, const fs::path& truth,
                           std::size_t most_people)
    : model_(model), most_people_(most_people) {
  const fs::path file = truth / "world.json";
  if (!fs::exists(file)) return;
  const auto json = nlohmann::json::parse(read_file(file), nullptr, false);
  try {
    for (const auto& told : json.at("drugs")) {
      Drug drug{id_named(model.vocabulary(), told.at("code")),
                id_named(model.vocabulary(), told.at("trial")),
                id_named(model.vocabulary(), told.at("indication")),
                {},
                {}};
      if (drug.id < 0 || drug.trial < 0 || drug.indication < 0) continue;
      for (const auto& ratio : json.at("log_hazard_ratios")) {
        if (!is_named(told.at("code"), ratio.at("from"))) continue;
        const std::int32_t outcome = id_named(model.vocabulary(), ratio.at("to"));
        if (outcome < 0) continue;
        DrugEffect effect;
        effect.drug = told.at("code"), effect.truth = ratio.at("log_ratio");
        effect.outcome = model.vocabulary().token(outcome).code;
        drug.effects.push_back(effect), drug.outcomes.push_back(outcome);
      }
      drugs_.push_back(std::move(drug));
    }
  } catch (const nlohmann::json::exception&) {
    fail(Fault::input, file.string() + ": not the world of a synthetic hospital");
  }
}

void KnownEffects::add(const FutureRequest& record) {
  const auto has = [&](std::int32_t id, std::size_t until) {
    const auto end = record.ids.begin() + static_cast<std::ptrdiff_t>(until);
    return std::find(record.ids.begin(), end, id) != end;
  };
  for (Drug& drug : drugs_)
    for (std::size_t i = 0; i < record.ids.size(); ++i) {
      const bool is_trial = record.ids[i] == drug.trial;
      if (!is_trial && record.ids[i] != drug.indication) continue;
      // The trial's own event stands behind the indication, at the same moment.
      if (!is_trial && i + 1 < record.ids.size() && record.days[i + 1] == record.days[i]) continue;
      auto& arm = drug.arms[is_trial ? 0 : 1];
      if (arm.size() < most_people_ && !has(drug.id, i)) arm.push_back(arm_of(record, i));
      break;
    }
}

DrugEffect::Arm KnownEffects::told_of(const Drug& drug, std::size_t effect, std::size_t number,
                                      std::size_t threads) const {
  const auto& people = drug.arms[number];
  const DecoderFutures futures(model_.weights(), model_.rules());
  const auto outcome = static_cast<std::size_t>(drug.outcomes[effect]);
  std::vector<double> ratios(people.size(), kNaN), chances(people.size());
  parallel_for(people.size(), threads, [&](std::size_t i) {
    const auto without = futures.rates(behind(people[i], TokenVocabulary::kNoEvent));
    const auto with = futures.rates(behind(people[i], drug.id));
    const double now = futures.rates(people[i])[static_cast<std::size_t>(drug.id)];
    chances[i] = -std::expm1(-now * 2 * double{kDelay});
    if (with[outcome] > 0 && without[outcome] > 0)
      ratios[i] = std::log(with[outcome] / without[outcome]);
  });
  DrugEffect::Arm told;
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < people.size(); ++i) {
    if (!std::isfinite(ratios[i])) continue;
    ++told.people, sum += ratios[i], squares += ratios[i] * ratios[i];
    constexpr double kHardly = 0.05;
    told.hardly_given += chances[i] < kHardly;
  }
  if (told.people == 0) return told;
  const auto count = static_cast<double>(told.people);
  told.log_ratio = sum / count;
  told.spread = std::sqrt(std::max(0.0, squares / count - told.log_ratio * told.log_ratio));
  told.hardly_given /= count;
  return told;
}

std::vector<DrugEffect> KnownEffects::told(std::size_t threads) const {
  std::vector<DrugEffect> all;
  for (const Drug& drug : drugs_)
    for (std::size_t k = 0; k < drug.effects.size(); ++k) {
      DrugEffect effect = drug.effects[k];
      effect.randomised = told_of(drug, k, 0, threads);
      effect.usual = told_of(drug, k, 1, threads);
      all.push_back(effect);
    }
  return all;
}

}  // namespace cangong
