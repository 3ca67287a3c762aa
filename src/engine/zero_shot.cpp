#include "engine/zero_shot.h"

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

// After the trigger; none where an event decides.
std::optional<Duration> fixed_after_trigger(const Task& task, std::size_t endpoint) {
  Duration sum{0};
  for (std::size_t at = endpoint; at != 0; at = task.endpoints[at].parent) {
    const Endpoint& own = task.endpoints[at];
    if (own.edge == Endpoint::Edge::next || own.edge == Endpoint::Edge::previous)
      return std::nullopt;
    sum += own.plus;
  }
  return sum;
}

}  // namespace

TaskEnd end_of(const Task& task, const TokenVocabulary& vocabulary) {
  TaskEnd end;
  const auto index = fixed_after_trigger(task, task.index_endpoint);
  std::set<std::size_t> open;
  for (const Window& window : task.windows) {
    const auto fixed = fixed_after_trigger(task, window.end);
    if (fixed && index)
      end.last = std::max(end.last, *fixed - *index);
    else
      open.insert(window.end);
  }
  if (open.empty()) return end;
  end.by_event = true;
  const Endpoint& last = task.endpoints[*open.begin()];
  const auto from = fixed_after_trigger(task, last.parent);
  std::vector<const Predicate*> plain;
  if (open.size() > 1 || last.edge != Endpoint::Edge::next || !from || !index ||
      !plain_of(task, last.predicate, plain))
    return end;
  end.from = std::max(*from - *index, end.last);
  for (std::size_t id = 0; id < vocabulary.size(); ++id) {
    const Token& token = vocabulary.token(static_cast<std::int32_t>(id));
    end.stops.push_back(std::any_of(plain.begin(), plain.end(),
                                    [&](const Predicate* one) { return fits_code(*one, token); }));
  }
  return end;
}

void require_foretellable(const Task& task, const TokenVocabulary& vocabulary) {
  std::vector<const Predicate*> plain;
  if (!task.label_predicate || !plain_of(task, *task.label_predicate, plain)) return;
  for (auto id = vocabulary.first_outcome(); id < static_cast<std::int32_t>(vocabulary.size());
       ++id)
    for (const Predicate* one : plain)
      if (has_code(*one, vocabulary.token(id))) return;
  fail(Fault::input, "the model can foretell no code of the predicate " +
                         task.predicates[*task.label_predicate].name +
                         ", which is the task's answer: too few of its training patients had one "
                         "(tokens: least_people, most_tokens)");
}

TaskShare share_of(const Labeller& labeller, const FutureRecord& record, Time as_of,
                   const std::vector<Future>& futures, float until) {
  TaskShare share;
  for (const Future& future : futures) {
    share.cut += future.is_cut;
    for (const Realisation& one : labeller.realise(record.with(future, until), 0)) {
      if (one.row.when != as_of || !one.row.label) continue;
      ++share.taken, share.yes += std::get<bool>(*one.row.label);
      break;
    }
  }
  return share;
}

}  // namespace cangong
