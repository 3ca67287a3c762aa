// What the program knows about a model beyond its figures, for the documents in report/card.h.
#pragma once

#include "registry/bundle.h"
#include "report/study.h"
#include "train/pipeline.h"

namespace cangong {

// Fills facts, card and external of the report.
void describe_card(const Pipeline& pipeline, const Bundle& bundle, const Store& store,
                   StudyReport& report);

}  // namespace cangong
