// How results look on a terminal.
#pragma once

#include <string>

#include "cli/args.h"
#include "engine/foundation.h"

namespace cangong {

// The metrics of the model, one a line, with intervals and the baselines beside it.
std::string metrics_text(const StudyReport& report);
std::string prediction_text(const PredictReply& reply);
std::string prediction_json(const PredictReply& reply);
std::string trained_json(const TrainReply& reply);

// Options. Throw UsageError.
std::size_t whole_in(const Args& args, std::string_view name, std::string_view otherwise);
double years_in(const Args& args, std::string_view otherwise);
// What `simulate` and `ask` have in common.
FutureQuestion question_in(const Args& args);

}  // namespace cangong
