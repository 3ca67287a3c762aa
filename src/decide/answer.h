// What a caller is told: a prediction with its reasons, or that there is none and why.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"

namespace cangong {

// An event behind a reason.
struct Evidence {
  std::string code;
  std::optional<Time> time;
  std::optional<float> number;
  std::string unit;
  std::string source;  // "Observation/12", where the record keeps it
};

// How one feature moved the answer; contributions are on the margin scale and add up with the base
// value to the margin.
struct Reason {
  std::string feature, code, aggregate, window, unit, description;
  std::optional<float> value;  // none = missing
  double contribution = 0;
  std::vector<Evidence> evidence;
  // Of the state of a model of timelines, all its numbers together: it has no value.
  static constexpr const char* kState = "state";
  bool is_state() const { return aggregate == kState; }
};

// What the model would say if one feature, or a few, were other than they are.
struct WhatIf {
  std::string feature;
  std::vector<std::pair<double, double>> curve;  // value, answer; inside the training support
};
struct Alternative {
  struct Change {
    std::string feature;
    double from = 0, to = 0;
  };
  double target = 0;
  bool reached = false;  // no change of two features inside the training support does it
  std::vector<Change> changes;
  double answer = 0;
};

// What the same network says to another question.
struct FurtherAnswer {
  std::string task, asked;
  double value = 0;  // as Prediction::value
  std::string unit;
  std::vector<std::pair<std::string, double>> classes;
  double horizon_days = 0;  // survival: of the risk
};

struct Prediction {
  double value = 0;          // probability, value, or risk at the horizon
  double low = 0, high = 0;  // where the value lies for patients scored alike, 95 %
  double margin = 0;
  double base = std::numeric_limits<double>::quiet_NaN();  // where reasons start; asked for only
  std::string unit;  // "probability", "days", or the unit of the answer
  std::vector<std::pair<std::string, double>> classes;  // category
  std::vector<std::string> set;  // the classes of which one is true, for 90 % of patients
  std::vector<std::pair<double, double>> survival;  // days, chance of being free
  // Survival: the day until which 90 % of such patients are free of the event; NaN: not known.
  double free_until = std::numeric_limits<double>::quiet_NaN();
  std::vector<Reason> reasons;  // largest first
  std::string method;           // how they were found
  std::optional<WhatIf> what_if;
  std::optional<Alternative> alternative;
  std::vector<FurtherAnswer> also;
};

struct Abstention {
  enum class Why { no_data, deceased, too_little_data, unlike_training };
  Why why = Why::no_data;
  std::string reason;
  std::vector<std::string> missing;  // what would help
};

using Reply = std::variant<Prediction, Abstention>;

const char* name_of(Abstention::Why why);

}  // namespace cangong
