#include "decide/abstain.h"

#include <algorithm>
#include <cmath>

namespace cangong {

const char* name_of(Abstention::Why why) {
  constexpr const char* kNames[] = {"no_data", "deceased", "too_little_data", "unlike_training"};
  return kNames[static_cast<int>(why)];
}

namespace {

// Names of the missing columns, the most important first.
std::vector<std::string> most_wanted(const Pipeline& pipeline, std::span<const float> row) {
  std::vector<std::size_t> missing;
  for (std::size_t j = 0; j < row.size(); ++j)
    if (std::isnan(row[j]) && pipeline.ranges[j].importance > 0) missing.push_back(j);
  std::stable_sort(missing.begin(), missing.end(), [&](std::size_t a, std::size_t b) {
    return pipeline.ranges[a].importance > pipeline.ranges[b].importance;
  });
  const auto [first, last] = pipeline.state_columns();  // missing all at once
  std::vector<std::string> names;
  for (const std::size_t j : missing) {
    const bool is_state = j >= first && j < last;
    const std::string name = is_state ? "MEDS_BIRTH" : pipeline.encoder->columns()[j].name();
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    if (names.size() == 5) break;
  }
  return names;
}

// Something with a time, other than the birth.
bool holds_something(const History& history) {
  const auto birth = history.codes().find("MEDS_BIRTH");
  const auto events = history.events();
  return std::any_of(events.begin(), events.end(), [&](const Event& event) {
    return event.time && !(birth && event.code == *birth);
  });
}

bool is_deceased(const History& history) {
  const auto death = history.codes().find("MEDS_DEATH");
  const auto events = history.events();
  return death && std::any_of(events.begin(), events.end(), [&](const Event& event) {
           return event.code == *death && event.time && *event.time < history.cutoff();
         });
}

}  // namespace

std::optional<Abstention> abstain(const Pipeline& pipeline, std::span<const float> row,
                                  const History& history) {
  const AbstainOptions& limits = pipeline.recipe.abstain;
  if (!holds_something(history))
    return Abstention{Abstention::Why::no_data, "the record holds nothing before this moment",
                      most_wanted(pipeline, row)};
  if (is_deceased(history))
    return Abstention{Abstention::Why::deceased, "the patient died before this moment", {}};
  double missing = 0, usual = 0, present = 0, outside = 0;
  std::size_t strange = 0;
  for (std::size_t j = 0; j < row.size(); ++j) {
    const ReferenceRange& range = pipeline.ranges[j];
    usual += range.importance * range.missing;
    if (std::isnan(row[j])) {
      missing += range.importance;
      continue;
    }
    present += range.importance;
    // A little beyond the largest value seen is no stranger than that value.
    const float slack = 0.1f * (range.high - range.low);
    if (row[j] >= range.low - slack && row[j] <= range.high + slack) continue;
    outside += range.importance;
    ++strange;
  }
  if (missing > limits.most_missing && missing > usual)
    return Abstention{Abstention::Why::too_little_data,
                      "most of what the model relies on is missing", most_wanted(pipeline, row)};
  if (outside > limits.most_outside * present)
    return Abstention{Abstention::Why::unlike_training,
                      std::to_string(strange) + " values on which the model relies lie outside " +
                          "what it was trained on",
                      {}};
  return std::nullopt;
}

}  // namespace cangong
