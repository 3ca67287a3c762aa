// Tasks asked of simulated futures, for which nothing was trained (Renc et al. 2024, ETHOS).
#pragma once

#include "cohort/label.h"
#include "engine/future_record.h"

namespace cangong {

// When a future says all that a task wants to know, as far as its windows tell beforehand.
struct TaskEnd {
  // After the prediction: the last end of windows of a fixed length.
  Duration last{0};
  // One window's end is an event: a future is over with the first of these ids from `from` on.
  bool by_event = false;
  std::vector<std::uint8_t> stops;  // by id; empty where futures go on to the horizon
  Duration from{0};                 // after the prediction
};
TaskEnd end_of(const Task& task, const TokenVocabulary& vocabulary);

// Throws Fault::input where the model knows none of the codes by which the answer would be yes:
// every future would say no.
void require_foretellable(const Task& task, const TokenVocabulary& vocabulary);

// Whether futures, each labelled as a record is, are taken by the task with its prediction at the
// moment, and say yes. One whose windows end behind what was drawn is not taken.
struct TaskShare {
  std::size_t taken = 0, yes = 0, cut = 0;
};
TaskShare share_of(const Labeller& labeller, const FutureRecord& record, Time as_of,
                   const std::vector<Future>& futures, const FutureRequest& request);

}  // namespace cangong
