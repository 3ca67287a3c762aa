#include "train/stability.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

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

Stability examine_stability(const Fitted& own, const StabilityData& data,
                            const StabilityOptions& options, std::uint64_t seed,
                            const Refit& refit) {
  constexpr int kDraws = 3;
  const auto patients = by_patient(data.train);
  Random random(seed);
  Progress progress("refitting", options.refits + kDraws * options.shares.size());
  Stability out;
  const auto answers = score(own, data.judge, {}).value;
  std::vector<std::vector<double>> refits;
  for (std::size_t r = 0; r < options.refits; ++r) {
    std::vector<std::size_t> chosen(patients.size());
    for (auto& p : chosen) p = random.below(static_cast<std::uint32_t>(patients.size()));
    refits.push_back(
        score(refit(data.train.take(rows_of(patients, chosen))), data.judge, {}).value);
    for (std::size_t i = 0; i < answers.size(); ++i)
      out.mean_change += std::abs(refits.back()[i] - answers[i]) /
                         static_cast<double>(answers.size() * options.refits);
    progress.step();
  }
  if (data.train.y.answer != Answer::category)
    out.spreads = spreads_of(answers, refits);
  else
    out.mean_change = 0;
  std::vector<double> shares = options.shares;
  std::sort(shares.begin(), shares.end());
  for (const double share : shares) {
    Stability::Size size;
    size.patients = static_cast<std::size_t>(share * static_cast<double>(patients.size()));
    for (int draw = 0; draw < kDraws; ++draw) {
      std::vector<std::size_t> chosen(patients.size());
      for (std::size_t p = 0; p < chosen.size(); ++p) chosen[p] = p;
      random.shuffle(std::span(chosen));
      chosen.resize(size.patients);
      const double loss = loss_of(refit(data.train.take(rows_of(patients, chosen))), data.judge);
      size.loss += loss / kDraws;
      size.low = draw == 0 ? loss : std::min(size.low, loss);
      size.high = draw == 0 ? loss : std::max(size.high, loss);
      progress.step();
    }
    out.sizes.push_back(size);
  }
  const double loss = loss_of(own, data.judge);
  out.sizes.push_back({patients.size(), loss, loss, loss});
  return out;
}

std::string save_stability(const Stability& stability) {
  Json sizes = Json::array(), spreads = Json::array();
  for (const auto& s : stability.sizes) sizes.push_back({s.patients, s.loss, s.low, s.high});
  for (const auto& s : stability.spreads) spreads.push_back({s.value, s.mean, s.low, s.high});
  return Json{{"mean_change", stability.mean_change}, {"sizes", sizes}, {"spreads", spreads}}
             .dump() +
         "\n";
}

Stability load_stability(const std::string& saved) {
  const Json json = Json::parse(saved);
  Stability out;
  out.mean_change = json.at("mean_change");
  for (const auto& s : json.at("sizes")) out.sizes.push_back({s.at(0), s.at(1), s.at(2), s.at(3)});
  for (const auto& s : json.at("spreads"))
    out.spreads.push_back({s.at(0), s.at(1), s.at(2), s.at(3)});
  return out;
}

}  // namespace cangong
