#include "train/examples.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "evaluate/competing.h"

namespace cangong {

Examples examples_of(const std::vector<LabelRow>& rows, const CauseOptions& cause,
                     const std::vector<std::string>& classes) {
  Examples out;
  Targets& y = out.targets;
  std::set<std::string> names;
  std::vector<int> causes;
  for (const auto& row : rows)
    if (row.label)
      if (const auto* word = std::get_if<std::string>(&*row.label)) names.insert(*word);
  y.classes = classes.empty() ? std::vector<std::string>(names.begin(), names.end()) : classes;
  for (const auto& row : rows) {
    if (!row.label) continue;
    if (const auto* yes = std::get_if<bool>(&*row.label)) {
      y.answer = Answer::boolean;
      y.values.push_back(*yes ? 1 : 0);
    } else if (const auto* survival = std::get_if<Survival>(&*row.label)) {
      y.answer = Answer::survival;
      y.values.push_back(survival->days);
      const bool own = survival->cause == static_cast<int>(cause.number);
      const bool censored = survival->cause == 0 || cause.others == Others::censor;
      causes.push_back(own ? 1 : censored ? 0 : 2);
    } else if (const auto* word = std::get_if<std::string>(&*row.label)) {
      y.answer = Answer::category;
      const auto at = std::find(y.classes.begin(), y.classes.end(), *word);
      if (at == y.classes.end()) {
        ++out.unknown;
        continue;
      }
      y.values.push_back(static_cast<double>(at - y.classes.begin()));
    } else {
      y.answer = Answer::real;
      const auto* n = std::get_if<std::int64_t>(&*row.label);
      y.values.push_back(n ? static_cast<double>(*n) : std::get<double>(*row.label));
    }
    out.rows.push_back(row);
  }
  if (out.rows.empty()) fail(Fault::input, "no example has a label");
  if (y.answer == Answer::survival) {
    Targets survival = competing_targets(y.values, causes);
    survival.classes = std::move(y.classes);
    y = std::move(survival);
  }
  return out;
}

namespace {

// Rows without an answer have no say in the times of the others.
void draw_left_of_known(Targets& y, std::uint64_t seed) {
  std::vector<std::size_t> known;
  for (std::size_t i = 0; i < y.values.size(); ++i)
    if (!std::isnan(y.values[i])) known.push_back(i);
  Targets part = y.take(known);
  draw_left(part, seed);
  for (std::size_t k = 0; k < known.size(); ++k) y.values[known[k]] = part.values[k];
}

}  // namespace

Dataset dataset_of(const Store& store, const Encoder& encoder, const Examples& examples,
                   const FitOptions& options) {
  Dataset data;
  data.y = examples.targets;
  draw_left(data.y, options.seed);
  data.also = examples.also;
  for (FurtherTargets& one : data.also) draw_left_of_known(one.y, options.seed);
  for (const auto& row : examples.rows) data.patients.push_back(row.patient);
  const StoreHistories histories(store, examples.rows);
  const Batch batch = encode(encoder, histories, options.threads);
  data.x = dense(batch, encoder.columns());
  data.layout = encoder.layout();
  return data;
}

FurtherTargets further_targets(const Examples& examples, const std::string& task,
                               const std::vector<LabelRow>& rows, const CauseOptions& cause,
                               const std::vector<std::string>& classes) {
  const bool labelled = std::any_of(rows.begin(), rows.end(),
                                    [](const LabelRow& row) { return row.label.has_value(); });
  if (!labelled) fail(Fault::input, "task " + task + ": no example has a label");
  const Examples other = examples_of(rows, cause, classes);
  std::map<std::pair<PatientId, Time>, std::size_t> at;
  for (std::size_t i = 0; i < other.rows.size(); ++i)
    at.emplace(std::pair(other.rows[i].patient, other.rows[i].when), i);
  const Targets& from = other.targets;
  FurtherTargets out{task, {}};
  out.y.answer = from.answer;
  out.y.classes = from.classes;
  for (const LabelRow& row : examples.rows) {
    const auto found = at.find({row.patient, row.when});
    const bool here = found != at.end();
    out.y.values.push_back(here ? from.values[found->second] : std::nan(""));
    if (!from.events.empty()) out.y.events.push_back(here ? from.events[found->second] : 0);
    if (!from.left.empty()) out.y.left.push_back(here ? from.left[found->second] : -1);
  }
  return out;
}

Examples take(const Examples& examples, const std::vector<std::size_t>& chosen) {
  Examples part;
  part.targets = examples.targets.take(chosen);
  for (const std::size_t i : chosen) part.rows.push_back(examples.rows[i]);
  for (const FurtherTargets& one : examples.also)
    part.also.push_back({one.task, one.y.take(chosen)});
  return part;
}

Digest digest_of_rows(const std::vector<LabelRow>& rows) {
  Hasher hasher;
  for (const auto& row : rows) {
    hasher.add(std::to_string(row.patient.for_storage()) + " " +
               std::to_string(row.when.time_since_epoch().count()) + "\n");
    if (!row.label) continue;
    std::visit(
        [&](const auto& label) {
          using T = std::decay_t<decltype(label)>;
          if constexpr (std::is_same_v<T, std::string>)
            hasher.add(label);
          else if constexpr (std::is_same_v<T, Survival>)
            hasher.add(format_number(label.days) + "/" + std::to_string(label.cause));
          else
            hasher.add(format_number(static_cast<double>(label)));
        },
        *row.label);
  }
  return hasher.finish();
}

}  // namespace cangong
