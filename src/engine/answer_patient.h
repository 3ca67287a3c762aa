// One answer for one history: the same code for a single prediction and for a report's examples.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "decide/answer.h"
#include "decide/conformal.h"
#include "decide/uncertainty.h"
#include "explain/what_if.h"
#include "report/paragraph.h"
#include "train/pipeline.h"

namespace cangong {

// What is wanted besides the answer.
struct ExplainOptions {
  std::string method;            // of attributions(); empty: no reasons
  std::string what_if;           // a feature's name; empty: none
  std::optional<double> target;  // of the smallest change
};

// The answers of a model to encoded rows, as they are told; outlives not the model.
Answers answers_of(const Fitted& fitted);

// What was asked, in the words of the task file where it has some.
Told told_of(const Pipeline& pipeline);

// "probability", or "value" of what has a unit of its own.
std::string unit_of(Answer answer);

// What a code means; empty where nobody said.
using Meaning = std::function<std::string(std::string_view code)>;
Meaning meaning_in(const Store& store);

// What of a pipeline says how sure its answers are: made once, for many answers. Outlives not the
// pipeline.
struct Certainty {
  explicit Certainty(const Pipeline& pipeline);
  AnswerIntervals intervals;
  double least_of_class = 0;  // that a class of the set has
  SurvivalBound bound;        // survival
};

// Pure: the same pipeline and history give the same bytes.
Reply answer_patient(const Pipeline& pipeline, const Meaning& meaning, const History& history,
                     const ExplainOptions& explain);
Reply answer_patient(const Pipeline& pipeline, const Certainty& certainty, const Meaning& meaning,
                     const History& history, const ExplainOptions& explain);

}  // namespace cangong
