#include "engine/known_effects.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "simulate/world.h"

namespace cangong {
namespace {

constexpr float kDelay = 7;  // days between an indication and its drug

std::int32_t id_named(const TokenVocabulary& vocabulary, const std::string& name) {
  for (auto id = static_cast<std::int32_t>(vocabulary.size()); id-- > 2;)
    if (simulate::is_named(vocabulary.token(id).code, name) && vocabulary.token(id).part == 0)
      return id;
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
    : model_(model), futures_(model.weights(), model.rules()), most_people_(most_people) {
  const fs::path file = truth / "world.json";
  if (!fs::exists(file)) return;
  const auto json = nlohmann::json::parse(read_file(file), nullptr, false);
  try {
    for (const auto& told : json.at("drugs")) {
      const std::string code = told.at("code"), trial = told.at("trial");
      Drug drug{model.vocabulary().id_for(code, std::nullopt),
                model.vocabulary().id_for(trial, std::nullopt),
                id_named(model.vocabulary(), told.at("indication")),
                {},
                {}};
      if (drug.id < 0 || drug.trial < 0 || drug.indication < 0) continue;
      for (const auto& ratio : json.at("log_hazard_ratios")) {
        const std::string from = ratio.at("from");
        if (!simulate::is_named(code, from)) continue;
        const std::int32_t outcome = id_named(model.vocabulary(), ratio.at("to"));
        if (outcome < 0) continue;
        DrugEffect effect;
        effect.drug = code, effect.truth = ratio.at("log_ratio");
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
  const auto is_in = [](const std::vector<std::int32_t>& ids, std::int32_t id) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
  };
  for (Drug& drug : drugs_) {
    // What the model does not look back at any more may have decided it.
    if (is_in(record.happened, drug.id) || is_in(record.happened, drug.trial) ||
        is_in(record.happened, drug.indication))
      continue;
    const auto first = std::find(record.ids.begin(), record.ids.end(), drug.indication);
    if (first == record.ids.end()) continue;
    const auto moment = static_cast<std::size_t>(first - record.ids.begin());
    std::size_t last = moment;  // of that moment, or the trial
    bool in_trial = false;
    for (std::size_t i = moment; i < record.ids.size() && record.days[i] == record.days[moment];
         ++i) {
      in_trial = in_trial || record.ids[i] == drug.trial;
      last = i;
    }
    if (std::find(record.ids.begin(), first, drug.id) != first) continue;
    auto& arm = drug.arms[in_trial ? 0 : 1];
    if (arm.size() < most_people_) arm.push_back(arm_of(record, last));
  }
}

std::vector<DrugEffect::Arm> KnownEffects::told_of(const Drug& drug, std::size_t number,
                                                   std::size_t threads) const {
  const auto& people = drug.arms[number];
  const std::size_t effects = drug.outcomes.size();
  std::vector<double> ratios(people.size() * effects, kNaN), chances(people.size());
  parallel_for(people.size(), threads, [&](std::size_t i) {
    stop_if_interrupted();
    const auto without = futures_.rates(behind(people[i], TokenVocabulary::kNoEvent));
    const auto with = futures_.rates(behind(people[i], drug.id));
    const double now = futures_.rates(people[i])[static_cast<std::size_t>(drug.id)];
    chances[i] = -std::expm1(-now * 2 * double{kDelay});
    for (std::size_t k = 0; k < effects; ++k) {
      const auto outcome = static_cast<std::size_t>(drug.outcomes[k]);
      if (with[outcome] > 0 && without[outcome] > 0)
        ratios[i * effects + k] = std::log(with[outcome] / without[outcome]);
    }
  });
  std::vector<DrugEffect::Arm> all(effects);
  for (std::size_t k = 0; k < effects; ++k) {
    DrugEffect::Arm& told = all[k];
    double sum = 0, squares = 0, hardly = 0;
    for (std::size_t i = 0; i < people.size(); ++i) {
      const double ratio = ratios[i * effects + k];
      if (!std::isfinite(ratio)) continue;
      constexpr double kHardly = 0.05;
      ++told.people, sum += ratio, squares += ratio * ratio, hardly += chances[i] < kHardly;
    }
    if (told.people == 0) continue;
    const auto count = static_cast<double>(told.people);
    told.log_ratio = sum / count, told.hardly_given = hardly / count;
    told.spread = std::sqrt(std::max(0.0, squares / count - told.log_ratio * told.log_ratio));
  }
  return all;
}

std::vector<DrugEffect> KnownEffects::told(std::size_t threads) const {
  std::vector<DrugEffect> all;
  for (const Drug& drug : drugs_) {
    const auto randomised = told_of(drug, 0, threads), usual = told_of(drug, 1, threads);
    for (std::size_t k = 0; k < drug.effects.size(); ++k) {
      all.push_back(drug.effects[k]);
      all.back().randomised = randomised[k], all.back().usual = usual[k];
    }
  }
  return all;
}

}  // namespace cangong
