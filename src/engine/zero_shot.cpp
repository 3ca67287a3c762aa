#include "engine/zero_shot.h"

#include <map>
#include <set>

namespace cangong {
namespace {

// Plain predicates that a derived one comes down to; none where all of several have to hold.
bool plain_of(const Task& task, std::size_t number, std::vector<const Predicate*>& all) {
  const Predicate& own = task.predicates[number];
  if (number <= kRecordEndIndex || own.kind == Predicate::Kind::all_of) return false;
  if (own.kind == Predicate::Kind::plain) {
    all.push_back(&own);
    return true;
  }
  for (const std::size_t input : own.inputs)
    if (!plain_of(task, input, all)) return false;
  return true;
}

bool has_code(const Predicate& predicate, const Token& token) {
  if (predicate.pattern) return predicate.pattern->in(token.code);
  return std::find(predicate.codes.begin(), predicate.codes.end(), token.code) !=
         predicate.codes.end();
}

// Whether an event of the token is one of the predicate's, whatever its number.
bool fits_code(const Predicate& predicate, const Token& token) {
  return !predicate.low && !predicate.high && predicate.other_columns.empty() &&
         has_code(predicate, token);
}

// How far an endpoint is from those that it hangs on, as far as lengths of time tell.
std::map<std::size_t, Duration> from_ancestors(const Task& task, std::size_t endpoint) {
  std::map<std::size_t, Duration> all{{endpoint, Duration(0)}};
  Duration sum{0};
  for (std::size_t at = endpoint; at != 0; at = task.endpoints[at].parent) {
    const Endpoint& own = task.endpoints[at];
    if (own.edge == Endpoint::Edge::next || own.edge == Endpoint::Edge::previous) break;
    sum += own.plus, all.emplace(own.parent, sum);
  }
  return all;
}

// After the prediction; none where an event decides.
std::optional<Duration> after_prediction(const Task& task, std::size_t endpoint) {
  const auto own = from_ancestors(task, endpoint);
  for (const auto& [at, index] : from_ancestors(task, task.index_endpoint))
    if (const auto shared = own.find(at); shared != own.end()) return shared->second - index;
  return std::nullopt;
}

// What FutureRecord would write of the token.
bool could_be(const Predicate& predicate, const Token& token, const TokenVocabulary& vocabulary) {
  if (!has_code(predicate, token)) return false;
  for (const auto& [column, wanted] : predicate.other_columns)
    if (column != "unit" || !token.part || vocabulary.unit_of(token.code) != wanted) return false;
  if (!predicate.low && !predicate.high) return true;
  if (!token.part) return false;
  const auto value = static_cast<float>(token.value);
  const bool low = !predicate.low || value > *predicate.low ||
                   (predicate.low_inclusive && value == *predicate.low);
  return low && (!predicate.high || value < *predicate.high ||
                 (predicate.high_inclusive && value == *predicate.high));
}

}  // namespace

TaskEnd end_of(const Task& task, const TokenVocabulary& vocabulary) {
  TaskEnd end;
  std::set<std::size_t> open;
  for (const Window& window : task.windows) {
    if (const auto fixed = after_prediction(task, window.end))
      end.last = std::max(end.last, *fixed);
    else
      open.insert(window.end);
  }
  if (open.empty()) return end;
  end.by_event = true;
  const Endpoint& last = task.endpoints[*open.begin()];
  const auto from = after_prediction(task, last.parent);
  std::vector<const Predicate*> plain;
  if (open.size() > 1 || last.edge != Endpoint::Edge::next || !from ||
      !plain_of(task, last.predicate, plain))
    return end;
  end.from = std::max(*from, end.last);
  for (std::size_t id = 0; id < vocabulary.size(); ++id) {
    const Token& token = vocabulary.token(static_cast<std::int32_t>(id));
    end.stops.push_back(std::any_of(plain.begin(), plain.end(),
                                    [&](const Predicate* one) { return fits_code(*one, token); }));
  }
  return end;
}

void require_foretellable(const Task& task, const TokenVocabulary& vocabulary) {
  std::vector<std::size_t> answers = task.outcome.predicates;
  if (task.label_predicate) answers.push_back(*task.label_predicate);
  for (const std::size_t answer : answers) {
    std::vector<const Predicate*> plain;
    if (!plain_of(task, answer, plain)) return;  // several have to hold: futures tell
    for (auto id = vocabulary.first_outcome(); id < static_cast<std::int32_t>(vocabulary.size());
         ++id)
      for (const Predicate* one : plain)
        if (could_be(*one, vocabulary.token(id), vocabulary)) return;
  }
  if (answers.empty()) return;
  fail(Fault::input, "the model can foretell no event of the predicate " +
                         task.predicates[answers.front()].name +
                         ", which is the task's answer: too few of its training patients had one, "
                         "or its parts of the numbers are too coarse (tokens: least_people, "
                         "most_tokens, parts)");
}

namespace {

// Until when a future is known: to its end, unless it was cut or stopped; for ever where it ended
// by death.
std::optional<Time> known_until(const Future& future, const FutureRequest& request,
                                const FutureRecord& record) {
  const bool stopped =
      !future.ids.empty() && request.is_over(future.ids.back(), future.days.back());
  if (future.is_cut || stopped)
    return record.at(future.ids.empty() ? request.days.back() : future.days.back());
  const bool ended = !future.ids.empty() && record.is_death(future.ids.back());
  return ended ? std::nullopt : std::optional(record.at(request.until));
}

}  // namespace

TaskShare share_of(const Labeller& labeller, const FutureRecord& record, Time as_of,
                   const std::vector<Future>& futures, const FutureRequest& request) {
  TaskShare share;
  for (const Future& future : futures) {
    share.cut += future.is_cut;
    const auto known = known_until(future, request, record);
    for (const Realisation& one : labeller.realise(record.with(future, request.until), 0)) {
      if (one.row.when != as_of || !one.row.label) continue;
      const bool reaches =
          std::none_of(one.windows.begin(), one.windows.end(),
                       [&](const WindowSummary& window) { return known && window.end > *known; });
      if (reaches) ++share.taken, share.yes += std::get<bool>(*one.row.label);
      break;
    }
  }
  return share;
}

}  // namespace cangong
