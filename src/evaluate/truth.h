// What really happened, and what a model said about it.
#pragma once

#include <string>
#include <vector>

#include "base/identifier.h"
#include "base/matrix.h"

namespace cangong {

enum class Answer { boolean, category, real, survival };

inline const char* name_of(Answer answer) {
  constexpr const char* kNames[] = {"boolean", "category", "real", "survival"};
  return kNames[static_cast<int>(answer)];
}

struct Targets {
  Answer answer = Answer::boolean;
  // boolean: 0 or 1; category: index into classes; real: the value; survival: days.
  std::vector<double> values;
  // survival: 1 where the event of interest ended the time, 0 where censored.
  std::vector<double> events;
  // survival where causes compete (evaluate/competing.h): the day on which another cause ended the
  // time, -1 where none did; `values` then say until when the row counts as at risk.
  std::vector<double> left;
  std::vector<std::string> classes;

  std::size_t outputs() const { return answer == Answer::category ? classes.size() : 1; }
  // Those of the given rows, in their order.
  Targets take(const std::vector<std::size_t>& rows) const {
    Targets part;
    part.answer = answer;
    part.classes = classes;
    for (const std::size_t i : rows) {
      part.values.push_back(values[i]);
      if (!events.empty()) part.events.push_back(events[i]);
      if (!left.empty()) part.left.push_back(left[i]);
    }
    return part;
  }
};

// The answers to another question about the same examples; NaN where none is known.
struct FurtherTargets {
  std::string task;
  Targets y;
};

// One model's answers, one entry (or row) per example.
struct Scored {
  std::vector<double> value;        // probability, value, or risk at the horizon
  std::vector<double> risk;         // orders patients: higher = sooner or likelier
  RealMatrix probabilities;         // category: by class
  std::vector<double> free_at_end;  // survival: the chance of being free at the row's own time
  std::vector<double> times;  // survival: a grid of days, and the chance of being free at each
  RealMatrix survival;
};

}  // namespace cangong
