#include "train/stability.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/progress.h"
#include "base/random.h"
#include "evaluate/interval.h"
#include "train/pipeline.h"

namespace cangong {
namespace {

using Json = nlohmann::ordered_json;

// Rows by patient, in the order of the patients.
std::vector<std::vector<std::size_t>> by_patient(const Dataset& data) {
  std::map<PatientId, std::vector<std::size_t>> rows;
  for (std::size_t i = 0; i < data.rows(); ++i) rows[data.patients[i]].push_back(i);
  std::vector<std::vector<std::size_t>> out;
  for (auto& [patient, own] : rows) out.push_back(std::move(own));
  return out;
}

std::vector<std::size_t> rows_of(const std::vector<std::vector<std::size_t>>& patients,
                                 const std::vector<std::size_t>& chosen) {
  std::vector<std::size_t> rows;
  for (const std::size_t p : chosen)
    rows.insert(rows.end(), patients[p].begin(), patients[p].end());
  return rows;
}

// At most 500 rows, evenly over the values.
std::vector<Stability::Spread> spreads_of(const std::vector<double>& own,
                                          const std::vector<std::vector<double>>& refits) {
  std::vector<Stability::Spread> spreads;
  for (std::size_t i = 0; i < own.size(); ++i) {
    std::vector<double> values;
    Stability::Spread spread;
    spread.value = own[i];
    for (const auto& refit : refits) {
      values.push_back(refit[i]);
      spread.mean += refit[i] / static_cast<double>(refits.size());
    }
    spread.low = quantile(values, 0.025);
    spread.high = quantile(values, 0.975);
    spreads.push_back(spread);
  }
  std::sort(spreads.begin(), spreads.end(),
            [](const auto& a, const auto& b) { return a.value < b.value; });
  constexpr std::size_t kMost = 500;
  if (spreads.size() <= kMost) return spreads;
  std::vector<Stability::Spread> some;
  for (std::size_t k = 0; k < kMost; ++k) some.push_back(spreads[k * spreads.size() / kMost]);
  return some;
}

}  // namespace

namespace {

// Of each row one number: the answer, or for classes the chance of the one that `own` names.
std::vector<double> one_number(const Scored& scored, const Scored& own) {
  if (scored.probabilities.columns == 0) return scored.value;
  std::vector<double> chances;
  for (std::size_t i = 0; i < scored.probabilities.rows; ++i) {
    const auto named = own.probabilities.row(i);
    const auto at = std::max_element(named.begin(), named.end()) - named.begin();
    chances.push_back(scored.probabilities.at(i, static_cast<std::size_t>(at)));
  }
  return chances;
}

// A draw may hold no event, or too little of something: it is left out.
std::optional<Fitted> refit_if_possible(const Refit& refit, const Dataset& part) {
  try {
    return refit(part);
  } catch (const Error& error) {
    if (error.fault == Fault::denied) throw;  // interrupted
    return std::nullopt;
  }
}

}  // namespace

Stability examine_stability(const Fitted& own, const StabilityData& data,
                            const StabilityOptions& options, std::uint64_t seed,
                            const Refit& refit) {
  constexpr int kDraws = 3;
  constexpr std::size_t kLeastPatients = 20;
  const auto patients = by_patient(data.train);
  Random random(seed);
  Progress progress("refitting", options.refits + kDraws * options.shares.size());
  Stability out;
  out.judged_on = data.judged_on;
  const Scored scored = score(own, data.judge, {});
  const auto answers = one_number(scored, scored);
  std::vector<std::vector<double>> refits;
  for (std::size_t r = 0; r < options.refits; ++r, progress.step()) {
    std::vector<std::size_t> chosen(patients.size());
    for (auto& p : chosen) p = random.below(static_cast<std::uint32_t>(patients.size()));
    const auto fitted = refit_if_possible(refit, data.train.take(rows_of(patients, chosen)));
    if (fitted) refits.push_back(one_number(score(*fitted, data.judge, {}), scored));
  }
  for (const auto& refit_answers : refits)
    for (std::size_t i = 0; i < answers.size(); ++i)
      out.mean_change += std::abs(refit_answers[i] - answers[i]) /
                         static_cast<double>(answers.size() * refits.size());
  out.refits = refits.size();
  if (!refits.empty()) out.spreads = spreads_of(answers, refits);
  std::vector<double> shares = options.shares;
  std::sort(shares.begin(), shares.end());
  for (const double share : shares) {
    Stability::Size size;
    size.patients = static_cast<std::size_t>(share * static_cast<double>(patients.size()));
    std::vector<double> losses;
    for (int draw = 0; draw < kDraws; ++draw, progress.step()) {
      std::vector<std::size_t> chosen(patients.size());
      for (std::size_t p = 0; p < chosen.size(); ++p) chosen[p] = p;
      random.shuffle(std::span(chosen));
      chosen.resize(size.patients);
      if (size.patients < kLeastPatients) continue;
      const auto fitted = refit_if_possible(refit, data.train.take(rows_of(patients, chosen)));
      const double loss = fitted ? loss_of(*fitted, data.judge) : std::nan("");
      if (std::isfinite(loss)) losses.push_back(loss);
    }
    if (losses.empty()) continue;
    for (const double loss : losses) size.loss += loss / static_cast<double>(losses.size());
    size.low = *std::min_element(losses.begin(), losses.end());
    size.high = *std::max_element(losses.begin(), losses.end());
    out.sizes.push_back(size);
  }
  if (const double loss = loss_of(own, data.judge); std::isfinite(loss))
    out.sizes.push_back({patients.size(), loss, loss, loss});
  return out;
}

std::string save_stability(const Stability& stability) {
  Json sizes = Json::array(), spreads = Json::array();
  for (const auto& s : stability.sizes) sizes.push_back({s.patients, s.loss, s.low, s.high});
  for (const auto& s : stability.spreads) spreads.push_back({s.value, s.mean, s.low, s.high});
  return Json{{"judged_on", stability.judged_on},
              {"refits", stability.refits},
              {"mean_change", stability.mean_change},
              {"sizes", sizes},
              {"spreads", spreads}}
             .dump() +
         "\n";
}

Stability load_stability(const std::string& saved) {
  const Json json = Json::parse(saved);
  Stability out;
  out.judged_on = json.at("judged_on");
  out.refits = json.at("refits");
  out.mean_change = json.at("mean_change");
  for (const auto& s : json.at("sizes")) out.sizes.push_back({s.at(0), s.at(1), s.at(2), s.at(3)});
  for (const auto& s : json.at("spreads"))
    out.spreads.push_back({s.at(0), s.at(1), s.at(2), s.at(3)});
  return out;
}

}  // namespace cangong
