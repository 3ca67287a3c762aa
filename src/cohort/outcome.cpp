#include "cohort/outcome.h"

#include <algorithm>

#include "base/error.h"

namespace cangong {
namespace {

struct Reach {
  Time prediction, window_start, window_end;
};

// Time to the first of several causes. Follow-up ends at the window's end, at a censoring event or
// with the record, whichever comes first; of causes at the same moment the first named one counts.
std::optional<Label> survival(const Task& task, const Record& record, Record::Interval inside,
                              const Reach& times) {
  const auto [start, window_start, window_end] = times;
  if (start < window_start)
    fail(Fault::config, "task " + task.name +
                            ": the follow-up window begins after the prediction " +
                            "time; events between them would be lost: let it begin there");
  Time end = window_end;
  if (const auto last = record.last_moment()) end = std::min(end, *last);
  if (task.outcome.censor)
    if (const auto censored = record.first_in(*task.outcome.censor, inside))
      end = std::min(end, *censored);
  int cause = 0;
  Time first = end;
  for (std::size_t i = 0; i < task.outcome.predicates.size(); ++i) {
    const auto at = record.first_in(task.outcome.predicates[i], inside);
    if (!at || *at > end || (cause != 0 && *at >= first)) continue;
    first = *at;
    cause = static_cast<int>(i) + 1;
  }
  if (first < start) return std::nullopt;
  return Survival{days_between(start, first), cause};
}

std::optional<Label> category(const Task& task, const Record& record, Record::Interval inside) {
  std::optional<Time> first;
  std::string name = task.outcome.otherwise;
  for (std::size_t i = 0; i < task.outcome.predicates.size(); ++i) {
    const auto at = record.first_in(task.outcome.predicates[i], inside);
    if (!at || (first && *at >= *first)) continue;
    first = at;
    name = task.outcome.names[i];
  }
  if (name.empty()) return std::nullopt;
  return name;
}

// Whether nothing of the window can be missing because the record stops too early.
bool is_followed(const Task& task, const Record& record, Record::Interval inside, Time end) {
  const Outcome& outcome = task.outcome;
  if (!outcome.follow_up_required) return true;
  if (outcome.follow_up_ends && record.count(*outcome.follow_up_ends, inside) > 0) return true;
  return record.last_moment() && *record.last_moment() >= end;
}

}  // namespace

std::optional<Label> outcome_label(const Task& task, const Record& record,
                                   const std::vector<Time>& moments) {
  const Outcome& outcome = task.outcome;
  const Window& window = task.windows[outcome.window_index];
  const Time start = moments[window.start], end = moments[window.end];
  const auto inside = record.interval(start, end, window);
  const bool followed = is_followed(task, record, inside, end);
  switch (outcome.kind) {
    case Outcome::Kind::boolean:
      if (record.count(outcome.predicates.at(0), inside) > 0) return true;
      return followed ? std::optional<Label>(false) : std::nullopt;
    case Outcome::Kind::count:
      return followed ? std::optional<Label>(record.count(outcome.predicates.at(0), inside))
                      : std::nullopt;
    case Outcome::Kind::value:
      if (const auto value = followed ? record.value_in(inside, outcome.take) : std::nullopt)
        return *value;
      return std::nullopt;
    case Outcome::Kind::category: {
      const auto found = category(task, record, inside);
      const bool none = found && std::get<std::string>(*found) == outcome.otherwise;
      return none && !followed ? std::nullopt : found;
    }
    case Outcome::Kind::survival:
      return survival(task, record, inside,
                      {moments[task.index_endpoint], moments[window.start], end});
  }
  return std::nullopt;
}

}  // namespace cangong
