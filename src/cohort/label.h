// Finds a task's rows and labels on timelines: several tasks in one pass over each record.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cohort/task.h"
#include "timeline/store.h"

namespace cangong {

// What a realised window saw; for tests and attrition, in the order of Task::windows.
struct WindowSummary {
  Time start, end;
  std::vector<std::int64_t> counts;  // by predicate of the task
};

// How many patients and rows are left after a step of the task, in its order.
struct AttritionStep {
  std::string english, chinese;
  std::uint64_t patients = 0, rows = 0;
};

struct Realisation {
  LabelRow row;
  Time trigger;
  std::vector<WindowSummary> windows;  // empty unless asked for
};

class Labeller {
 public:
  // Predicates are matched against `codes` once.
  Labeller(std::vector<Task> tasks, const CodeBook& codes);
  ~Labeller();
  Labeller(Labeller&&) noexcept;

  const std::vector<Task>& tasks() const;
  // Predicates that no code matches; and, after labelling, tasks whose answer's window reaches back
  // to the prediction time, so that the model could see the answer.
  std::vector<std::string> warnings() const;
  // Which optional columns the predicates read.
  unsigned columns() const;

  // Appends to rows[task]. Safe for concurrent calls with different `rows`.
  void label(const Timeline& timeline, std::vector<std::vector<LabelRow>>& rows) const;
  // The same for one task, with the windows' times and counts.
  std::vector<Realisation> realise(const Timeline& timeline, std::size_t task) const;
  // The first moment at which an event holds that answers the question; none if none does.
  std::optional<Time> first_answer(const Timeline& timeline, std::size_t task) const;
  std::vector<AttritionStep> attrition(const Store& store, std::size_t task) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Labels a whole store; the rows of each task are in the order of subject and time.
std::vector<std::vector<LabelRow>> label_store(const Store& store, const Labeller& labeller,
                                               std::size_t threads);

}  // namespace cangong
