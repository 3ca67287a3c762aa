// One answer for one history: the same code for a single prediction and for a report's examples.
#pragma once

#include "decide/answer.h"
#include "train/pipeline.h"

namespace cangong {

enum class Explain { no, yes };

// Pure: the same pipeline and history give the same bytes.
Reply answer_patient(const Pipeline& pipeline, const Store& store, const History& history,
                     Explain explain);

}  // namespace cangong
