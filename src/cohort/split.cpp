#include "cohort/split.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/random.h"

namespace cangong {
namespace {

// What patients are told apart by: the answer, or its quarter where it is a number.
double outcome_of(const LabelRow& row) {
  if (!row.label) return 0;
  if (const auto* yes = std::get_if<bool>(&*row.label)) return *yes ? 1 : 0;
  if (const auto* n = std::get_if<std::int64_t>(&*row.label)) return static_cast<double>(*n);
  if (const auto* x = std::get_if<double>(&*row.label)) return *x;
  if (const auto* s = std::get_if<Survival>(&*row.label)) return s->cause;
  double mix = 0;
  for (const char c : std::get<std::string>(*row.label)) mix = mix * 31 + c;
  return mix;
}

// Patients in strata: each in a seeded random order, one stratum behind the other.
std::vector<std::vector<PatientId>> strata(const std::vector<LabelRow>& rows, bool stratify,
                                           std::uint64_t seed) {
  std::map<PatientId, double> outcome;
  for (const auto& row : rows) {
    const double value = outcome_of(row);
    const auto [entry, fresh] = outcome.emplace(row.patient, value);
    if (!fresh) entry->second = std::max(entry->second, value);
  }
  std::set<double> distinct;
  for (const auto& [patient, value] : outcome) distinct.insert(value);
  std::vector<double> cuts;
  if (distinct.size() > 10) {  // a number: quarters
    std::vector<double> sorted;
    for (const auto& [patient, value] : outcome) sorted.push_back(value);
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t q = 1; q < 4; ++q) cuts.push_back(sorted[q * sorted.size() / 4]);
  }
  std::map<double, std::vector<PatientId>> groups;
  for (const auto& [patient, value] : outcome) {
    double key = value;
    if (!cuts.empty())
      key = static_cast<double>(std::upper_bound(cuts.begin(), cuts.end(), value) - cuts.begin());
    groups[stratify ? key : 0].push_back(patient);
  }
  std::vector<std::vector<PatientId>> out;
  Random random(seed);
  for (auto& [key, patients] : groups) {
    random.shuffle(std::span(patients));
    out.push_back(std::move(patients));
  }
  return out;
}

Splits random_split(const std::vector<LabelRow>& rows, const SplitOptions& options) {
  Splits splits;
  for (const auto& patients : strata(rows, options.stratify, options.seed)) {
    const auto n = static_cast<double>(patients.size());
    const auto held = static_cast<std::size_t>(std::lround(n * options.held_out));
    const auto tuning = static_cast<std::size_t>(std::lround(n * options.tuning));
    for (std::size_t i = 0; i < patients.size(); ++i)
      splits[patients[i]] = i < held ? kHeldOut : i < held + tuning ? kTuning : kTrain;
  }
  return splits;
}

// Marks the patients that `is_held_out` names and splits the others at random.
template <class Test>
Splits split_others(const std::vector<LabelRow>& rows, const SplitOptions& options,
                    const Test& is_held_out) {
  std::vector<LabelRow> others;
  Splits splits;
  for (const auto& row : rows)
    if (is_held_out(row.patient))
      splits[row.patient] = kHeldOut;
    else
      others.push_back(row);
  SplitOptions rest = options;
  rest.held_out = 0;
  for (const auto& [patient, split] : random_split(others, rest)) splits[patient] = split;
  return splits;
}

Splits by_site(const std::vector<LabelRow>& rows, const Store& store, const SplitOptions& options) {
  std::set<CodeId> wanted;
  for (const auto& site : options.sites)
    if (const auto id = store.codes().find("SITE//" + site)) wanted.insert(*id);
  if (wanted.empty())
    fail(Fault::config, "split by site: no code SITE//NAME in the store for the named sites");
  std::set<PatientId> held;
  store.each(Columns::none, [&](const Timeline& timeline) {
    for (const Event& event : timeline.events())
      if (wanted.contains(event.code)) held.insert(timeline.patient());
  });
  return split_others(rows, options, [&](PatientId id) { return held.contains(id); });
}

Splits by_time(const std::vector<LabelRow>& rows, const SplitOptions& options) {
  const auto from = parse_moment(options.from, Zone());
  if (!from) fail(Fault::config, "split by time needs `from:` with a date");
  std::map<PatientId, Time> first;
  for (const auto& row : rows) {
    const auto [entry, fresh] = first.emplace(row.patient, row.when);
    if (!fresh) entry->second = std::min(entry->second, row.when);
  }
  return split_others(rows, options, [&](PatientId id) { return first[id] >= from->first; });
}

Splits of_store(const std::vector<LabelRow>& rows, const Store& store) {
  const Splits own = store.splits();
  if (own.empty()) fail(Fault::config, "split by store: the store has no splits; use by: random");
  Splits splits;
  for (const auto& row : rows) {
    const auto entry = own.find(row.patient);
    if (entry == own.end())
      fail(Fault::config, "split by store: the store's splits do not name every patient");
    splits[row.patient] = entry->second;
  }
  return splits;
}

}  // namespace

Splits split_patients(const std::vector<LabelRow>& rows, const Store& store,
                      const SplitOptions& options) {
  if (rows.empty()) fail(Fault::input, "the task found no examples; see: cangong label --json");
  Splits splits;
  const bool own = fs::exists(store.generation() / "metadata" / "subject_splits.parquet");
  if (options.by == "store" || (options.by == "auto" && own))
    splits = of_store(rows, store);
  else if (options.by == "random" || options.by == "auto")
    splits = random_split(rows, options);
  else if (options.by == "site")
    splits = by_site(rows, store, options);
  else if (options.by == "time")
    splits = by_time(rows, options);
  else
    fail(Fault::config, "unknown split \"" + options.by + "\" (store, random, site, time)");
  const bool trained = std::any_of(splits.begin(), splits.end(),
                                   [](const auto& entry) { return entry.second == kTrain; });
  if (!trained) fail(Fault::config, "the split leaves no training patients");
  const bool judged = std::any_of(splits.begin(), splits.end(),
                                  [](const auto& entry) { return entry.second == kHeldOut; });
  if (!judged && (options.by == "site" || options.by == "time"))
    fail(Fault::config, "split by " + options.by + ": nobody is held out");
  return splits;
}

std::map<PatientId, std::size_t> fold_patients(const std::vector<LabelRow>& rows, std::size_t count,
                                               std::uint64_t seed) {
  std::map<PatientId, std::size_t> folds;
  std::size_t next = 0;
  for (const auto& patients : strata(rows, true, seed))
    for (const PatientId patient : patients) folds[patient] = next++ % count;
  return folds;
}

}  // namespace cangong
