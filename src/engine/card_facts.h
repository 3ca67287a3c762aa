// What the program knows about a model beyond its figures, for the documents in report/card.h.
#pragma once

#include "registry/bundle.h"
#include "report/study.h"
#include "train/pipeline.h"

namespace cangong {

// Who was judged, on what.
struct CardSubject {
  const Store& store;
  const std::vector<PatientId>& patients;
  const Targets& truth;
};
// Fills facts, card, judged and stability of the report.
void describe_card(const Pipeline& pipeline, const Bundle& bundle, const CardSubject& subject,
                   StudyReport& report);

}  // namespace cangong
