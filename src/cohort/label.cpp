#include "cohort/label.h"

#include <algorithm>
#include <atomic>
#include <deque>

#include "base/error.h"
#include "base/progress.h"
#include "cohort/occurrences.h"
#include "cohort/outcome.h"
#include "cohort/record.h"

namespace cangong {
namespace {

bool within(const Predicate& p, const std::optional<float>& number) {
  if (!p.low && !p.high) return true;
  if (!number) return false;
  const float value = *number;
  if (p.low && (p.low_inclusive ? value < *p.low : value <= *p.low)) return false;
  if (p.high && (p.high_inclusive ? value > *p.high : value >= *p.high)) return false;
  return true;
}

bool columns_match(const Predicate& p, const Event& event) {
  for (const auto& [column, wanted] : p.other_columns)
    if ((column == "unit" ? event.unit : event.text) != wanted) return false;
  return true;
}

// The moment of each endpoint; nothing for one whose event is not found.
std::vector<std::optional<Time>> found_endpoints(const Task& task, const Record& record,
                                                 Time trigger) {
  std::vector<std::optional<Time>> moments(task.endpoints.size(), trigger);
  for (std::size_t i = 1; i < task.endpoints.size(); ++i) {
    const Endpoint& endpoint = task.endpoints[i];
    const auto from = moments[endpoint.parent];
    moments[i].reset();
    if (!from) continue;
    if (endpoint.edge == Endpoint::Edge::plus)
      moments[i] = *from + endpoint.plus;
    else if (endpoint.edge == Endpoint::Edge::next)
      moments[i] = record.next(endpoint.predicate, {*from, endpoint.include_parent});
    else
      moments[i] = record.previous(endpoint.predicate, {*from, endpoint.include_parent});
  }
  return moments;
}

// The same, or nothing where one is not found.
bool place_endpoints(const Task& task, const Record& record, Time trigger,
                     std::vector<Time>& moments) {
  moments.clear();
  for (const auto& moment : found_endpoints(task, record, trigger)) {
    if (!moment) return false;
    moments.push_back(*moment);
  }
  return true;
}

bool bounds_hold(const Window& window, const Record& record, Record::Interval inside) {
  return std::all_of(window.has.begin(), window.has.end(), [&](const Bound& bound) {
    const std::int64_t count = record.count(bound.predicate, inside);
    return count >= bound.low && count <= bound.high;
  });
}

bool window_holds(const Window& window, const Record& record,
                  const std::vector<std::optional<Time>>& moments) {
  const auto start = moments[window.start], end = moments[window.end];
  return start && end && bounds_hold(window, record, record.interval(*start, *end, window));
}

bool windows_hold(const Task& task, const Record& record, const std::vector<Time>& moments) {
  return std::all_of(task.windows.begin(), task.windows.end(), [&](const Window& window) {
    return window.has.empty() ||
           bounds_hold(window, record,
                       record.interval(moments[window.start], moments[window.end], window));
  });
}

std::optional<Label> label_of(const Task& task, const Record& record,
                              const std::vector<Time>& moments) {
  if (!task.outcome.window.empty()) return outcome_label(task, record, moments);
  if (!task.label_window) return std::nullopt;
  const Window& window = task.windows[*task.label_window];
  const auto inside = record.interval(moments[window.start], moments[window.end], window);
  return record.count(*task.label_predicate, inside) > 0;
}

// True where an event that decides the answer lies inside its window and not after the prediction.
bool answer_is_visible(const Task& task, const Record& record, const std::vector<Time>& moments) {
  const bool own = !task.outcome.window.empty();
  if (!own && !task.label_window) return false;
  const Window& window = task.windows[own ? task.outcome.window_index : *task.label_window];
  const Time known = moments[task.index_endpoint];
  if (moments[window.start] > known) return false;
  Window seen = window;
  seen.end_inclusive = true;
  const auto inside =
      record.interval(moments[window.start], std::min(known, moments[window.end]), seen);
  const auto holds = [&](std::size_t p) { return record.count(p, inside) > 0; };
  if (!own) return holds(*task.label_predicate);
  return std::any_of(task.outcome.predicates.begin(), task.outcome.predicates.end(), holds);
}

}  // namespace

struct Labeller::State {
  std::vector<Task> tasks;
  // For each task and code: the plain predicates that this code matches.
  std::vector<std::vector<std::vector<std::uint32_t>>> matches;
  std::vector<std::string> warnings;
  unsigned columns = Columns::none;
  std::deque<std::atomic<std::uint64_t>> visible;  // by task: rows whose answer can be seen

  void match(const CodeBook& codes) {
    for (const Task& task : tasks) {
      auto& by_code = matches.emplace_back(codes.size());
      for (std::uint32_t p = 3; p < task.predicates.size(); ++p) match(task, p, codes, by_code);
    }
  }

  void match(const Task& task, std::uint32_t index, const CodeBook& codes,
             std::vector<std::vector<std::uint32_t>>& by_code) {
    const Predicate& predicate = task.predicates[index];
    if (predicate.kind != Predicate::Kind::plain) return;
    for (const auto& [column, wanted] : predicate.other_columns)
      columns |= column == "unit" ? Columns::unit : Columns::text;
    bool any = false;
    const auto add = [&](CodeId id) {
      by_code[id].push_back(index);
      any = true;
    };
    for (const auto& code : predicate.codes)
      if (const auto id = codes.find(code)) add(*id);
    if (predicate.pattern)
      for (CodeId id = 0; id < codes.size(); ++id)
        if (predicate.pattern->in(codes.name(id))) add(id);
    if (!any)
      warnings.push_back("task " + task.name + ": no code in the store matches predicate \"" +
                         predicate.name + "\"");
  }

  // Reads the record once; false where the patient's demographics do not fit.
  bool read(std::size_t t, std::span<const Event> events, Record& record) const {
    const Task& task = tasks[t];
    const bool valued = task.outcome.kind == Outcome::Kind::value;
    record.begin(task.predicates.size(), valued ? task.outcome.predicates.at(0) : SIZE_MAX);
    for (const Event& event : events) {
      const auto& candidates = matches[t][event.code];
      if (event.time) record.at(*event.time);
      for (const std::uint32_t p : candidates) {
        const Predicate& predicate = task.predicates[p];
        if (predicate.demographic == event.time.has_value()) continue;
        if (within(predicate, event.number) && columns_match(predicate, event))
          record.add(p, event);
      }
    }
    for (std::size_t p = 3; p < task.predicates.size(); ++p) {
      const Predicate& predicate = task.predicates[p];
      if (predicate.demographic && record.occurrences(p).total() == 0) return false;
      if (predicate.kind != Predicate::Kind::plain) record.derive(p, predicate);
    }
    return true;
  }

  // The record by the clock of the answer: each event at the moment when it happened, if the source
  // says so.
  const Record& answer_record(std::size_t t, const Timeline& timeline, const Record& known) const {
    if (!tasks[t].outcome.by_occurred) return known;
    thread_local Record record;
    thread_local std::vector<Event> events;
    events.assign(timeline.events().begin(), timeline.events().end());
    for (Event& event : events)
      if (event.time && event.occurred) event.time = event.occurred;
    std::stable_sort(events.begin(), events.end(),
                     [](const Event& a, const Event& b) { return a.time < b.time; });
    read(t, events, record);
    return record;
  }

  // use(record, answers, trigger, moments): `answers` is the record by the answer's clock.
  template <class Use>
  void each_row(std::size_t t, const Timeline& timeline, const Use& use) const {
    thread_local Record record;
    thread_local std::vector<Time> moments;
    const Task& task = tasks[t];
    if (!read(t, timeline.events(), record)) return;
    const Record& answers = answer_record(t, timeline, record);
    record.each_moment(task.trigger, [&](Time trigger) {
      if (place_endpoints(task, record, trigger, moments) && windows_hold(task, record, moments))
        use(record, answers, trigger, moments);
    });
  }
};

Labeller::Labeller(std::vector<Task> tasks, const CodeBook& codes)
    : state_(std::make_unique<State>()) {
  state_->tasks = std::move(tasks);
  state_->match(codes);
  for (std::size_t t = 0; t < state_->tasks.size(); ++t) state_->visible.emplace_back(0);
}
Labeller::~Labeller() = default;
Labeller::Labeller(Labeller&&) noexcept = default;

const std::vector<Task>& Labeller::tasks() const {
  return state_->tasks;
}
std::vector<std::string> Labeller::warnings() const {
  auto all = state_->warnings;
  for (std::size_t t = 0; t < state_->tasks.size(); ++t)
    if (const std::uint64_t rows = state_->visible[t].load(); rows > 0)
      all.push_back("task " + state_->tasks[t].name + ": in " + std::to_string(rows) +
                    " rows an event that answers the question stands at or before the prediction "
                    "time, where the model sees it; move the window or exclude the code");
  return all;
}
unsigned Labeller::columns() const {
  unsigned columns = state_->columns;
  for (const Task& task : state_->tasks)
    if (task.outcome.by_occurred) columns |= Columns::occurred;
  return columns;
}

void Labeller::label(const Timeline& timeline, std::vector<std::vector<LabelRow>>& rows) const {
  for (std::size_t t = 0; t < state_->tasks.size(); ++t) {
    const Task& task = state_->tasks[t];
    const bool labelled = task.label_window || !task.outcome.window.empty();
    state_->each_row(
        t, timeline, [&](const Record&, const Record& answers, Time, const auto& moments) {
          auto label = label_of(task, answers, moments);
          if (labelled && !label) return;  // an outcome that cannot be known
          if (answer_is_visible(task, answers, moments)) ++state_->visible[t];
          rows[t].push_back({timeline.patient(), moments[task.index_endpoint], std::move(label)});
        });
  }
}

std::vector<Realisation> Labeller::realise(const Timeline& timeline, std::size_t t) const {
  std::vector<Realisation> found;
  const Task& task = state_->tasks[t];
  state_->each_row(
      t, timeline,
      [&](const Record& record, const Record& answers, Time trigger, const auto& moments) {
        Realisation one{
            {timeline.patient(), moments[task.index_endpoint], label_of(task, answers, moments)},
            trigger,
            {}};
        for (const Window& window : task.windows) {
          WindowSummary summary{moments[window.start], moments[window.end], {}};
          const auto inside = record.interval(summary.start, summary.end, window);
          for (std::size_t p = 0; p < task.predicates.size(); ++p)
            summary.counts.push_back(record.count(p, inside));
          one.windows.push_back(std::move(summary));
        }
        found.push_back(std::move(one));
      });
  return found;
}

std::optional<Time> Labeller::first_answer(const Timeline& timeline, std::size_t t) const {
  thread_local Record record;
  const Task& task = state_->tasks[t];
  std::vector<std::size_t> wanted = task.outcome.predicates;
  if (task.outcome.window.empty() && task.label_predicate) wanted = {*task.label_predicate};
  if (wanted.empty() || !state_->read(t, timeline.events(), record)) return std::nullopt;
  std::optional<Time> first;
  const Record::From begin{Time::min(), true};
  for (const std::size_t predicate : wanted)
    if (const auto at = record.next(predicate, begin); at && (!first || *at < *first)) first = at;
  return first;
}

std::vector<AttritionStep> Labeller::attrition(const Store& store, std::size_t t) const {
  const Task& task = state_->tasks[t];
  std::vector<AttritionStep> steps{{"In the store", "数据库中"},
                                   {"With the trigger", "出现触发事件"}};
  for (const Window& window : task.windows)
    steps.push_back({"Window " + window.name + " holds", "满足时间窗 " + window.name});
  const bool labelled = task.label_window || !task.outcome.window.empty();
  if (labelled) steps.push_back({"With a known answer", "结局可知"});
  Record record;
  std::vector<std::uint64_t> rows(steps.size());
  store.each(columns(), [&](const Timeline& timeline) {
    std::fill(rows.begin(), rows.end(), 0);
    const bool fits = state_->read(t, timeline.events(), record);
    const Record& answers = state_->answer_record(t, timeline, record);
    if (fits)
      record.each_moment(task.trigger, [&](Time trigger) {
        std::size_t step = 1;
        ++rows[step];
        const auto moments = found_endpoints(task, record, trigger);
        for (const Window& window : task.windows) {
          if (!window_holds(window, record, moments)) return;
          ++rows[++step];
        }
        std::vector<Time> all;
        if (labelled && place_endpoints(task, record, trigger, all) && label_of(task, answers, all))
          ++rows[++step];
      });
    ++steps[0].patients;
    for (std::size_t i = 1; i < steps.size(); ++i)
      steps[i].rows += rows[i], steps[i].patients += rows[i] > 0;
  });
  return steps;
}

std::vector<std::vector<LabelRow>> label_store(const Store& store, const Labeller& labeller,
                                               std::size_t threads) {
  const std::size_t shards = store.inventory().shards.size(), tasks = labeller.tasks().size();
  std::vector<std::vector<std::vector<LabelRow>>> found(shards,
                                                        std::vector<std::vector<LabelRow>>(tasks));
  Progress progress("labelling", store.inventory().subjects());
  store.each(labeller.columns(), threads, [&](std::size_t shard, const Timeline& timeline) {
    labeller.label(timeline, found[shard]);
    progress.step();
  });
  std::vector<std::vector<LabelRow>> rows(tasks);
  for (auto& shard : found)
    for (std::size_t t = 0; t < tasks; ++t)
      rows[t].insert(rows[t].end(), shard[t].begin(), shard[t].end());
  for (auto& task_rows : rows)
    std::stable_sort(task_rows.begin(), task_rows.end(), [](const auto& a, const auto& b) {
      return a.patient != b.patient ? a.patient < b.patient : a.when < b.when;
    });
  return rows;
}

}  // namespace cangong
